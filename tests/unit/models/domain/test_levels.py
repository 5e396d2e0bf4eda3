"""Candidates at levels as one pool."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.levels import CANDIDATE, LEVEL, SHARE, priced_for_resuming, resumed_levels, row_id, with_levels
from tansaku.models.domain.pool import FeatureGroup
from tansaku.models.domain.ports import History
from tests.support.pools import pool_of


def history_of(rows, observed: list[int]) -> History:
    return History(np.array(observed, dtype=np.intp), np.zeros(len(observed)))


GROUP = FeatureGroup.compact("x", np.array([[0.0], [1.0], [1.0], [3.0]]), np.arange(4), ("x",))
POOL = pool_of([1.0, 2.0, 3.0, 4.0], GROUP, systems=("s", "t"), codes=[0, 0, 1, 1])
ROWS = with_levels(POOL, ["rough", "fine"], [0.1 * POOL.cost, 0.4 * POOL.cost])


def test_each_candidate_has_a_row_at_each_level():
    levels = ROWS.levels
    assert len(ROWS) == 12
    assert levels.names == ("rough", "fine", "full")
    for candidate in range(4):
        for level in range(3):
            row = levels.places[candidate, level]
            assert (levels.candidate[row], levels.level[row]) == (candidate, level)
            assert ROWS.groups[LEVEL].values[ROWS.groups[LEVEL].index[row], 0] == level
            assert ROWS.groups[CANDIDATE].index[row] == candidate
            assert ROWS.groups["x"].values[ROWS.groups["x"].index[row]] == GROUP.values[GROUP.index[candidate]]
            assert ROWS.system_codes[row] == POOL.system_codes[candidate]


def test_a_row_costs_what_its_level_does():
    np.testing.assert_allclose(ROWS.cost[ROWS.levels.places], np.outer([1.0, 2.0, 3.0, 4.0], [0.1, 0.4, 1.0]))


def test_the_rows_of_the_wanted_level_have_the_ids_of_the_candidates():
    assert ROWS.ids[ROWS.levels.places[:, -1]].tolist() == POOL.ids.tolist()
    row = int(ROWS.positions([row_id("c0002", "fine")])[0])
    assert ROWS.named(row) == ("c0002", "fine")
    assert ROWS.named(int(ROWS.positions([row_id("c0002", None)])[0])) == ("c0002", None)
    assert POOL.named(2) == ("c0002", None)


def test_a_row_that_continues_a_look_costs_what_remains():
    """A look at fine spares what it has cost, one at rough half; that of the most expensive level counts."""
    rows = with_levels(POOL, ["rough", "fine"], [0.1 * POOL.cost, 0.4 * POOL.cost], spares=[0.5, None])
    places = rows.levels.places
    history = history_of(rows, [int(places[0, 0]), int(places[1, 0]), int(places[1, 1]), int(places[2, 2])])
    resumed = resumed_levels(rows, history)
    assert resumed[places].tolist() == [[-1, 0, 0], [-1, 0, 1], [-1, -1, -1], [-1, -1, -1]]
    spared = [[1, 0.5, 0.5], [1, 0.5, 0.6], [1, 1, 1], [1, 1, 1]]
    np.testing.assert_allclose(priced_for_resuming(rows, resumed).cost[places], rows.cost[places] * spared)


def test_levels_that_continue_nothing_leave_the_pool_as_it_is():
    looked = history_of(ROWS, ROWS.levels.places[:, 0].tolist())
    assert priced_for_resuming(ROWS, resumed_levels(ROWS, looked)) is ROWS
    assert set(resumed_levels(ROWS, looked)) == {-1}
    rows = with_levels(POOL, ["rough"], [0.1 * POOL.cost], spares=[None])
    assert priced_for_resuming(rows, resumed_levels(rows, history_of(rows, []))) is rows


def test_no_level_is_refused():
    with pytest.raises(ConfigurationError, match="none given"):
        with_levels(POOL, [], [])


def test_a_candidate_whose_id_reads_like_a_look_is_refused():
    pool = replace(POOL, ids=np.array(["a", "a@rough", "b", "c"]))
    with pytest.raises(ConfigurationError, match="'a@rough'"):
        with_levels(pool, ["rough"], [pool.cost])


def test_a_learned_cost_also_depends_on_the_share_of_the_level():
    atoms = FeatureGroup.compact("cost", np.array([[4.0], [8.0], [4.0], [8.0]]), np.arange(4), ("atoms",))
    rows = with_levels(replace(POOL, cost_descriptors=atoms), ["rough"], [0.1 * POOL.cost])
    found = rows.cost_descriptors
    assert found.columns == ("atoms", SHARE)
    np.testing.assert_allclose(found.values[found.index[rows.levels.places[1]]], [[8.0, 0.1], [8.0, 1.0]])
