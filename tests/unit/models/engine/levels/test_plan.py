"""Plans of looks at many candidates, beside full values alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tansaku.models.engine.levels.index import AT_ONCE, Belief
from tansaku.models.engine.levels.plan import MOST, PARTS, Plan

N = 60
MEAN = np.linspace(-0.5, 0.5, N)[None]
BELIEF = Belief(MEAN, np.ones((1, N)), np.ones(1))


def plan(told: float, cost: float, budget: float = 10.0, rest: float = 1.0) -> Plan:
    """Candidates that differ little; a look tells a share of the deviation."""
    return Plan(
        BELIEF,
        lambda part: np.full((1, len(part)), told),
        np.full(N, cost),
        np.ones(N),
        np.full(N, rest),
        budget,
        lambda values, _: np.maximum(-values, 0.0).max(axis=1),
    )


def looks(of: Plan) -> list[int]:
    return of.looks(np.random.default_rng(4)).tolist()


def test_cheap_looks_that_tell_much_come_first_and_at_many():
    found = looks(plan(0.9, 0.05))
    assert found == list(range(N))
    assert looks(plan(0.9, 0.05)) == found


@pytest.mark.parametrize(("told", "cost"), [(0.0, 0.05), (0.2, 0.2), (0.9, 1.5)])
def test_looks_that_tell_little_or_cost_much_do_not(told, cost):
    assert looks(plan(told, cost)) == []


def test_looks_that_spare_a_part_of_the_full_value_are_bought_sooner():
    assert looks(plan(0.3, 0.2)) == []
    assert looks(plan(0.3, 0.2, rest=0.3)) != []


def test_no_plan_spends_most_of_the_budget_on_looks():
    found = looks(plan(0.9, 0.2))
    assert 0 < len(found) * 0.2 <= MOST * 10.0
    assert len(found) == PARTS[0] * N


def test_known_looks_are_not_bought_again_nor_those_at_what_is_closed():
    least = plan(0.9, 0.05)
    closed, known = np.ones(N), np.full(N, 0.05)
    closed[1], known[0] = np.inf, np.inf
    assert looks(replace(least, full=closed, look=known)) == list(range(2, N))


def test_without_a_full_value_to_pay_for_there_is_no_look():
    assert looks(plan(0.9, 0.05, budget=0.9)) == []


def test_a_mixture_of_models_is_drawn_by_its_weights():
    """One model believes the looks, the other does not."""
    both = Belief(np.repeat(MEAN, 2, axis=0), np.ones((2, N)), np.array([0.95, 0.05]))
    least = plan(0.9, 0.05)

    def told(part):
        return np.stack([np.full(len(part), 0.9), np.zeros(len(part))])

    assert looks(replace(least, belief=both, informed=told))
    assert looks(replace(least, belief=replace(both, weights=np.array([0.0, 1.0])), informed=told)) == []


def test_looks_of_many_candidates_are_judged_part_by_part():
    asked = []

    def told(part):
        asked.append(len(part))
        return np.full((1, len(part)), 0.9)

    many = 3 * AT_ONCE // 2
    belief = Belief(np.linspace(-0.5, 0.5, many)[None], np.ones((1, many)), np.ones(1))
    full, look = np.ones(many), np.full(many, 0.005)
    of = replace(plan(0.9, 0.05), belief=belief, informed=told, look=look, full=full, rest=full)
    assert looks(of) == list(range(many))
    assert asked == [AT_ONCE, AT_ONCE // 2]
    assert looks(replace(of, budget=0.1)) == []
    assert len(asked) == 2
