"""``python -m benchmarks.boundary_search.gbopt --out gbopt.json``: evaluations until boundaries that GBOpt searched are found.

GBOpt (github.com/IdahoLabResearch/GBOpt, 2026) is a Monte Carlo and a genetic search. Its energies, the evaluations that it
needed to within 0.5 % of them, and the energies of the literature that it names, are those of its committed runs. Our
runs end at 2 mJ/m^2 above the lower of both energies, or with their evaluations.

GBOpt's cells are two by three periods wide and periodic, with slabs of 60 Å; ours are one to two by two periods wide, between
rigid blocks. Its iron is ``Fe_2.eam.fs``, which differs from ``Fe_mm.eam.fs`` at very small distances alone: lattice parameter,
cohesive energy, and the energy of the mixed boundary (within 0.003 mJ/m^2) are the same.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.boundary_search.cases import METHODS, Metal
from benchmarks.command import begun, command
from tansaku.models.domain.errors import CalculationError
from tansaku.models.domain.identifiers import proposal_rng
from tansaku.models.domain.ports import History
from tansaku.models.domain.records import JsonDict, Outcome
from tansaku.models.engine.proposer_registry import build_proposer
from tansaku.tasks.node.jobs.document import JobDocument
from tansaku.tasks.node.jobs.evaluate import evaluate
from tansaku.tasks.node.jobs.machine import describe_machine
from tansaku.tasks.node.jobs.opened import opened_space
from tansaku.tasks.node.jobs.spool_files import write_json

NEAR = 1.005
"""Within 0.5 % of an energy."""

ABOVE = 2.0
"""The goal is at most so much above the lower of GBOpt's and the literature's energy [mJ/m^2]."""

FE = Metal("Fe", "bcc", 2.8553, "Fe_mm.eam.fs", 5.6, 1811)
SI = Metal("Si", "diamond", 5.431, "Si.sw", 7.6, 1687)
"""An atom's three-body energy depends on the neighbours of its neighbours: twice the cutoff."""

_AXIS = [[0, 0, 1], [0, 0, 1]]
_ASYMMETRIC: JsonDict = {"planes": [[2, 1, 0], [11, -2, 0]], "directions": _AXIS}
_TWIST: JsonDict = {"axis": [0, 0, 1], "sigma": 5, "plane": [0, 0, 1]}


@dataclass(frozen=True)
class Compared:
    """A boundary that GBOpt searched.

    Attributes:
        boundary: As a campaign file gives it.
        theirs: Lowest energy of its runs [mJ/m^2].
        evaluations: After which it was within 0.5 % of that; None: not published.
        literature: Energy that it compares with [mJ/m^2]; None: none.
        max_atoms: Most atoms of our cell.
    """

    name: str
    metal: Metal
    boundary: JsonDict
    theirs: float
    evaluations: int | None
    literature: float | None = None
    max_atoms: int = 400

    @property
    def goal(self) -> float:
        """At most this energy is wanted [mJ/m^2]."""
        return min(self.theirs, self.literature or self.theirs) + ABOVE

    def document(self, candidate: str) -> JobDocument:
        """The job of a candidate."""
        metal = self.metal
        crystal = {"structure": metal.structure, "element": metal.element}
        edge = {"lattice_parameter": metal.edge, "own_lattice_parameter": metal.edge}
        return JobDocument.model_validate(
            {
                "campaign": "benchmark",
                "candidate": candidate,
                "space": {
                    "type": "grain_boundary",
                    "crystal": crystal | edge,
                    "boundaries": {"general": [self.boundary]},
                    "cell": {"boundaries": 1, "relaxed": 12, "reach": metal.reach},
                    "replication": {"max_atoms": self.max_atoms, "max": [2, 2]},
                    "atoms": {"fractions": "all", "layer": 1.5, "closest": 0.5},
                    "translation": {"sample": "full"},
                },
                "calculator": {
                    "type": "lammps",
                    "potential": metal.potential,
                    "relaxation": {"translation": "free", "fmax": 0.01},
                },
                "objective": {"unit": "mJ/m2"},
                "base_path": ".",
            }
        )


CASES = (
    Compared("fe-s5-310", FE, {"planes": [[3, 1, 0], [3, -1, 0]], "directions": _AXIS}, 986.7, 719),
    Compared("fe-s5-asymmetric", FE, _ASYMMETRIC, 1120.7, 6640),
    Compared("fe-s5-mixed", FE, {"axis": [0, 0, 1], "sigma": 5, "plane": [1, 1, 1]}, 1200.3, 2763),
    Compared("fe-s5-twist", FE, _TWIST, 1110.8, 958, 1074.0),
    Compared("fe-s13-510", FE, {"planes": [[5, 1, 0], [5, -1, 0]], "directions": _AXIS}, 991.3, None, 980.0),
    Compared("si-s5-asymmetric", SI, _ASYMMETRIC, 1023.9, 6410, max_atoms=600),
    Compared("si-s5-twist", SI, _TWIST, 1400.2, 1971),
)


