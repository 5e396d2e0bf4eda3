"""What a proposer does for each goal, on values that are known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tansaku.models.domain.identifiers import proposal_rng
from tansaku.models.domain.pool import CandidatePool, FeatureGroup, PotentialLines
from tansaku.models.domain.ports import History
from tansaku.models.domain.specs.campaign import ObjectiveSpec
from tansaku.models.domain.specs.proposer import GPProposerSpec
from tansaku.models.engine.proposer_registry import build_proposer
from tests.support.pools import pool_of

GOALS = {
    "best_per_system": {"type": "best_per_system"},
    "best_overall": {"type": "best_overall"},
    "top_k": {"type": "top_k", "k": 5},
    "all_below": {"type": "all_below", "threshold": "0.25 eV"},
}


def landscape() -> tuple[CandidatePool, np.ndarray]:
    """Two systems of 64 candidates; all good ones are in the second [eV]."""
    x, y = (axis.ravel() for axis in np.meshgrid(np.linspace(0, 1, 8), np.linspace(0, 1, 8)))
    codes = np.repeat([0, 1], 64)
    pool = pool_of(
        128,
        FeatureGroup("x", np.column_stack([x, y]), np.tile(np.arange(64), 2), ("x", "y")),
        FeatureGroup("kind", np.array([[0.0], [1.0]]), codes, ("kind",)),
        systems=("high", "low"),
        codes=codes,
    )
    dip = 0.5 - 0.4 * np.exp(-8 * ((x - 0.7) ** 2 + (y - 0.3) ** 2))
    return pool, np.concatenate([dip + 0.6, dip])


def search(
    objective: dict, count: int, slopes: tuple[float, float] | None = None, **proposer: object
) -> tuple[np.ndarray, np.ndarray, CandidatePool]:
    """Positions evaluated, in order.

    Args:
        slopes: Of both systems over a chemical potential, from -1.5 to 0 eV.
    """
    pool, values = landscape()
    if slopes is not None:
        pool = replace(pool, lines=PotentialLines("X", np.array(slopes), np.array([0, 0]), -1.5))
    spec = ObjectiveSpec.model_validate({"unit": "eV"} | objective)
    if spec.direction == "maximize":
        values = -values
    sign = 1.0 if spec.direction == "minimize" else -1.0
    found = build_proposer(GPProposerSpec.model_validate(proposer), spec)
    chosen: list[int] = []
    fitted, fits = None, []
    for number in range(1, count + 1):
        done = np.array(chosen, dtype=np.intp)
        history = History(done, sign * values[done], remaining_evaluations=count - len(chosen))
        if number > 2 and found.refit_due(len(done), fits):
            fitted = found.fit(pool, history, fitted)
            fits.append(len(done))
        choice = found.propose(pool, history, number, proposal_rng(0, number), fitted)
        assert choice is not None
        assert choice.position not in chosen
        chosen.append(choice.position)
    return np.array(chosen), values, pool


@pytest.mark.parametrize("goal", GOALS)
@pytest.mark.parametrize("preset", ["default", "single-task"])
def test_each_goal_is_reached_and_its_answer_is_where_the_money_goes(goal, preset):
    chosen, values, pool = search({"goal": GOALS[goal]}, 45, preset=preset)
    low = pool.system_codes[chosen] == 1
    if goal == "best_per_system":
        assert {int(np.argmin(values[:64])), 64 + int(np.argmin(values[64:]))} <= set(chosen.tolist())
        return
    assert low[:25].mean() > 0.6
    wanted = {"best_overall": 1, "top_k": 5, "all_below": int((values <= 0.25).sum())}[goal]
    assert set(np.argsort(values)[:wanted].tolist()) <= set(chosen.tolist())


@pytest.mark.parametrize("acquisition", ["expected_found", "straddle", "probability"])
def test_all_above_when_maximized(acquisition):
    goal = {"type": "all_below", "threshold": "-250 meV"}
    chosen, values, _ = search({"direction": "maximize", "goal": goal}, 40, acquisition=acquisition)
    wanted = set(np.flatnonzero(values >= -0.25).tolist())
    assert len(wanted & set(chosen.tolist())) >= 0.9 * len(wanted)


def test_a_system_whose_line_is_nowhere_the_lowest_is_hardly_searched():
    goal = {"goal": {"type": "hull", "over": "mu_X"}, "unit": "J/m2"}
    apart, _, _ = search(goal, 30, slopes=(0.0, 0.0))
    crossing, values, pool = search(goal, 30, slopes=(0.7, 0.0))
    high = pool.system_codes == 0
    assert high[apart].sum() <= 9  # it lies 0.6 higher at each potential
    assert high[crossing].sum() >= 12  # 0.4 lower at the lowest potential
    best = {int(np.argmin(values[:64])), 64 + int(np.argmin(values[64:]))}
    assert best <= set(crossing.tolist())


def test_the_goal_of_a_spec_without_one_changes_nothing():
    plain, _, _ = search({}, 30)
    named, _, _ = search({"goal": {"type": "best_per_system"}}, 30)
    assert plain.tolist() == named.tolist()


@pytest.mark.parametrize("goal", ["best_overall", "top_k"])
def test_goals_matter(goal):
    plain, _, _ = search({}, 30)
    other, _, _ = search({"goal": GOALS[goal]}, 30)
    assert plain.tolist() != other.tolist()


def test_finding_acquisitions_differ():
    goal = {"goal": GOALS["all_below"]}
    runs = {name: tuple(search(goal, 30, acquisition=name)[0]) for name in ("expected_found", "straddle", "probability")}
    assert len(set(runs.values())) == 3
    eager = search(goal, 30, acquisition="straddle", exploration=0.2)[0]
    assert tuple(eager) != runs["straddle"]
