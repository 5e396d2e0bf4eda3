"""Gains of the next evaluations where each gives several quantities."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from tansaku.models.domain.desirability import desirability
from tansaku.models.domain.pool import FeatureGroup
from tansaku.models.domain.ports import History
from tansaku.models.domain.specs.campaign import ObjectiveSpec
from tansaku.models.domain.specs.objective import LimitSpec
from tansaku.models.domain.specs.proposer import GPProposerSpec
from tansaku.models.engine.acquisition import expected_improvement
from tansaku.models.engine.front import dominated_volume
from tansaku.models.engine.outlook import Ahead, Sampled
from tansaku.models.engine.proposer_registry import build_proposer
from tansaku.models.engine.several_outlook import Drawn, FrontAhead, Limited, LimitedAhead, kept_in
from tansaku.models.engine.transforms import TransformState
from tests.support.pools import pool_of

X = np.linspace(0.0, 1.0, 41)
PLAIN = TransformState(False, 0.0, np.zeros(1), 1.0)
EVERY_FOURTH = list(range(0, 41, 4))


def objective(**keys: object) -> ObjectiveSpec:
    return ObjectiveSpec.model_validate({"property": "first", "unit": "1", "goal": {"type": "best_overall"}} | keys)


def ahead(wanted: ObjectiveSpec, values: np.ndarray, observed: list[int], systems: tuple[str, ...] = ("s",)):
    """What the models say after some results; ``values`` has the value, oriented, and the further quantities."""
    codes = np.arange(41) % len(systems)
    pool = pool_of(41, FeatureGroup("x", X[:, None], np.arange(41), ("x",)), systems=systems, codes=codes)
    known = History(np.array(observed), values[observed, 0], others=values[observed, 1:])
    proposer = build_proposer(GPProposerSpec(engine=5), wanted)
    return proposer.remaining(pool, known, np.random.default_rng(0), proposer.fit(pool, known, None)).ahead


def limited(at_most: float) -> ObjectiveSpec:
    return objective(limits=[{"property": "second", "at_most": f"{at_most} 1"}])


def test_what_breaks_a_limit_gains_nothing():
    values = np.column_stack([np.sin(9 * X), X])
    free, half, never = (ahead(limited(at_most), values, EVERY_FOURTH[:5]) for at_most in (99.0, 0.45, 0.2))
    assert [found.hope(5) for found in (free, half, never)] == [None, None, None]
    gains = [found.gains(5, 1.0).mean() for found in (free, half, never)]
    assert gains[0] > gains[1] >= gains[2]
    alone = build_proposer(GPProposerSpec(engine=5), objective())
    pool = pool_of(41, FeatureGroup("x", X[:, None], np.arange(41), ("x",)))
    known = History(np.array(EVERY_FOURTH[:5]), values[EVERY_FOURTH[:5], 0])
    expected = alone.remaining(pool, known, np.random.default_rng(1), alone.fit(pool, known, None)).ahead.gains(5, 1.0).mean()
    assert gains[0] == pytest.approx(expected, rel=0.2)


def test_the_gain_of_one_evaluation_is_the_expected_improvement_times_the_chance_of_the_limit():
    """Two members of one model, of unequal weight, and a limit that a sample keeps with a known chance."""
    rng, positions = np.random.default_rng(0), np.arange(1)
    kept = rng.random((4000, 1)) < 0.3
    sampled = Sampled(positions, np.array([2.0]), 1.5 * rng.standard_normal((4000, 1)))
    found = LimitedAhead(np.array([2.5]), [(PLAIN, [Limited(sampled, kept)])], np.ones(1), 1, [1.0], False, (kept,), False)
    improvement = expected_improvement(np.array([2.0]), np.array([1.5]), np.array([2.5]))
    assert found.rate(np.ones(1), 1.0) == pytest.approx(0.3 * improvement[0], rel=0.1)
    assert found.gains(1, 1.0).mean() == pytest.approx(0.3 * improvement[0], rel=0.1)


def test_while_no_result_keeps_the_limits_the_chance_of_the_first_is_given():
    """The quantity falls evenly to the right: the model knows that only the right end keeps a limit."""
    values = np.column_stack([np.sin(9 * X), 1.0 - X])
    near, far = (ahead(limited(at_most), values, EVERY_FOURTH[:10]) for at_most in (0.06, -5.0))
    assert near.hope(5)[0] > 0.7
    assert near.hope(5)[1] == "keeps all limits"
    assert far.hope(5)[0] < 0.02
    assert near.hope(1)[0] <= near.hope(5)[0]
    assert near.unknown == 1


def test_systems_have_gains_of_their_own():
    values = np.column_stack([np.sin(9 * X), X])
    wanted = objective(goal={"type": "best_per_system"}, limits=[{"property": "second", "at_most": "0.9 1"}])
    found = ahead(wanted, values, [*EVERY_FOURTH, 1, 5, 9], systems=("a", "b"))
    assert (found.groups, found.gains(5, 1.0).shape[1]) == (2, 2)


def test_systems_without_a_result_within_the_limits_have_nothing_to_compare_with():
    """Odd candidates are of the other system, and none of their results keeps the limit."""
    values = np.column_stack([np.sin(9 * X), np.where(np.arange(41) % 2, 5.0, X)])
    wanted = objective(goal={"type": "best_per_system"}, limits=[{"property": "second", "at_most": "0.9 1"}])
    found = ahead(wanted, values, [*EVERY_FOURTH, 1, 5, 9, 13, 17], systems=("a", "b"))
    assert (found.hope(5), found.unknown) == (None, 1)
    gained = found.gains(5, 1.0).mean(axis=0)
    assert gained[0] > 0.0
    assert gained[1] == 0.0


@pytest.mark.parametrize(("seen", "unknown"), [(9, 1), (10, 0)])
def test_fewer_results_than_are_wanted_have_nothing_to_compare_with(seen, unknown):
    found = ahead(objective(goal={"type": "top_k", "k": 10}), np.sin(9 * X)[:, None], [*EVERY_FOURTH][:seen])
    assert (found.rank, found.unknown) == (10, unknown)


def test_a_desirability_is_that_of_the_sampled_quantities():
    """All but the best half of a smooth line is known, so that samples agree about the best compromise."""
    ends = [{"property": "up", "worthless": "0 1", "ideal": "1 1"}, {"property": "down", "worthless": "1 1", "ideal": "0 1"}]
    wanted = ObjectiveSpec.model_validate(
        {"unit": "1", "direction": "maximize", "goal": {"type": "best_overall"}, "desirability": ends}
    )
    quantities = np.column_stack([X, X])
    worth = desirability(wanted.desirability, quantities)
    seen = [*range(0, 16, 2), *range(26, 41, 2)]
    found = ahead(wanted, np.column_stack([-worth, quantities]), seen)
    assert found.gains(5, 1.0).mean() == pytest.approx(worth.max() - worth[seen].max(), abs=0.02)
    assert found.hope(5) is None


@pytest.mark.parametrize("reference", [["2 1", "2 1"], None])
def test_the_volume_of_a_front_grows_as_the_best_candidates_make_it(require, reference):
    require("botorch")
    values = np.column_stack([np.square(X - 0.1), np.square(X - 0.9)])
    goal = {"type": "pareto", "also": [{"property": "second", "unit": "1"}], "reference": reference}
    seen = [0, 1, 2, 20, 36, 38, 40]
    found = ahead(objective(goal=goal), values, seen)
    point = np.array([2.0, 2.0]) if reference else values[seen].max(axis=0)
    before = dominated_volume(values[seen], point)
    possible = dominated_volume(values, point) / before - 1.0
    assert found.volume
    assert 0.5 * possible < found.gains(5, 1.0).mean() < 1.3 * possible
    assert found.gains(1, 1.0).mean() < found.gains(5, 1.0).mean() <= found.gains(30, 1.0).mean() * 1.01
    assert found.rate(np.ones(41), 1.0) == pytest.approx(found.gains(1, 1.0).mean(), rel=0.05)
    assert found.hope(5) is None


def test_until_a_result_is_better_than_the_reference_point_the_chance_of_the_first_is_given(require):
    require("botorch")
    values = np.column_stack([1.0 - X, 1.0 - X])
    goal = {"type": "pareto", "also": [{"property": "second", "unit": "1"}], "reference": ["0.06 1", "0.06 1"]}
    found = ahead(objective(goal=goal), values, EVERY_FOURTH[:10])
    chance, what = found.hope(5)
    assert 0.5 < chance <= 1.0
    assert what == "beats the reference point"
    assert found.unknown == 1
    assert found.gains(5, 1.0).max() == 0.0


def test_members_are_drawn_in_proportion_to_their_weights():
    one, other = (np.full((count, 2), 0.0) for count in (300, 200))
    quantity = Drawn(((PLAIN, np.array([1.0, 2.0]), one), (PLAIN, np.array([5.0, 6.0]), other)), np.arange(500))
    assert quantity.values().mean(axis=0) == pytest.approx([2.6, 3.6])


def test_a_limit_between_two_bounds_is_kept_between_them():
    limit = LimitSpec(property="second", at_least="-1 1", at_most="1 1")
    normal = np.random.default_rng(0).standard_normal((500, 3))
    quantity = Drawn(((PLAIN, np.zeros(3), normal),), np.arange(500))
    assert kept_in([limit], [quantity], 3).mean() == pytest.approx(norm.cdf(1) - norm.cdf(-1), abs=0.05)
    assert kept_in([], [], 2).all()
    assert Ahead(np.array([1.0]), [], np.ones(1), 1, []).hope(5) is None
    assert FrontAhead(np.arange(1), np.ones((1, 1)), np.full(1, 2.0), (quantity,), normal < 9, lambda *_: None).hope(1) is None