def run(case: Compared, method: str, seed: int, most: int) -> JsonDict:
    """Searches until the goal or a number of evaluations is reached.

    Returns:
        ``within``: evaluations to within 0.5 % of GBOpt's energy, None where that was not reached; ``met``: to the goal;
        ``force_calls``: steps of all relaxations.
    """
    proposer = build_proposer(METHODS[method].proposer)
    document = case.document("")
    pool = opened_space(document.space, document.base_path).pool()
    observed: list[int] = []
    failed: list[int] = []
    outcomes: list[Outcome] = []
    values: list[float] = []
    fitted: list[int] = []
    hyperparameters: JsonDict | None = None
    row: JsonDict = {"case": case.name, "method": method, "seed": seed, "within": None, "met": None}
    begin = time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        for number in range(1, most + 1):
            history = History(np.array(observed, dtype=np.intp), np.array(values), np.array(failed, dtype=np.intp))
            if proposer.refit_due(len(values), fitted):
                hyperparameters = proposer.fit(pool, history, hyperparameters)
                fitted.append(len(values))
            choice = proposer.propose(pool, history, number, proposal_rng(seed, number), hyperparameters)
            if choice is None:
                break
            try:
                outcome = evaluate(case.document(str(pool.ids[choice.position])), Path(folder))
            except CalculationError:
                outcome = None
            if outcome is None or outcome.value is None:
                failed.append(choice.position)
                continue
            observed.append(choice.position)
            outcomes.append(outcome)
            values.append(outcome.value)
            if row["within"] is None and outcome.value <= NEAR * case.theirs:
                row["within"] = number
            if outcome.value <= case.goal:
                row["met"] = number
                break
    best = int(np.argmin(values)) if values else None
    return row | {
        "evaluations": len(observed) + len(failed),
        "failed": len(failed),
        "lowest": None if best is None else round(values[best], 2),
        "candidate": None if best is None else str(pool.ids[observed[best]]),
        "atoms": None if best is None else outcomes[best].properties["n_atoms"],
        "force_calls": sum(outcome.properties["steps"] for outcome in outcomes),
        "core_seconds": round(time.process_time() - begin, 2),
    }


def print_table(rows: Sequence[JsonDict]) -> None:
    """A line for each boundary and method."""
    print("boundary            method   GBOpt    goal  lowest   within 0.5 %: ours, median (found), GBOpt   core-seconds, mean")
    for case in CASES:
        for method in dict.fromkeys(row["method"] for row in rows):
            own = [row for row in rows if (row["case"], row["method"]) == (case.name, method)]
            if not own:
                continue
            counts = [row["within"] if row["within"] is not None else np.inf for row in own]
            found = sum(row["within"] is not None for row in own)
            lowest = min(row["lowest"] for row in own if row["lowest"] is not None)
            seconds = np.mean([row["core_seconds"] for row in own])
            print(
                f"{case.name:19} {method:8} {case.theirs:7.1f} {case.goal:7.1f} {lowest:7.1f} {np.median(counts):22.0f} "
                f"({found}/{len(own)}) {case.evaluations or '-':>8} {seconds:17.1f}"
            )


def main() -> None:
    """Runs the comparison; an interrupted one continues."""
    parser = command("boundary_search.gbopt", __doc__, quick="one boundary, one run of at most 3 evaluations")
    parser.add_argument("--seeds", type=int, default=20, help="runs of each search (default 20)")
    parser.add_argument("--evaluations", type=int, default=150, help="most evaluations of a run (default 150)")
    parser.add_argument(
        "--methods", nargs="+", choices=("arms", "arms-without-gp", "random"), default=["arms"], help="searches (default arms)"
    )
    names = [case.name for case in CASES]
    parser.add_argument("--cases", nargs="+", choices=names, default=names, help="only these boundaries")
    given = parser.parse_args()
    seeds, most, cases = (1, 3, names[:1]) if given.quick else (given.seeds, given.evaluations, given.cases)
    same = {"version": 1, "quick": given.quick, "evaluations": most}
    result = begun(given.out, same, rows=[], provenance=describe_machine())
    rows = result["rows"]
    done = {(row["case"], row["method"], row["seed"]) for row in rows}
    for seed in range(seeds):
        for case in (case for case in CASES if case.name in cases):
            for method in given.methods:
                if (case.name, method, seed) not in done:
                    rows.append(run(case, method, seed, most))
                    write_json(given.out, result)
    print_table(rows)


if __name__ == "__main__":
    main()
