"""``python -m benchmarks.replays.quantities --out result.json``: what was said of the next evaluations of several quantities.

Pools with two known quantities (those of ``benchmarks.limits``) are searched for the lowest first one within the limit of the
second, for the largest desirability of both, and for their front. Every fifth evaluation the models are asked what the next
ones gain; what then came is compared with it. For fronts, a factor on the samples' deviations is learned on all other pools.
Intervals are of campaigns drawn again. An interrupted run continues.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from benchmarks.command import begun, collect, command, results
from benchmarks.limits.__main__ import PROBLEMS
from benchmarks.pools import pool_of, search
from benchmarks.replays.further.campaigns import Asked, best_after
from benchmarks.replays.further.judging import interval
from tansaku.models.domain.desirability import desirability
from tansaku.models.domain.feasibility import keeps_limits
from tansaku.models.domain.outlook import CHANCE_SCALE, GAIN_SCALE, SURE
from tansaku.models.domain.pool import FloatArray
from tansaku.models.domain.ports import NextGains
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.specs.budget import BudgetSpec
from tansaku.models.domain.specs.campaign import ObjectiveSpec
from tansaku.models.domain.specs.proposer import GPProposerSpec
from tansaku.models.engine.front import front_wanted, volume_curve
from tansaku.models.engine.proposer_registry import build_proposer
from tansaku.models.engine.several import SeveralProposer
from tansaku.tasks.node.jobs.machine import describe_machine
from tansaku.tasks.node.jobs.spool_files import write_json

FACTORS = (1.0, 1.25, 1.5, 2.0, 2.5, 3.0)
"""Factors on the samples' deviations that are compared for fronts."""

SEEDS = 20
EVALUATIONS = 30


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


def _said(ahead: NextGains, count: int, scale: float) -> JsonDict:
    """The amount not exceeded with 90 % and the expected gain, of fronts under each factor; or the chance of a first result."""
    hope = ahead.hope(count)
    if hope is not None:
        return {"hope": hope[0]}
    said = []
    for factor in FACTORS if ahead.volume else FACTORS[:1]:
        most = np.quantile(ahead.gains(count, factor * CHANCE_SCALE * scale).max(axis=1), SURE)
        said.append([float(most), float(ahead.gains(count, factor * GAIN_SCALE * scale).sum(axis=1).mean())])
    return {"said": said}


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
    proposer = Asked(made, _said, case.seed, values[:, 0])
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
    """Best result within the limits after each evaluation, infinite without any, or volume of the front."""
    if objective.goals:
        reference = front_wanted(objective).reference
        assert reference is not None
        return np.append(0.0, volume_curve(values[positions], reference))
    kept = keeps_limits(objective.limits, values[:, 1:])
    within = np.where(kept, values[:, 0], np.inf)
    return best_after(positions, within, np.zeros(len(values), dtype=np.intp))[:, 0]


def _came(objective: ObjectiveSpec, before: float, after: float) -> JsonDict:
    if objective.goals:
        return {"came": bool(after > 0.0), "gained": float((after - before) / before) if before else None}
    return {"came": bool(np.isfinite(after)), "gained": float(before - after) if np.isfinite(before) else None}


def judged(campaigns: list[JsonDict], chance: int, gain: int) -> JsonDict:
    """Returns how often statements were right, with an interval of campaigns drawn again, and expected over actual gains.

    Args:
        campaigns: Of one pool and goal.
        chance: Place of the factor for chances.
        gain: Place of that for expected gains.
    """
    right = [[item["gained"] <= item["said"][chance][0] for item in _stated(row)] for row in campaigns]
    counts, hits = np.array([len(of) for of in right]), np.array([sum(of) for of in right])
    hoped = [(item["hope"], item["came"]) for row in campaigns for item in row["answers"] if "hope" in item]
    return {
        "campaigns": len(campaigns),
        "factors": [FACTORS[chance], FACTORS[gain]],
        "statements": int(counts.sum()),
        "right": _right(campaigns, chance),
        "interval": interval(hits, counts),
        "expected_over_happened": _ratio(campaigns, gain),
        "hopes": {"count": len(hoped), "said": _mean([hope for hope, _ in hoped]), "came": _mean([item for _, item in hoped])},
    }


