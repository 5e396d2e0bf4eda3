"""``python -m benchmarks.prefers --out result.json``: searches with an expectation, right or wrong, against none.

The pools have known values. ``right`` expects the best values within a range of two fifths of each number's whole range about
the best candidate, ``wrong`` in a range of this width about the point on the opposite side of the middle. Both have the usual
weight. The gap is the best value found less the smallest one of the pool.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from benchmarks.command import command, results
from benchmarks.pools import branin, grid, mean_and_error, pool_of, scattered, search
from tansaku.models.domain.pool import Expectation, FloatArray
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.specs.budget import BudgetSpec
from tansaku.models.domain.specs.prefers import PrefersSpec
from tansaku.models.domain.specs.proposer import GPProposerSpec
from tansaku.models.engine.proposer_registry import build_proposer
from tansaku.models.features.standard_functions import hartmann6
from tansaku.spaces.expectations import expectation
from tansaku.tasks.act.replay.run import gap_curves
from tansaku.tasks.node.jobs.machine import describe_machine

SEEDS = 12
EXPECTED = ("nothing", "right", "wrong")
COUNTS = (5, 10, 15, 20)
_HALF = 0.2

PROBLEMS: dict[str, tuple[Callable[[], FloatArray], Callable[[FloatArray], FloatArray]]] = {
    "branin": (lambda: grid((-5, 0), (10, 15)), branin),
    "hartmann6": (lambda: scattered(6), hartmann6),
}


@dataclass(frozen=True)
class Case:
    """One search."""

    problem: str
    expected: str
    seed: int


def searched(case: Case) -> JsonDict:
    """Gap after each evaluation."""
    points_of, function = PROBLEMS[case.problem]
    points = points_of()
    values = function(points)
    pool = pool_of(points, _expectation(points, values, case.expected))
    proposer = build_proposer(GPProposerSpec(engine=3))
    done = search(pool, values, proposer, case.seed, BudgetSpec(evaluations=COUNTS[-1]))
    return {**vars(case), "gap": np.round(gap_curves(pool, values, done.positions, "minimize", 0.0).mean, 4).tolist()}


def _expectation(points: FloatArray, values: FloatArray, expected: str) -> Expectation | None:
    if expected == "nothing":
        return None
    low, span = points.min(axis=0), np.ptp(points, axis=0)
    best = (points[np.argmin(values)] - low) / span
    middle = best if expected == "right" else 1.0 - best
    within = {
        f"x{column}": (float(low[column] + span[column] * (at - _HALF)), float(low[column] + span[column] * (at + _HALF)))
        for column, at in enumerate(middle)
    }
    cells = {name: points[:, column] for column, name in enumerate(within)}
    return expectation(PrefersSpec(within=within), lambda: cells, lambda name, own: own / span[int(name[1:])])


def summary(runs: list[JsonDict]) -> list[JsonDict]:
    """Mean gaps and their standard errors, and of the difference to no expectation, by problem and expectation."""
    found = []
    for problem in dict.fromkeys(run["problem"] for run in runs):
        gaps = {
            expected: np.array([run["gap"] for run in runs if (run["problem"], run["expected"]) == (problem, expected)])
            for expected in EXPECTED
        }
        for expected, own in gaps.items():
            row: JsonDict = {"problem": problem, "expected": expected, "seeds": len(own)}
            for key, curves in (("gap", own), ("difference", own - gaps["nothing"])):
                row[key] = mean_and_error(curves, COUNTS)
            found.append(row)
    return found


def main() -> None:
    """Runs the searches and writes the result."""
    options = command("prefers", __doc__, quick="one problem, two seeds", jobs="searches").parse_args()
    problems, seeds = (list(PROBLEMS)[:1], 2) if options.quick else (list(PROBLEMS), SEEDS)
    cases = [Case(problem, expected, seed) for problem in problems for expected in EXPECTED for seed in range(seeds)]
    runs = list(results(searched, cases, options.jobs))
    rows = summary(runs)
    for row in rows:
        gaps = ", ".join(f"{count}: {mean:.3g} ± {error:.2g}" for count, (mean, error) in row["gap"].items())
        print(f"{row['problem']:<10} {row['expected']:<8} gap after {gaps}")
    options.out.write_text(json.dumps({"machine": describe_machine(), "summary": rows, "runs": runs}) + "\n")


if __name__ == "__main__":
    main()
