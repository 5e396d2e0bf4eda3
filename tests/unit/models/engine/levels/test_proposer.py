"""Proposing candidates and levels."""

from __future__ import annotations

import numpy as np
import pytest

from tansaku.models.domain.history import cost_limit
from tansaku.models.domain.levels import FITTED, with_levels
from tansaku.models.domain.pool import FeatureGroup
from tansaku.models.domain.specs.budget import BudgetSpec
from tansaku.models.engine.goals import Goal
from tansaku.models.engine.levels.proposer import FIRST, LevelProposer
from tansaku.models.engine.transfer.data import KEY, FrozenSources, SourceData
from tansaku.models.engine.transfer.proposer import TransferProposer
from tansaku.tasks.act.replay.campaign import replay
from tansaku.tasks.loop.ledger.rounds import RoundRules
from tests.support.pools import pool_of

N = 80
RNG = np.random.default_rng(8)
X = RNG.uniform(0.0, 1.0, (N, 2))
TOP = np.sin(5.0 * X[:, 0]) + X[:, 1] + 0.5 * RNG.standard_normal(N)
RELATED = np.column_stack([3.0 - 0.5 + TOP + 0.05 * RNG.standard_normal(N), TOP])
GROUP = FeatureGroup.compact("x", X, np.arange(N), ("a", "b"))
SHARE = 0.1
BEST = Goal("top_k", 1)


class Bought:
    """A search that is answered from a table, as a campaign runs it."""

    def __init__(self, table, cost, goal=BEST, *, in_flight=1, screen=False, share=SHARE, spares=None, source=None, **pool):
        self.rows = with_levels(made := pool_of(N, GROUP, **pool), ["look"], [share * made.cost], spares=spares)
        self.levels, budget = self.rows.levels, BudgetSpec(cost=cost)
        sources = None if source is None else FrozenSources([SourceData("other", pool_of(N, GROUP), source)])
        proposer = LevelProposer(goal, screen=screen, sources=sources)
        rules = RoundRules(
            seed=3,
            source="table",
            direction="minimize",
            budget=budget,
            limit=cost_limit(budget, self.rows),
            initial_count=proposer.initial_count(self.rows),
            in_flight=in_flight,
        )
        values = table[self.levels.candidate, self.levels.level]
        self.done = replay(self.rows, values, proposer, rules, count_initial=True)
        self.candidates = self.levels.candidate[self.done.positions].tolist()
        self.at = self.levels.level[self.done.positions].tolist()

    def top(self):
        return [candidate for candidate, level in zip(self.candidates, self.at, strict=True) if level == 1]

    @property
    def looks(self):
        return self.at.count(0)


def test_the_first_candidates_are_bought_at_every_level():
    bought = Bought(RELATED, 5.6)
    assert bought.at == [0, 1] * FIRST
    assert bought.candidates[::2] == bought.candidates[1::2]
    assert len(set(bought.candidates)) == FIRST


def test_each_system_has_one_of_the_first_candidates():
    codes = np.arange(N) % 7
    bought = Bought(RELATED, 8.0, Goal(), systems=tuple("abcdefg"), codes=codes)
    assert sorted(codes[bought.candidates[:14:2]]) == list(range(7))


@pytest.mark.parametrize("in_flight", [1, 3])
def test_looks_find_a_best_that_features_do_not_announce(in_flight):
    bought = Bought(RELATED, 20.0, in_flight=in_flight)
    assert int(np.argmin(TOP)) in bought.top()
    assert bought.looks > 2 * FIRST
    assert bought.done.refits[-1].hyperparameters[FITTED]["evidence"] > 2.0


@pytest.mark.parametrize("in_flight", [1, 3])
def test_a_screen_looks_at_all_and_then_buys_in_the_order_of_looks(in_flight):
    bought = Bought(RELATED, SHARE * N + FIRST + 2.0, screen=True, in_flight=in_flight)
    assert bought.at == [0] * N + [1] * (FIRST + 2)
    assert sorted(bought.candidates[:N]) == list(range(N))
    assert bought.candidates[N : N + FIRST] == np.argsort(RELATED[:, 0])[:FIRST].tolist()


def test_a_screen_begins_with_the_best_look_of_each_system():
    codes = np.arange(N) % 7
    bought = Bought(RELATED, SHARE * N + 7.0, Goal(), screen=True, systems=tuple("abcdefg"), codes=codes)
    first = [int(places[np.argmin(RELATED[places, 0])]) for places in (np.flatnonzero(codes == system) for system in range(7))]
    assert bought.candidates[N:] == first


def test_nothing_is_bought_twice_and_no_look_follows_a_full_value():
    bought = Bought(RELATED, 25.0)
    pairs = list(zip(bought.candidates, bought.at, strict=True))
    assert len(set(pairs)) == len(pairs)
    for place, (candidate, level) in enumerate(pairs):
        assert level == 1 or (candidate, 1) not in pairs[:place]


