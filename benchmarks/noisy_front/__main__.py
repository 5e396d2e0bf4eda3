"""``python -m benchmarks.noisy_front --out result.json``: fronts of two noisy objectives, by acquisition and at random.

The pools have known values of two functions; each measurement adds normal noise of a share of the function's range. A search
sees the measured values. Its volume is that which the true values of its candidates dominate, from the stated reference point,
as a share of what the whole pool dominates.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from itertools import product

import numpy as np

from benchmarks.command import command, results
from benchmarks.pools import branin, grid, mean_and_error, pool_of, search
from tansaku.models.domain.pool import FloatArray
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.specs.budget import BudgetSpec
from tansaku.models.domain.specs.campaign import ObjectiveSpec
from tansaku.models.domain.specs.proposer import GPProposerSpec, RandomProposerSpec
from tansaku.models.engine.front import dominated_volume, volume_curve
from tansaku.models.engine.proposer_registry import build_proposer
from tansaku.tasks.node.jobs.machine import describe_machine

SEEDS = 12
METHODS = ("log_nehvi", "ehvi", "random")
COUNTS = (10, 20, 40)
NOISES = (0.1, 0.3)


def _branin_currin() -> tuple[FloatArray, FloatArray, tuple[float, float]]:
    """Branin's and Currin's functions; Belakaria, Deshwal & Doppa (2019), https://doi.org/10.48550/arXiv.2009.01721."""
    points = grid((0, 0), (1, 1))
    x, y = points.T
    decay = 1.0 - np.exp(-0.5 / np.maximum(y, 1e-9))
    currin = decay * (2300 * x**3 + 1900 * x**2 + 2092 * x + 60) / (100 * x**3 + 500 * x**2 + 4 * x + 20)
    return points, np.column_stack([branin(points * [15, 15] - [5, 0]), currin]), (18.0, 6.0)


def _bowls() -> tuple[FloatArray, FloatArray, tuple[float, float]]:
    """Two bowls whose lowest points lie apart; Van Veldhuizen & Lamont (1999), problem 2."""
    points = grid((-2, -2), (2, 2))
    values = [1.0 - np.exp(-np.square(points - shift).sum(axis=1)) for shift in (0.5, -0.5)]
    return points, np.column_stack(values), (1.0, 1.0)


PROBLEMS: dict[str, Callable[[], tuple[FloatArray, FloatArray, tuple[float, float]]]] = {
    "branin-currin": _branin_currin,
    "bowls": _bowls,
}


@dataclass(frozen=True)
class Case:
    """One search."""

    problem: str
    noise: float
    method: str
    seed: int


def searched(case: Case) -> JsonDict:
    """Volume after each evaluation."""
    points, truth, reference = PROBLEMS[case.problem]()
    noise = case.noise * np.ptp(truth, axis=0) * np.random.default_rng([case.seed, 1]).standard_normal(truth.shape)
    objective = ObjectiveSpec.model_validate(
        {
            "unit": "1",
            "goal": {
                "type": "pareto",
                "also": [{"property": "second", "unit": "1"}],
                "reference": [f"{value} 1" for value in reference],
            },
        }
    )
    pool = pool_of(points)
    spec = RandomProposerSpec() if case.method == "random" else GPProposerSpec(acquisition=case.method, initial_points=4)
    proposer = build_proposer(spec, objective)
    done = search(pool, truth + noise, proposer, case.seed, BudgetSpec(evaluations=COUNTS[-1]), objective.further_directions)
    end = np.array(reference)
    return {
        **vars(case),
        "volume": np.round(volume_curve(truth[done.positions], end) / dominated_volume(truth, end), 4).tolist(),
    }


def summary(runs: list[JsonDict]) -> list[JsonDict]:
    """Mean volumes with standard errors, and those of the difference to ``ehvi``, by problem, noise and method."""
    found = []
    for problem, noise in dict.fromkeys((run["problem"], run["noise"]) for run in runs):
        own_runs = [run for run in runs if (run["problem"], run["noise"]) == (problem, noise)]
        volumes = {method: np.array([run["volume"] for run in own_runs if run["method"] == method]) for method in METHODS}
        for method, own in volumes.items():
            row: JsonDict = {"problem": problem, "noise": noise, "method": method, "seeds": len(own)}
            for key, curves in (("volume", own), ("difference", own - volumes["ehvi"])):
                row[key] = mean_and_error(curves, COUNTS)
            found.append(row)
    return found


def main() -> None:
    """Runs the searches and writes the result."""
    options = command("noisy_front", __doc__, quick="one problem, two seeds", jobs="searches").parse_args()
    problems, seeds = (list(PROBLEMS)[:1], 2) if options.quick else (list(PROBLEMS), SEEDS)
    every = product(problems, NOISES[: 1 if options.quick else None], METHODS, range(seeds))
    runs = list(results(searched, [Case(*case) for case in every], options.jobs))
    rows = summary(runs)
    for row in rows:
        volumes = ", ".join(f"{count}: {mean:.3f} ± {error:.3f}" for count, (mean, error) in row["volume"].items())
        print(f"{row['problem']:<14} {row['noise']} {row['method']:<10} volume after {volumes}")
    options.out.write_text(json.dumps({"machine": describe_machine(), "summary": rows, "runs": runs}) + "\n")


if __name__ == "__main__":
    main()
