"""``python -m benchmarks.replays.quantities --out result.json``: what was said of the next evaluations of several quantities.

Pools with two known quantities (those of ``benchmarks.limits``) are searched for the lowest first one within the limit of the
second, for the largest desirability of both, and for their front. Every fifth evaluation the models are asked what the next
ones gain; what then came is compared with it. Intervals are of campaigns drawn again. An interrupted run continues.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from benchmarks.command import begun, collect, command, results
from benchmarks.limits.__main__ import PROBLEMS
from benchmarks.pools import pool_of, search
from benchmarks.replays.further.campaigns import best_after
from tansaku.models.domain.desirability import desirability
from tansaku.models.domain.feasibility import keeps_limits
from tansaku.models.domain.identifiers import certificate_rng
from tansaku.models.domain.outlook import CHANCE_SCALE, GAIN_SCALE, NEEDED, SURE, next_count, own_scale
from tansaku.models.domain.pool import CandidatePool, FloatArray
from tansaku.models.domain.ports import Choice, History
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.specs.budget import BudgetSpec
from tansaku.models.domain.specs.campaign import ObjectiveSpec
from tansaku.models.domain.specs.proposer import GPProposerSpec
from tansaku.models.engine.front import front_wanted, volume_curve
from tansaku.models.engine.proposer_registry import build_proposer
from tansaku.models.engine.several import SeveralProposer
from tansaku.tasks.node.jobs.machine import describe_machine
from tansaku.tasks.node.jobs.spool_files import write_json

SEEDS = 20
EVALUATIONS = 30
_EVERY = 5
_RESAMPLED = 2000


def _limits(_truth: FloatArray, at_most: float) -> JsonDict:
    limit = {"property": "second", "at_most": f"{at_most!r} 1"}
    return {"property": "first", "unit": "1", "goal": {"type": "best_overall"}, "limits": [limit]}


def _desirability(truth: FloatArray, _at_most: float) -> JsonDict:
    """Both quantities are of no use from their medians on, and as good as wanted in a hundredth of the candidates."""
    ends = np.quantile(truth, (0.5, 0.01), axis=0).T.tolist()
    desired = [
        {"property": name, "worthless": f"{worthless!r} 1", "ideal": f"{ideal!r} 1"}
        for name, (worthless, ideal) in zip(("one", "other"), ends, strict=True)
    ]
    return {"unit": "1", "direction": "maximize", "goal": {"type": "best_overall"}, "desirability": desired}


def _front(truth: FloatArray, _at_most: float) -> JsonDict:
    reference = [f"{value!r} 1" for value in np.quantile(truth, 0.9, axis=0).tolist()]
    goal = {"type": "pareto", "also": [{"property": "second", "unit": "1"}], "reference": reference}
    return {"property": "first", "unit": "1", "goal": goal}


GOALS: dict[str, Callable[[FloatArray, float], JsonDict]] = {
    "limits": _limits,
    "desirability": _desirability,
    "front": _front,
}


class Asked:
    """A proposer that also notes, now and then, what the next evaluations may gain; its choices do not change.

    Args:
        of: The proposer.
        values: The truth of the first quantity, oriented, shape ``(n_candidates,)``.
        seed: The campaign's.
    """

    def __init__(self, of: SeveralProposer, values: FloatArray, seed: int) -> None:
        self._of, self._values, self._seed = of, values, seed
        self._surprises: list[float] = []
        self.answers: list[JsonDict] = []
        self.name, self.initial_count, self.refit_due, self.fit = of.name, of.initial_count, of.refit_due, of.fit

    def propose(
        self,
        pool: CandidatePool,
        history: History,
        number: int,
        rng: np.random.Generator,
        hyperparameters: JsonDict | None = None,
    ) -> Choice | None:
        """Chooses, then notes what the samples say."""
        choice = self._of.propose(pool, history, number, rng, hyperparameters)
        if number % _EVERY == 0 and len(history.observed) >= NEEDED:
            self._ask(pool, history, number, hyperparameters)
        if choice is not None and choice.mean is not None and choice.deviation:
            self._surprises.append((float(self._values[choice.position]) - choice.mean) / choice.deviation)
        return choice

    def _ask(self, pool: CandidatePool, history: History, number: int, hyperparameters: JsonDict | None) -> None:
        ahead = self._of.remaining(pool, history, certificate_rng(self._seed, number), hyperparameters).ahead
        seen, scale = len(history.observed), own_scale(self._surprises)
        count = next_count(seen, None, len(pool) - seen)
        answer: JsonDict = {"observed": seen, "count": count}
        hope = ahead.hope(count)
        if hope is None:
            most = float(np.quantile(ahead.gains(count, CHANCE_SCALE * scale).max(axis=1), SURE))
            answer |= {"most": most, "expected": float(ahead.gains(count, GAIN_SCALE * scale).sum(axis=1).mean())}
        self.answers.append(answer | ({} if hope is None else {"hope": hope[0]}))


@dataclass(frozen=True)
class Case:
    """One campaign."""

    problem: str
    goal: str
    seed: int


def run(case: Case) -> JsonDict:
    """Runs a campaign and compares what was said with what happened."""
    problem = PROBLEMS[case.problem]()
    truth = np.column_stack([problem.value(problem.points), problem.limited(problem.points)])
    objective = ObjectiveSpec.model_validate(GOALS[case.goal](truth, problem.at_most))
    values = truth
    if objective.desirability:
        values = np.column_stack([-desirability(objective.desirability, truth), truth])
    made = build_proposer(GPProposerSpec(engine=None if case.goal == "front" else 5), objective)
    assert isinstance(made, SeveralProposer)
    proposer = Asked(made, values[:, 0], case.seed)
    pool = pool_of(problem.points)
    done = search(pool, values, proposer, case.seed, BudgetSpec(evaluations=EVALUATIONS), objective.further_directions)
    reached = _reached(objective, values, done.positions)
    answers = []
    for answer in proposer.answers:
        now, then = answer["observed"], answer["observed"] + answer["count"]
        if then < len(reached):
            answers.append(answer | _came(objective, float(reached[now]), float(reached[then])))
    return {**vars(case), "answers": answers}


def _reached(objective: ObjectiveSpec, values: FloatArray, positions: np.ndarray) -> FloatArray:
    """Returns what a search had after each evaluation: the best that keeps the limits, infinite without any, or the front's volume."""
    if objective.goals:
        reference = front_wanted(objective).reference
        assert reference is not None
        return np.append(0.0, volume_curve(values[positions], reference))
    kept = keeps_limits(objective.limits, values[:, 1:])
    within = np.where(kept, values[:, 0], np.inf)
    return best_after(positions, within, np.zeros(len(values), dtype=np.intp))[:, 0]


