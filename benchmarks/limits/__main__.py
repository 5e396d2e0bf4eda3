"""``python -m benchmarks.limits --out result.json``: searches under a limit, against ignoring it and against random choice.

Each problem is a pool of known values and a second quantity with a limit, which every evaluation measures too. ``limits``
learns both, ``ignored`` is the same search without the limit, ``random`` chooses uniformly. The gap is the best value found
that keeps the limit, less the smallest one of the pool that does; before the first one it is that of the worst.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from benchmarks.command import command, results
from benchmarks.pools import branin, grid, mean_and_error, pool_of, scattered, search
from tansaku.models.domain.feasibility import answers_of
from tansaku.models.domain.pool import FloatArray
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.specs.budget import BudgetSpec
from tansaku.models.domain.specs.campaign import ObjectiveSpec
from tansaku.models.domain.specs.proposer import GPProposerSpec, RandomProposerSpec
from tansaku.models.engine.proposer_registry import build_proposer
from tansaku.models.features.standard_functions import hartmann6
from tansaku.tasks.act.replay.run import gap_curves
from tansaku.tasks.node.jobs.machine import describe_machine

SEEDS = 20
METHODS = ("limits", "ignored", "random")


@dataclass(frozen=True)
class Problem:
    """A function with a limit of another one.

    Attributes:
        points: Of the pool, shape ``(n, d)``.
        value: That is minimised, of the points.
        limited: Further quantity of the points.
        at_most: Its limit.
        evaluations: Of each search.
    """

    points: FloatArray
    value: Callable[[FloatArray], FloatArray]
    limited: Callable[[FloatArray], FloatArray]
    at_most: float
    evaluations: int


PROBLEMS: dict[str, Callable[[], Problem]] = {
    # Gardner et al. (2014), https://proceedings.mlr.press/v32/gardner14.html, simulations 1 and 2.
    "gardner-1": lambda: Problem(
        grid((0, 0), (6, 6)),
        lambda at: np.cos(2 * at[:, 0]) * np.cos(at[:, 1]) + np.sin(at[:, 0]),
        lambda at: np.cos(at.sum(axis=1)),
        0.5,
        30,
    ),
    "gardner-2": lambda: Problem(
        grid((0, 0), (6, 6)), lambda at: np.sin(at[:, 0]) + at[:, 1], lambda at: np.sin(at[:, 0]) * np.sin(at[:, 1]), -0.95, 40
    ),
    # Gelbart, Snoek & Adams (2014), https://doi.org/10.48550/arXiv.1403.5607: inside a disk.
    "branin-disk": lambda: Problem(
        grid((-5, 0), (10, 15)), branin, lambda at: np.square(at - [2.5, 7.5]).sum(axis=1), 50.0, 30
    ),
    # The lowest point, whose numbers sum up to 2.07, breaks the limit, as 92 % of the cube do.
    "hartmann6-sum": lambda: Problem(scattered(6), hartmann6, lambda at: at.sum(axis=1), 2.0, 50),
}


@dataclass(frozen=True)
class Case:
    """One search."""

    problem: str
    method: str
    seed: int


def searched(case: Case) -> JsonDict:
    """Gap after each evaluation, and the share of the evaluations that keep the limit."""
    problem = PROBLEMS[case.problem]()
    objective = ObjectiveSpec.model_validate(
        {
            "unit": "eV",
            "goal": {"type": "best_overall"},
            "limits": [{"property": "limited", "at_most": f"{problem.at_most} eV"}],
        }
    )
    searched_for = objective if case.method == "limits" else objective.model_copy(update={"limits": ()})
    values = np.column_stack([problem.value(problem.points), problem.limited(problem.points)])
    pool = pool_of(problem.points)
    proposer = build_proposer(RandomProposerSpec() if case.method == "random" else GPProposerSpec(engine=3), searched_for)
    shown = values if case.method == "limits" else values[:, 0]
    done = search(
        pool, shown, proposer, case.seed, BudgetSpec(evaluations=problem.evaluations), searched_for.further_directions
    )
    answers = answers_of(objective, values)[:, 0]
    gaps = gap_curves(pool, answers, done.positions, "minimize", 0.0).mean
    kept = float((~np.isnan(answers[done.positions])).mean())
    return {**vars(case), "gap": np.round(gaps, 4).tolist(), "kept": kept}


def _summary(runs: list[JsonDict]) -> list[JsonDict]:
    found = []
    for problem in dict.fromkeys(run["problem"] for run in runs):
        for method in METHODS:
            own = [run for run in runs if (run["problem"], run["method"]) == (problem, method)]
            gaps = np.array([run["gap"] for run in own])
            found.append(
                {
                    "problem": problem,
                    "method": method,
                    "seeds": len(own),
                    "gap": mean_and_error(gaps, (gaps.shape[1] // 2, gaps.shape[1])),
                    "kept": float(np.mean([run["kept"] for run in own])),
                }
            )
    return found


def main() -> None:
    """Runs the searches and writes the result."""
    options = command("limits", __doc__, quick="two problems, two seeds", jobs="searches").parse_args()
    problems, seeds = (list(PROBLEMS)[:2], 2) if options.quick else (list(PROBLEMS), SEEDS)
    cases = [Case(problem, method, seed) for problem in problems for method in METHODS for seed in range(seeds)]
    runs = list(results(searched, cases, options.jobs))
    summary = _summary(runs)
    for row in summary:
        gaps = ", ".join(f"{count}: {mean:.3g} ± {error:.2g}" for count, (mean, error) in row["gap"].items())
        print(f"{row['problem']:<16} {row['method']:<8} gap after {gaps}; {100 * row['kept']:.0f} % keep the limit")
    options.out.write_text(json.dumps({"machine": describe_machine(), "summary": summary, "runs": runs}) + "\n")


if __name__ == "__main__":
    main()
