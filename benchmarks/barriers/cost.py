"""``python -m benchmarks.barriers.cost --out cost.json``: processor time of full evaluations of tavorites, by their parts.

Compounds are drawn at random from ``benchmarks/tavorite/relaxed.parquet`` and computed as there (``relaxed.yaml``), by CHGNet
in one thread. Seconds are processor time, which a busy machine makes longer; ``calculator`` is the share inside the calculator.
The stored barrier and number of evaluations are beside the new ones. An interrupted run continues.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
from ase import Atoms

from benchmarks.command import begun, command
from benchmarks.tavorite.__main__ import HERE
from tansaku.calculators.calculator_registry import open_calculator
from tansaku.calculators.workflows.migration.checkpoint import Checkpoint
from tansaku.calculators.workflows.migration_barrier import migration_barrier
from tansaku.models.domain.ports import CalculationResult, Calculator
from tansaku.models.domain.records import JsonDict, Provenance
from tansaku.models.domain.specs.calculators.contract import workflow_of
from tansaku.models.domain.specs.composition import CompositionSpaceSpec
from tansaku.models.domain.specs.relaxation import RelaxationSpec
from tansaku.models.domain.specs.workflow import MigrationBarrierSpec
from tansaku.spaces.composition import CompositionSpace
from tansaku.tasks.node.configuration.campaign_files import load_campaign
from tansaku.tasks.node.jobs.machine import describe_machine
from tansaku.tasks.node.jobs.spool_files import write_json

PARTS = {
    "host": "crystal",
    "curvature": "second derivatives",
    "vacancy": "vacancies",
    "bounds": "midpoints",
    "hop": "saddle points",
}
"""Parts of an evaluation, by the names under which a checkpoint keeps them."""


@dataclass
class Timed:
    """A calculator that notes the processor time spent in it."""

    inner: Calculator
    seconds: float = 0.0

    @property
    def provenance(self) -> Provenance:
        """The calculator's."""
        return self.inner.provenance

    def evaluate(self, structure: Atoms, relaxation: RelaxationSpec | None = None) -> CalculationResult:
        """Computes a structure."""
        begin = time.process_time()
        found = self.inner.evaluate(structure, relaxation)
        self.seconds += time.process_time() - begin
        return found

    def close(self) -> None:
        """Closes the calculator."""
        self.inner.close()


@dataclass(frozen=True)
class Clock(Checkpoint):
    """A checkpoint that keeps nothing, and notes evaluations and processor time when a part is finished."""

    calculator: Timed = field(kw_only=True)
    parts: dict[str, JsonDict] = field(default_factory=dict)
    marks: list[tuple[float, float]] = field(default_factory=list)

    def mark(self) -> None:
        """The next part begins."""
        self.marks.append((time.process_time(), self.calculator.seconds))

    def save(self, part: str, data: JsonDict, atoms: Atoms | None = None) -> None:  # noqa: ARG002 - the base class's signature
        """Adds a finished part to those of its kind."""
        (begin, inside), name = self.marks[-1], PARTS[part.split("-")[0]]
        row = self.parts.setdefault(name, {"evaluations": 0, "seconds": 0.0, "calculator": 0.0})
        row["evaluations"] += int(data["evaluations"])
        row["seconds"] += time.process_time() - begin
        row["calculator"] += self.calculator.seconds - inside
        self.mark()


def measured(calculator: Calculator, structure: Atoms, spec: MigrationBarrierSpec) -> JsonDict:
    """Barrier and parts of one evaluation."""
    timed = Timed(calculator)
    clock = Clock(None, "", calculator=timed)
    clock.mark()
    begin = time.process_time()
    found = migration_barrier(timed, structure, spec, clock)
    return {
        "barrier": found.barrier(spec.dimensions),
        "atoms": len(found.crystal.supercell.atoms),
        "evaluations": found.evaluations,
        "seconds": round(time.process_time() - begin, 2),
        "calculator": round(timed.seconds, 2),
        "methods": [hop.result.method for hop in found.hops if hop.result is not None],
        "parts": {name: {key: round(value, 2) for key, value in row.items()} for name, row in clock.parts.items()},
    }


def summary(rows: list[JsonDict]) -> JsonDict:
    """Seconds and evaluations of a compound, by part, and how far barriers are from the table's."""

    def of(key: str) -> list[float]:
        return [float(row[key]) for row in rows]

    parts = {
        name: {
            key: round(float(np.mean([row["parts"].get(name, {}).get(key, 0.0) for row in rows])), 2)
            for key in ("evaluations", "seconds", "calculator")
        }
        for name in PARTS.values()
    }
    return {
        "compounds": len(rows),
        "seconds": {"mean": round(float(np.mean(of("seconds"))), 1), "median": round(float(np.median(of("seconds"))), 1)},
        "evaluations": {"mean": round(float(np.mean(of("evaluations"))), 1), "median": float(np.median(of("evaluations")))},
        "in_calculator": round(sum(of("calculator")) / sum(of("seconds")), 3),
        "largest_difference": float(max(abs(row["barrier"] - row["stored"]["barrier"]) for row in rows)),
        "parts": parts,
    }


def stored() -> dict[str, JsonDict]:
    """Barrier [eV] and evaluations of each compound of the table."""
    table = pd.read_parquet(HERE / "relaxed.parquet")
    found = {}
    for row in table[table.state == "DONE"].itertuples():
        evaluations = json.loads(str(row.record))["outcome"]["properties"]["evaluations"]
        found[str(row.candidate)] = {"barrier": float(str(row.value)), "evaluations": int(evaluations)}
    return found


def main() -> None:
    """Entry of the command."""
    parser = command("barriers.cost", __doc__, quick="one compound")
    parser.add_argument("--compounds", type=int, default=12, help="number of compounds (default: 12)")
    options = parser.parse_args()
    campaign = load_campaign(HERE / "relaxed.yaml").spec
    assert campaign.calculator is not None
    assert isinstance(campaign.space, CompositionSpaceSpec)
    spec = workflow_of(campaign.calculator)
    assert isinstance(spec, MigrationBarrierSpec)
    calculator, space, known = open_calculator(campaign.calculator, Path()), CompositionSpace(campaign.space, HERE), stored()
    calculator.evaluate(space.structure(sorted(known)[0]))  # loads the network
    result = begun(options.out, {"schema_version": 1, "quick": options.quick}, rows=[])
    order = sorted(known)
    for place in np.random.default_rng(0).permutation(len(order))[: 1 if options.quick else options.compounds]:
        name = order[int(place)]
        if name in {row["candidate"] for row in result["rows"]}:
            continue
        row: JsonDict = {"candidate": name, "stored": known[name]} | measured(calculator, space.structure(name), spec)
        result["rows"].append(row)
        print(
            name, row["seconds"], "s", row["evaluations"], "evaluations", row["barrier"] - row["stored"]["barrier"], flush=True
        )
        write_json(options.out, result | {"provenance": describe_machine(), "summary": summary(result["rows"])})
    print(json.dumps(summary(result["rows"]), indent=2))


if __name__ == "__main__":
    main()
