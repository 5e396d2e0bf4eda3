"""Horizon, history, money left and reasons to stop."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.history import (
    Entry,
    build_history,
    cost_limit,
    decide,
    horizon,
    is_known,
    observed_count,
    remaining_cost,
    spent_cost,
    standing_of,
    too_expensive,
)
from tansaku.models.domain.specs.budget import BudgetSpec
from tansaku.models.domain.states import EvaluationState, FailureKind, StopReason
from tests.support.pools import pool_of

DONE, FAILED, RUNNING, CANCELLED = (
    EvaluationState.DONE,
    EvaluationState.FAILED,
    EvaluationState.RUNNING,
    EvaluationState.CANCELLED,
)


def test_horizon_waits_for_the_initial_design_and_then_lags_by_what_is_in_flight():
    seen, previous = [], 0
    for number in range(1, 9):
        previous = horizon(number, previous, in_flight=3, initial_count=3)
        seen.append(previous)
    assert seen == [0, 0, 0, 3, 3, 3, 4, 5]


@given(st.lists(st.integers(1, 6), min_size=1, max_size=30), st.integers(0, 5))
def test_horizon_never_falls_nor_reaches_its_own_number_when_in_flight_is_edited(in_flight, initial_count):
    previous = 0
    for number, width in enumerate(in_flight, start=1):
        current = horizon(number, previous, width, initial_count)
        assert previous <= current < number
        previous = current


def test_results_beyond_the_horizon_are_pending_whatever_became_of_them():
    entries = [
        Entry(1, 10, 2.0, DONE, 5.0),
        Entry(2, 11, 2.0, FAILED),
        Entry(3, 12, 2.0, CANCELLED),
        Entry(4, 13, 2.0, DONE, 1.0),
        Entry(5, 14, 2.0, FAILED),
        Entry(6, 15, 2.0, RUNNING),
    ]
    history = build_history(entries, 3, "maximize", 7.0)
    assert history.observed.tolist() == [10]
    assert history.values.tolist() == [-5.0]
    assert history.failed.tolist() == [11]
    assert history.unavailable.tolist() == [12]
    assert history.pending.tolist() == [13, 14, 15]
    assert history.remaining_cost == 7.0


def test_free_mode_knows_all_that_has_ended():
    entries = [Entry(1, 10, 1.0, RUNNING), Entry(2, 11, 1.0, DONE, 3.0)]
    history = build_history(entries, 2)
    assert history.observed.tolist() == [11]
    assert history.pending.tolist() == [10]


def test_a_rerun_replaces_the_value_of_the_same_candidate():
    entries = [Entry(1, 10, 1.0, DONE, 3.0), Entry(2, 10, 1.0, DONE, 4.0)]
    history = build_history(entries, 2)
    assert (history.observed.tolist(), history.values.tolist()) == ([10], [4.0])
    assert observed_count(entries, 2) == 1


def test_known_means_ended_up_to_the_horizon():
    entries = [Entry(1, 0, 1.0, DONE, 1.0), Entry(2, 1, 1.0, RUNNING)]
    assert is_known(entries, 1)
    assert not is_known(entries, 2)


def test_failures_and_pending_ones_are_spent():
    entries = [Entry(1, 0, 1.5, DONE, 1.0), Entry(2, 1, 2.0, FAILED), Entry(3, 2, 4.0, RUNNING)]
    assert spent_cost(entries, 3) == 7.5
    assert remaining_cost(10.0, entries, 3) == 2.5
    assert remaining_cost(None, entries, 3) is None


@pytest.mark.parametrize(
    ("budget", "limit"), [(BudgetSpec(), None), (BudgetSpec(cost=3), 3.0), (BudgetSpec(fraction=0.5), 5.0)]
)
def test_cost_limit(budget, limit):
    assert cost_limit(budget, pool_of([1.0, 2.0, 3.0, 4.0])) == limit


def test_stops_when_the_cheapest_candidate_left_is_too_expensive():
    pool = pool_of([1.0, 5.0, 3.0])
    spent = [Entry(1, 0, 1.0, DONE, 1.0)]
    assert decide(BudgetSpec(), standing_of(pool, spent, 1, 4.0)) is None
    assert decide(BudgetSpec(), standing_of(pool, spent, 1, 3.5)) is StopReason.BUDGET


def test_stops_on_number_of_evaluations_and_on_an_empty_pool():
    pool = pool_of([1.0, 1.0])
    spent = [Entry(1, 0, 1.0, DONE, 1.0), Entry(2, 1, 1.0, RUNNING)]
    assert decide(BudgetSpec(evaluations=2), standing_of(pool, spent, 1, None)) is StopReason.EVALUATIONS
    assert decide(BudgetSpec(), standing_of(pool, spent, 1, None)) is StopReason.EXHAUSTED


def test_stops_on_failures_only_above_twenty_finished_within_the_horizon():
    pool = pool_of([1.0] * 40)
    entries = [Entry(k, k, 1.0, FAILED if k % 2 else DONE, None if k % 2 else 1.0) for k in range(1, 20)]
    budget = BudgetSpec(max_failed_fraction=0.4)
    assert decide(budget, standing_of(pool, entries, 19, None)) is None
    entries.append(Entry(20, 20, 1.0, FAILED))
    assert decide(budget, standing_of(pool, entries, 19, None)) is None
    assert decide(budget, standing_of(pool, entries, 20, None)) is StopReason.FAILURES


def test_failed_science_is_told_from_failed_plumbing():
    entries = [
        Entry(1, 4, 1.0, FAILED, failure=FailureKind.SCIENCE),
        Entry(2, 2, 1.0, FAILED, failure=FailureKind.PLUMBING),
        Entry(3, 1, 1.0, DONE, 0.5),
    ]
    history = build_history(entries, 3, remaining_evaluations=7)
    assert (history.failed.tolist(), history.refused.tolist(), history.remaining_evaluations) == ([4, 2], [4], 7)


def test_a_limit_of_cost_leaves_dear_candidates_out():
    pool = pool_of([1.0, 2.0, 3.0])
    assert too_expensive(pool, None).tolist() == []
    assert too_expensive(pool, 2.0).tolist() == [2]
    spent = [Entry(1, 0, 1.0, DONE, 0.0), Entry(2, 1, 2.0, DONE, 0.0)]
    assert decide(BudgetSpec(), standing_of(pool, spent, 2, None)) is None
    assert decide(BudgetSpec(), standing_of(pool, spent, 2, None, 2.0)) is StopReason.EXHAUSTED
    with pytest.raises(ConfigurationError, match=r"constraints.max_cost: 0.5 leaves no candidate, the cheapest costs 1"):
        too_expensive(pool, 0.5)