@pytest.mark.parametrize(("cost", "screen"), [(12.05, False), (1.05, False), (2.15, False), (2.5, True)])
def test_no_look_is_bought_whose_full_value_cannot_be_paid(cost, screen):
    bought = Bought(RELATED, cost, screen=screen)
    spent = np.cumsum(bought.rows.cost[bought.done.positions])
    assert spent[-1] <= cost
    last = max((place for place, level in enumerate(bought.at) if level == 0), default=None)
    assert last is None or spent[last] + 1.0 <= cost
    assert len(bought.top()) == (int(cost) if cost < 2.5 else max(1, len(bought.top())))


@pytest.mark.parametrize("seed", range(3, 9))
def test_shuffled_looks_cost_a_twentieth_of_the_budget_at_most(seed):
    shuffled = np.column_stack([np.random.default_rng(seed).permutation(RELATED[:, 0]), TOP])
    bought = Bought(shuffled, 25.0)
    assert SHARE * bought.looks <= 0.05 * 25.0
    assert bought.done.refits[-1].hyperparameters[FITTED]["evidence"] < 2.0


@pytest.mark.parametrize(("share", "spares"), [(0.3, 0.9), (0.5, 0.95), (0.9, 0.95)])
def test_looks_that_spare_most_of_a_full_value_do_not_starve_full_values(share, spares):
    """What remains after such a look costs next to nothing, so that another look might always seem the better purchase."""
    bought = Bought(RELATED, 25.0, share=share, spares=[spares])
    assert len(bought.top()) > FIRST
    assert int(np.argmin(TOP)) in bought.top()


CODES = np.arange(N) % 2
SECOND = CODES == 1


@pytest.mark.parametrize("look", ["shuffled", "other offset", "other scale"])
def test_a_level_that_differs_between_systems_finds_the_best_of_both(look):
    """One correlation serves all systems: looks of one that say nothing, or have another zero or scale, mislead little."""
    looks = RELATED[:, 0].copy()
    looks[SECOND] = {
        "shuffled": np.random.default_rng(0).permutation(looks[SECOND]),
        "other offset": looks[SECOND] + 3.0,
        "other scale": 4.0 * looks[SECOND],
    }[look]
    bought = Bought(np.column_stack([looks, TOP]), 40.0, Goal(), systems=("a", "b"), codes=CODES)
    best = [int(places[np.argmin(TOP[places])]) for places in (np.flatnonzero(~SECOND), np.flatnonzero(SECOND))]
    assert set(best) <= set(bought.top())


def test_all_full_values_end_the_search():
    bought = Bought(RELATED, 1e3)
    assert sorted(bought.top()) == list(range(N))


def test_values_below_a_threshold_are_found_with_fewer_full_values():
    wanted = np.flatnonzero(np.sort(TOP)[9] >= TOP)
    bought = Bought(RELATED, 25.0, Goal("all_below", threshold=float(np.sort(TOP)[9]) + 1e-9))
    assert len(set(bought.top()) & set(wanted.tolist())) >= 8


def test_values_below_a_threshold_are_found_where_looks_say_nothing():
    smooth = np.sin(5.0 * X[:, 0]) + X[:, 1]
    table = np.column_stack([np.random.default_rng(0).permutation(smooth), smooth])
    low = np.sort(smooth)[9]
    bought = Bought(table, 20.0, Goal("all_below", threshold=float(low) + 1e-9))
    assert len(set(bought.top()) & set(np.flatnonzero(smooth <= low).tolist())) >= 9


def test_the_k_best_are_found():
    bought = Bought(RELATED, 25.0, Goal("top_k", 4))
    assert len(set(np.argsort(TOP)[:4].tolist()) & set(bought.top())) == 4


WAVY = np.sin(14.0 * X[:, 0]) + np.cos(11.0 * X[:, 1])


def test_a_source_that_resembles_the_values_finds_the_best_of_them_sooner(monkeypatch):
    computed, means = [], TransferProposer.source_means
    monkeypatch.setattr(TransferProposer, "source_means", lambda *given: computed.append(1) or means(*given))
    table, best = np.column_stack([WAVY + RNG.standard_normal(N), WAVY]), int(np.argmin(WAVY))
    alone, informed = Bought(table, 9.0), Bought(table, 9.0, source=4.0 * WAVY + 10.0)
    assert informed.done.refits[-1].hyperparameters[KEY]["mode"] == "posterior"
    assert informed.top()[FIRST] == best
    assert alone.top()[FIRST] != best
    # What sources expect of 100,000 candidates takes seconds.
    assert 0 < len(computed) <= len(informed.done.refits)


@pytest.mark.parametrize("seed", range(3))
def test_a_source_of_shuffled_values_changes_no_purchase(seed):
    alone, informed = Bought(RELATED, 14.0), Bought(RELATED, 14.0, source=np.random.default_rng(seed).permutation(WAVY))
    assert {refit.hyperparameters[KEY]["mode"] for refit in informed.done.refits if KEY in refit.hyperparameters} == {"none"}
    assert informed.done.positions.tolist() == alone.done.positions.tolist()
