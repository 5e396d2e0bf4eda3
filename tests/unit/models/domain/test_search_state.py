"""The kept state says at every step what the functions say of all proposals; and it costs less."""

from __future__ import annotations

import dataclasses
from dataclasses import replace

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tansaku.models.domain import history as rules
from tansaku.models.domain.history import Entry
from tansaku.models.domain.pool import CandidatePool
from tansaku.models.domain.search_state import SearchState
from tansaku.models.domain.specs.budget import BudgetSpec
from tansaku.models.domain.states import EvaluationState, FailureKind
from tests.support.pools import pool_of

DONE, FAILED, RUNNING, CANCELLED = (
    EvaluationState.DONE,
    EvaluationState.FAILED,
    EvaluationState.RUNNING,
    EvaluationState.CANCELLED,
)
FURTHER = ("minimize", "maximize")
COSTS = [3.0, 1.0, 0.1, 0.7, 2.0, 0.3, 0.2, 5.0, 0.1, 1.1]


def ended(entry: Entry, fate: int) -> Entry:
    """What may become of a proposal."""
    measured = None if fate % 3 == 0 else 0.1 + 0.37 * fate
    if fate < 5:
        found = replace(entry, state=DONE, value=float(fate) - 2.0, measured=measured, others=(2.0 * fate, 3.0 - fate))
        return replace(found, spared=fate == 1, deviation=0.5 * (fate == 1))
    if fate < 8:
        kind = FailureKind.SCIENCE if fate == 5 else FailureKind.PLUMBING
        refusal = "configuration: no such potential" if fate == 7 else None
        return replace(entry, state=FAILED, failure=kind, measured=measured, refusal=refusal)
    return replace(entry, state=CANCELLED, free=fate == 9, cost=0.0 if fate == 9 else entry.cost)


def agree(state: SearchState, entries: list[Entry], pool: CandidatePool, up_to: int, direction) -> None:
    budget = BudgetSpec(evaluations=17, max_failed_fraction=0.3)
    limit = 9.0
    left = rules.remaining_cost(limit, entries, up_to)
    counted = sum(not entry.free for entry in entries)
    expected = rules.build_history(entries, up_to, direction, left, max(0, 17 - counted), FURTHER)
    found = state.history(up_to, limit, budget)
    for field in dataclasses.fields(expected):
        one, other = getattr(expected, field.name), getattr(found, field.name)
        if isinstance(one, np.ndarray):
            assert one.dtype == other.dtype
            np.testing.assert_array_equal(one, other, err_msg=field.name)
        else:
            assert one == other, field.name
    assert state.is_known(up_to) == rules.is_known(entries, up_to)
    assert state.measured_count(up_to) == len(rules.measured_costs(entries, up_to))
    for number in (up_to, up_to - 2, up_to + 1):
        assert state.observed_count(number) == rules.observed_count(entries, number)
    for max_cost in (None, 0.5):
        np.testing.assert_array_equal(state.too_expensive(max_cost), rules.too_expensive(pool, max_cost))
        assert state.standing(up_to, limit, max_cost) == rules.standing_of(pool, entries, up_to, limit, max_cost)


steps = st.lists(
    st.tuples(st.sampled_from(["propose", "propose", "end", "end", "retry", "gap", "reprice"]), st.integers(0, 9)), max_size=60
)


@settings(max_examples=150)
@given(steps, st.integers(0, 6), st.sampled_from(["minimize", "maximize"]))
@example([("propose", 3), ("end", 5)], 0, "minimize")
def test_says_what_the_functions_say_whatever_happens(script, lag, direction):
    pool = pool_of(COSTS)
    state, entries, number = SearchState(pool, direction, FURTHER), [], 0
    for action, what in script:
        active = [i for i, one in enumerate(entries) if not one.state.terminal]
        over = [i for i, one in enumerate(entries) if one.state in (FAILED, CANCELLED)]
        if action == "propose":  # a candidate that was proposed before is a new replicate
            number += 1
            entries.append(Entry(number, what, COSTS[what], RUNNING, free=what % 4 == 3))
            state.note(entries[-1])
        elif action == "end" and active:
            which = active[what % len(active)]
            entries[which] = ended(entries[which], what)
            state.note(entries[which])
        elif action == "retry" and over:
            which = over[what % len(over)]
            known = entries[which]
            entries[which] = Entry(known.number, known.position, known.cost, RUNNING, free=known.free)
            state.note(entries[which])
        elif action == "gap":  # numbers that the polish took
            number += 1
        elif action == "reprice":
            pool = pool_of([cost * (1 + (what + i) % 3) for i, cost in enumerate(COSTS)])
            state.reprice(pool)
        agree(state, entries, pool, max(0, number - lag), direction)
    assert list(state.entries) == entries
    assert [state.entry(one.number) for one in entries] == entries
    assert state.entry(number + 1) is None


@given(st.lists(st.integers(0, 9), max_size=30), st.randoms(use_true_random=False))
def test_a_resume_that_notes_everything_at_once_is_the_same(fates, random):
    pool = pool_of(COSTS)
    entries = [ended(Entry(k + 1, fate, COSTS[fate]), fate) for k, fate in enumerate(fates)]
    state = SearchState(pool, "minimize", FURTHER)
    for entry in random.sample(entries, len(entries)):
        state.note(entry)
    for up_to in (len(entries), len(entries) // 2):
        agree(state, entries, pool, up_to, "minimize")


def test_what_a_history_was_given_stays_as_it_was():
    state = SearchState(pool_of([1.0] * 300))
    kept = []
    for k in range(1, 201):
        state.note(Entry(k, k - 1, 1.0, DONE, float(k)))
        kept.append(state.history(k))
    for k, history in enumerate(kept, start=1):
        np.testing.assert_array_equal(history.observed, np.arange(k))
        np.testing.assert_array_equal(history.values, np.arange(1.0, k + 1))
        assert not history.observed.flags.writeable


def test_a_round_looks_at_what_is_new_only():
    """Counted, not timed: with everything settled a round reads none of the old proposals again."""
    looked = []

    class Counting(SearchState):
        def _tail(self):
            tail = super()._tail()
            looked.append(len(tail))
            return tail

    n = 2000
    state = Counting(pool_of([1.0] * n))
    for k in range(1, n):
        state.note(Entry(k, k - 1, 1.0, DONE, 1.0))
        state.history(k - 4, 5000.0)
        state.standing(k - 4, 5000.0)
    assert max(looked) <= 5