def learned(pools: list[list[JsonDict]]) -> tuple[int, int]:
    """Places of the smallest factors with which nine statements of ten are right, and gains are not expected too small.

    Args:
        pools: Campaigns of each pool, which count the same.
    """
    rights = [np.mean([_right(pool, place) for pool in pools]) for place in range(len(FACTORS))]
    logs = [np.mean(np.log([_ratio(pool, place) or 1.0 for pool in pools])) for place in range(len(FACTORS))]
    last = len(FACTORS) - 1
    chance = next((place for place, right in enumerate(rights) if right >= SURE), last)
    return chance, next((place for place, log in enumerate(logs) if log >= 0.0), last)


def _stated(campaign: JsonDict) -> list[JsonDict]:
    return [item for item in campaign["answers"] if "said" in item]


def _right(campaigns: list[JsonDict], place: int) -> float:
    return float(np.mean([item["gained"] <= item["said"][place][0] for row in campaigns for item in _stated(row)]))


def _ratio(campaigns: list[JsonDict], place: int) -> float | None:
    """Expected gains over those that came; None where none came."""
    stated = [item for row in campaigns for item in _stated(row)]
    came = sum(item["gained"] for item in stated)
    return float(sum(item["said"][place][1] for item in stated) / came) if came else None


def _mean(values: list[float]) -> float | None:
    return float(np.mean(values)) if values else None


def standings(campaigns: list[JsonDict], chosen: list[tuple[str, str]]) -> JsonDict:
    """Judges each pool and goal, fronts with the factors of the other pools.

    Args:
        chosen: Pools and goals.
    """
    by_pair: dict[tuple[str, str], list[JsonDict]] = {pair: [] for pair in chosen}
    for row in campaigns:
        by_pair[row["problem"], row["goal"]].append(row)
    found = {}
    for (problem, goal), rows in by_pair.items():
        others = [of for (other, same), of in by_pair.items() if same == goal == "front" and other != problem]
        found[f"{goal}, {problem}"] = judged(rows, *(learned(others) if others else (0, 0)))
    fronts = [of for (_, goal), of in by_pair.items() if goal == "front"]
    return {"judged": found} | ({"front_factors": [FACTORS[place] for place in learned(fronts)]} if fronts else {})


def main() -> None:
    """Runs what is not done yet, and judges at the end."""
    given = command("replays.quantities", __doc__, quick="two campaigns", jobs="campaigns").parse_args()
    result = begun(given.out, {"schema_version": 1, "quick": given.quick}, campaigns=[])
    chosen = [(problem, goal) for goal in GOALS for problem in PROBLEMS]
    chosen = [("gardner-1", "limits"), ("gardner-1", "desirability")] if given.quick else chosen
    known = {(row["problem"], row["goal"], row["seed"]) for row in result["campaigns"]}
    cases = [Case(*pair, seed) for seed in range(1 if given.quick else SEEDS) for pair in chosen if (*pair, seed) not in known]
    collect(result["campaigns"], results(run, cases, given.jobs), lambda: write_json(given.out, result))
    said = standings(result["campaigns"], chosen)
    write_json(given.out, result | said | {"provenance": describe_machine()})
    for name, item in said["judged"].items():
        low, high = item["interval"]
        print(
            f"{name}: right {item['right']:.2f} ({low:.2f} to {high:.2f}) of {item['statements']} statements of 90 %; expected "
            f"gains {item['expected_over_happened'] or 0.0:.2f} of what came"
        )


if __name__ == "__main__":
    main()