def _came(objective: ObjectiveSpec, before: float, after: float) -> JsonDict:
    if objective.goals:
        return {"came": bool(after > 0.0), "gained": (after - before) / before if before else None}
    return {"came": bool(np.isfinite(after)), "gained": float(before - after) if np.isfinite(before) else None}


def judged(campaigns: list[JsonDict]) -> JsonDict:
    """Returns how often statements were right, with an interval of campaigns drawn again, and expected over actual gains."""
    right = [[item["gained"] <= item["most"] for item in row["answers"] if "most" in item] for row in campaigns]
    counts, hits = np.array([len(of) for of in right]), np.array([sum(of) for of in right])
    drawn = np.random.default_rng(0).integers(0, len(right), (_RESAMPLED, len(right)))
    shares = hits[drawn].sum(axis=1) / np.maximum(counts[drawn].sum(axis=1), 1)
    stated = [item for row in campaigns for item in row["answers"] if "most" in item]
    hoped = [(item["hope"], item["came"]) for row in campaigns for item in row["answers"] if "hope" in item]
    came = sum(item["gained"] for item in stated)
    return {
        "campaigns": len(campaigns),
        "statements": int(counts.sum()),
        "right": float(hits.sum() / counts.sum()) if counts.sum() else None,
        "interval": np.quantile(shares, (0.025, 0.975)).tolist(),
        "expected_over_happened": sum(item["expected"] for item in stated) / came if came else None,
        "hopes": {"count": len(hoped), "said": _mean([hope for hope, _ in hoped]), "came": _mean([item for _, item in hoped])},
    }


def _mean(values: list[float]) -> float | None:
    return float(np.mean(values)) if values else None


def main() -> None:
    """Runs what is not done yet, and judges at the end."""
    given = command("replays.quantities", __doc__, quick="two campaigns", jobs="campaigns").parse_args()
    result = begun(given.out, {"schema_version": 1, "quick": given.quick}, campaigns=[])
    chosen = [(problem, goal) for goal in GOALS for problem in PROBLEMS]
    chosen = [("gardner-1", "limits"), ("gardner-1", "desirability")] if given.quick else chosen
    known = {(row["problem"], row["goal"], row["seed"]) for row in result["campaigns"]}
    cases = [Case(*pair, seed) for seed in range(1 if given.quick else SEEDS) for pair in chosen if (*pair, seed) not in known]
    collect(result["campaigns"], results(run, cases, given.jobs), lambda: write_json(given.out, result))
    found = {}
    for problem, goal in chosen:
        found[f"{goal}, {problem}"] = judged(
            [row for row in result["campaigns"] if (row["problem"], row["goal"]) == (problem, goal)]
        )
    write_json(given.out, result | {"judged": found, "provenance": describe_machine()})
    for name, item in found.items():
        print(name, {key: value for key, value in item.items() if value is not None})


if __name__ == "__main__":
    main()
