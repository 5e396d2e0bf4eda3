"""``python -m benchmarks.boundary_hull --out result.json``: the goal ``hull`` beside ``best_per_system``.

Boundaries of the alloy CuAu (caesium chloride, effective-medium theory) exchange copper: each of their systems is a line over
its chemical potential. All candidates are computed first. Then both goals search the same pool, and what counts is how far the
lowest of the lines that were found lies above that of all candidates, where it lies farthest, in each plane. The window of the
potential is wider than the alloy's own (4 meV), so that several systems are the lowest somewhere.
"""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from functools import partial
from itertools import product
from pathlib import Path

import numpy as np
from ase.build import bulk

from benchmarks.command import command, results
from benchmarks.pools import search
from tansaku.models.domain.pool import CandidatePool, FloatArray, IntArray
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.specs.budget import BudgetSpec
from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.models.engine.proposer_registry import build_proposer
from tansaku.spaces.space_registry import open_space
from tansaku.tasks.node.configuration.defaults import with_defaults
from tansaku.tasks.node.jobs.document import JobDocument
from tansaku.tasks.node.jobs.evaluate import evaluate
from tansaku.tasks.node.jobs.machine import describe_machine

GOALS: dict[str, JsonDict] = {"hull": {"type": "hull", "over": "mu_Cu"}, "best_per_system": {"type": "best_per_system"}}
COUNTS = (20, 40, 80, 160)
SEEDS = 8
NEAR = 5.0
"""A hull within this of that of all candidates is found [mJ/m^2]."""

_RELAXATION = {"cell": "normal", "translation": "free", "fmax": 0.05}
_WINDOW = "-0.35 eV"
_POTENTIALS = 201


@dataclass(frozen=True)
class Case:
    """One search."""

    goal: str
    seed: int


def campaign(goal: str, *, quick: bool) -> CampaignSpec:
    """The campaign of a goal as a new one."""
    space: JsonDict = {
        "type": "compound_boundary",
        "crystal": "cuau.cif",
        "planes": [[2, 1, 0]] if quick else [[2, 1, 0], [3, 1, 0]],
        "unit": {"phase": "cu.cif", "rest": "au.cif", "most": 8, "lowest": _WINDOW},
        "exchange": {"units": [-1, 0, 1] if quick else [-2, -1, 0, 1, 2], "seeds": 1 if quick else 2},
        "thickness": 7 if quick else 10,
        "step": 1.6 if quick else 1.4,
    }
    document = {
        "schema_version": 1,
        "name": "boundary-hull",
        "space": space,
        "calculator": {"type": "emt", "relaxation": _RELAXATION},
        "objective": {"goal": GOALS[goal], "unit": "mJ/m2"},
        "budget": {"evaluations": max(COUNTS)},
    }
    return with_defaults(CampaignSpec.model_validate(document))


def crystals(folder: Path) -> None:
    """Writes the crystals of the alloy and of its elements."""
    bulk("CuAu", "cesiumchloride", a=3.1).write(folder / "cuau.cif")
    bulk("Cu", "fcc", a=3.6, cubic=True).write(folder / "cu.cif")
    bulk("Au", "fcc", a=4.1, cubic=True).write(folder / "au.cif")


def values_of(spec: CampaignSpec, folder: Path, candidates: list[str]) -> list[float | None]:
    """Energies [mJ/m^2]; None where an evaluation fails."""
    shared = {"campaign": "benchmark", "space": spec.space, "calculator": spec.calculator, "objective": spec.objective}
    found = []
    for candidate in candidates:
        document = JobDocument.model_validate({**shared, "candidate": candidate, "base_path": str(folder)})
        outcome = evaluate(document, folder)
        found.append(None if outcome.value is None else round(outcome.value, 2))
    return found


def lag(pool: CandidatePool, values: FloatArray, order: IntArray) -> float:
    """Distance of the lowest lines of some candidates above those of all, where farthest, the mean of the planes [mJ/m^2].

    Args:
        values: Of all candidates, NaN where they failed [mJ/m^2], shape ``(n_candidates,)``.
        order: Those that were evaluated.
    """
    system_lines = pool.lines
    assert system_lines is not None
    at = np.linspace(system_lines.beginning(None), 0.0, _POTENTIALS)

    def lowest(chosen: IntArray, group: int) -> FloatArray:
        best = np.full(len(pool.systems), np.inf)
        np.fmin.at(best, pool.system_codes[chosen], values[chosen])
        own = np.flatnonzero(system_lines.groups == group)
        lines = best[own, None] + 1000.0 * system_lines.slopes[own, None] * at
        return np.asarray(lines.min(axis=0))

    every = np.arange(len(pool))
    gaps = [(lowest(order, group) - lowest(every, group)).max() for group in np.unique(system_lines.groups)]
    return float(np.mean(gaps))


def searched(pool: CandidatePool, values: FloatArray, quick: bool, case: Case) -> JsonDict:
    """One search: the lag after some numbers of evaluations, and the number until the hull is found, null where it is not."""
    spec = campaign(case.goal, quick=quick)
    proposer = build_proposer(spec.proposer, spec.objective)
    order = search(pool, values, proposer, case.seed, BudgetSpec(evaluations=max(COUNTS))).positions
    lags = [lag(pool, values, order[:count]) for count in range(1, len(order) + 1)]
    found = np.flatnonzero(np.array(lags) <= NEAR)
    at = {str(count): lags[min(count, len(lags)) - 1] for count in COUNTS}
    return {"goal": case.goal, "seed": case.seed, "needed": int(found[0]) + 1 if len(found) else None, "lag": at}


def summary(runs: list[JsonDict]) -> list[JsonDict]:
    """Median lag and number of evaluations by goal; null: half of the searches did not find the hull."""
    found = []
    for goal in dict.fromkeys(run["goal"] for run in runs):
        own = [run for run in runs if run["goal"] == goal]
        needed = float(np.median([np.inf if run["needed"] is None else run["needed"] for run in own]))
        found.append(
            {
                "goal": goal,
                "seeds": len(own),
                "needed": needed if np.isfinite(needed) else None,
                "found": sum(run["needed"] is not None for run in own),
                "lag": {count: round(float(np.median([run["lag"][count] for run in own])), 1) for count in own[0]["lag"]},
            }
        )
    return found


def main() -> None:
    """Computes all candidates, replays the searches and writes the result."""
    options = command("boundary_hull", __doc__, quick="one plane, few candidates, two seeds", jobs="searches").parse_args()
    spec = campaign("hull", quick=options.quick)
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        crystals(folder)
        pool = open_space(spec.space, folder).pool()
        stored = values_of(spec, folder, [str(name) for name in pool.ids])
    values = np.array(stored, dtype=np.float64)
    cases = [Case(goal, seed) for goal, seed in product(GOALS, range(2 if options.quick else SEEDS))]
    runs = list(results(partial(searched, pool, values, options.quick), cases, options.jobs))
    rows = summary(runs)
    for row in rows:
        print(f"{row['goal']:<16} found by {row['found']} of {row['seeds']}, median {row['needed']}; lag {row['lag']}")
    content = {
        "schema_version": 1,
        "machine": describe_machine(),
        "candidates": len(values),
        "failed": int(np.isnan(values).sum()),
        "values": dict(zip(map(str, pool.ids), stored, strict=True)),
        "summary": rows,
        "runs": runs,
    }
    options.out.write_text(json.dumps(content) + "\n")


if __name__ == "__main__":
    main()
