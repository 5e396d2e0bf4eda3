"""A replayed campaign behaves as a campaign: horizon, budget, refits, failures, seeds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from tansaku.models.domain.errors import FitError
from tansaku.models.domain.magnitudes import LARGEST
from tansaku.models.domain.pool import CandidatePool, FeatureGroup
from tansaku.models.domain.ports import Choice, History
from tansaku.models.domain.specs.budget import BudgetSpec
from tansaku.models.domain.specs.campaign import ObjectiveSpec, ProposerSpec
from tansaku.models.domain.states import StopReason
from tansaku.models.engine.proposer_registry import build_proposer
from tansaku.tasks.act.replay.campaign import replay
from tansaku.tasks.loop.ledger.rounds import RoundRules
from tests.support.pools import pool_of
from tests.support.records import rules_of

PROPOSERS = [
    {"type": "gp"},
    {"type": "gp", "preset": "published"},
    {"type": "gp", "preset": "obo", "acquisition": "log_ei"},
    {"type": "sparse"},
    {"type": "arms"},
]
COUNT = 14
numbers = st.one_of(
    st.floats(-LARGEST, LARGEST), st.floats(-1.0, 1.0), st.integers(-3, 3).map(float), st.sampled_from([np.nan, 0.0, 1e-300])
)


@dataclass
class Recorder:
    """Takes candidates from the front and writes down what it was told; its fits fail where it is told so."""

    initial: int = 2
    failing_fits: tuple[int, ...] = ()
    histories: list[History] = field(default_factory=list)
    used: list[dict | None] = field(default_factory=list)
    fits: list[tuple[int, dict | None]] = field(default_factory=list)

    name = "recorder"

    def initial_count(self, pool: CandidatePool) -> int:
        return self.initial

    def refit_due(self, n_observed: int, fitted_at: Sequence[int]) -> bool:
        return n_observed >= (4 / 3) * (fitted_at[-1] if fitted_at else 2)

    def fit(self, pool: CandidatePool, history: History, previous: dict | None) -> dict:
        self.fits.append((len(history.observed), previous))
        if len(self.fits) in self.failing_fits:
            raise FitError("no luck")
        return {"scale": float(len(self.fits))}

    def propose(self, pool, history, number, rng, hyperparameters=None) -> Choice | None:
        self.histories.append(history)
        self.used.append(hyperparameters)
        free = np.ones(len(pool), dtype=bool)
        for named in (history.observed, history.failed, history.pending, history.unavailable):
            free[named] = False
        if history.remaining_cost is not None:
            free &= pool.cost <= history.remaining_cost
        return Choice(position=int(np.argmax(free)), initial=number <= self.initial) if free.any() else None


def rules(budget: BudgetSpec, **changes) -> RoundRules:
    settings = {"seed": 0, "source": "table", "direction": "minimize", "limit": budget.cost, "initial_count": 2} | changes
    return RoundRules(budget=budget, **settings)


def test_each_proposal_knows_all_before_it_when_one_is_in_flight():
    proposer = Recorder()
    done = replay(pool_of(6), np.arange(6.0), proposer, rules(BudgetSpec()), count_initial=True)
    assert done.positions.tolist() == [0, 1, 2, 3, 4, 5]
    assert done.stop is StopReason.EXHAUSTED
    assert [len(history.observed) for history in proposer.histories] == [0, 0, 2, 3, 4, 5]
    assert [history.pending.tolist() for history in proposer.histories] == [[], [0], [], [], [], []]


def test_in_flight_hides_the_latest_results_as_in_a_campaign():
    proposer = Recorder()
    replay(pool_of(7), np.arange(7.0), proposer, rules(BudgetSpec(), in_flight=3), count_initial=True)
    assert [history.pending.tolist() for history in proposer.histories] == [[], [0], [], [2], [2, 3], [3, 4], [4, 5]]
    assert [len(history.observed) for history in proposer.histories] == [0, 0, 2, 2, 2, 3, 4]


@pytest.mark.parametrize(("count_initial", "expected"), [(True, 5), (False, 7)])
def test_the_budget_starts_after_the_initial_design_unless_it_counts(count_initial, expected):
    done = replay(pool_of(9), np.arange(9.0), Recorder(), rules(BudgetSpec(cost=5.0)), count_initial=count_initial)
    assert (len(done.positions), done.stop, done.n_initial) == (expected, StopReason.BUDGET, 2)
    done = replay(pool_of(9), np.arange(9.0), Recorder(), rules(BudgetSpec(evaluations=5)), count_initial=count_initial)
    assert (len(done.positions), done.stop) == (expected, StopReason.EVALUATIONS)


def test_candidates_dearer_than_what_is_left_are_masked():
    pool = pool_of([1.0, 1.0, 9.0, 2.0, 2.0])
    done = replay(pool, np.arange(5.0), Recorder(), rules(BudgetSpec(cost=4.0)), count_initial=True)
    assert done.positions.tolist() == [0, 1, 3]
    assert done.stop is StopReason.BUDGET


def test_failures_are_known_as_failures_and_stop_the_campaign_in_the_end():
    values = np.full(40, np.nan)
    values[:5] = 1.0
    proposer = Recorder()
    done = replay(pool_of(40), values, proposer, rules(BudgetSpec(max_failed_fraction=0.5)), count_initial=True)
    assert proposer.histories[7].failed.tolist() == [5, 6]
    assert (len(done.positions), done.stop) == (20, StopReason.FAILURES)


def test_values_are_oriented_for_the_proposer():
    proposer = Recorder()
    replay(pool_of(4), np.arange(4.0), proposer, rules(BudgetSpec(), direction="maximize"), count_initial=True)
    assert proposer.histories[-1].values.tolist() == [0.0, -1.0, -2.0]


def test_refits_follow_the_schedule_and_a_failed_one_keeps_the_last_values():
    proposer = Recorder(failing_fits=(2,))
    done = replay(pool_of(8), np.arange(8.0), proposer, rules(BudgetSpec()), count_initial=True)
    assert [(refit.at_proposal, refit.ok) for refit in done.refits] == [(4, True), (5, False), (7, True)]
    assert proposer.fits == [(3, None), (4, {"scale": 1.0}), (6, {"scale": 1.0})]
    assert proposer.used == [None, None, None, *[{"scale": 1.0}] * 3, *[{"scale": 3.0}] * 2]


def free(**changes) -> RoundRules:
    return rules(BudgetSpec(), **({"ordered": False, "initial_count": 2} | changes))


def test_free_mode_knows_what_has_ended_and_not_what_runs_long():
    proposer = Recorder()
    times = np.array([1.0, 1.0, 10.0, 1.0, 1.0, 1.0, 1.0])
    done = replay(pool_of(7), np.arange(7.0), proposer, free(in_flight=2), count_initial=True, run_times=times)
    # Both initial ones end before the third begins; then candidate 2 takes ten times as long as the others beside it.
    assert [history.pending.tolist() for history in proposer.histories] == [[], [0], [], [2], [2], [2], [2]]
    assert [history.observed.tolist() for history in proposer.histories[3:]] == [
        [0, 1],
        [0, 1, 3],
        [0, 1, 3, 4],
        [0, 1, 3, 4, 5],
    ]
    assert done.positions.tolist() == [0, 1, 3, 4, 5, 6, 2]
    assert done.ended_at.tolist() == [1.0, 1.0, 2.0, 3.0, 4.0, 5.0, 11.0]
    assert done.stop is StopReason.EXHAUSTED


def test_ordered_mode_waits_for_the_slow_one_but_proposes_the_same():
    times = np.array([1.0, 1.0, 10.0, 1.0, 1.0, 1.0, 1.0])
    told = []
    for run_times in (None, times):
        proposer = Recorder()
        done = replay(
            pool_of(7), np.arange(7.0), proposer, free(ordered=True, in_flight=2), count_initial=True, run_times=run_times
        )
        told.append([(one.observed.tolist(), one.pending.tolist()) for one in proposer.histories])
        assert done.positions.tolist() == list(range(7))
    assert told[0] == told[1]
    assert done.ended_at[3] == 2.0
    assert done.ended_at[4] == 12.0


@given(st.lists(st.floats(0.1, 50.0), min_size=8, max_size=30), st.integers(1, 7), st.integers(0, 4))
def test_the_sequence_of_ordered_mode_does_not_depend_on_run_times(times, in_flight, initial_count):
    n = len(times)
    answers = []
    for run_times in (None, np.array(times)):
        proposer = Recorder(initial=initial_count)
        settings = free(ordered=True, in_flight=in_flight, initial_count=initial_count)
        done = replay(pool_of(n), np.arange(float(n)), proposer, settings, count_initial=True, run_times=run_times)
        answers.append([(one.observed.tolist(), one.pending.tolist()) for one in proposer.histories])
    assert answers[0] == answers[1]
    assert len(done.positions) == n


@given(st.lists(st.floats(0.1, 50.0), min_size=8, max_size=30), st.integers(1, 7))
def test_no_more_run_at_once_than_allowed_and_the_clock_is_filled(times, in_flight):
    n = len(times)
    done = replay(
        pool_of(n), np.arange(float(n)), Recorder(), free(in_flight=in_flight), count_initial=True, run_times=np.array(times)
    )
    ends = done.ended_at
    begins = ends - np.array(times)[done.positions]
    assert (np.diff(ends) >= 0).all()
    for begin in begins:
        # A little after, so that one that ends as another begins is not counted beside it.
        assert ((begins <= begin + 1e-9) & (ends > begin + 1e-6)).sum() <= in_flight
    assert ends.max() <= sum(times) + 1e-6


def test_one_in_flight_is_the_same_in_both_modes():
    found = [
        replay(pool_of(6), np.arange(6.0), Recorder(), free(ordered=ordered), count_initial=True) for ordered in (True, False)
    ]
    assert found[0].positions.tolist() == found[1].positions.tolist()
    assert found[0].ended_at.tolist() == found[1].ended_at.tolist() == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize("proposer", PROPOSERS, ids=lambda proposer: "-".join(map(str, proposer.values())))
@pytest.mark.parametrize("withholds", [False, True])
@settings(max_examples=4, deadline=None)
@given(values=st.lists(numbers, min_size=COUNT, max_size=COUNT), size=st.integers(-30, 30), seed=st.integers(0, 99))
def test_a_search_on_any_table_ends(proposer, withholds, values, size, seed):
    rng = np.random.default_rng(seed)
    rows = 10.0**size * rng.integers(-3, 4, (COUNT, 2))
    systems = rng.permutation(np.arange(COUNT) % 2)
    pool = pool_of(
        rng.uniform(1.0, 9.0, COUNT),
        FeatureGroup.compact("x", rows, np.arange(COUNT), ("p", "q")),
        systems=("a", "b"),
        codes=systems,
    )
    chosen = build_proposer(TypeAdapter(ProposerSpec).validate_python(proposer), ObjectiveSpec())
    rules = rules_of(chosen, pool, COUNT, seed=seed, withholds=withholds)
    done = replay(pool, np.array(values), chosen, rules, count_initial=True)
    assert sorted(done.positions.tolist()) == list(range(COUNT))
