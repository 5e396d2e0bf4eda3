"""The candidates of a campaign at each of its levels."""

from __future__ import annotations

import numpy as np
import pytest

from tansaku.models.domain.errors import ConfigurationError
from tansaku.spaces.levels import searched_pool
from tansaku.spaces.space_registry import open_space
from tansaku.tasks.node.configuration.campaign_files import load_campaign
from tests.support.looks import N, looks_campaign


def searched(folder, **changes: object):
    loaded = load_campaign(looks_campaign(folder, **changes))
    return searched_pool(loaded.spec, open_space(loaded.spec.space, loaded.base_path), loaded.base_path)


def columns(**more: str):
    features = {"x": {"columns": ["a", "b"]}}
    return {"type": "table", "candidates": "looks.csv", "columns": {"id": "id", "value": "full"} | more, "features": features}


def test_without_levels_it_is_the_space_s_pool(tmp_path):
    assert searched(tmp_path, levels=[], budget={"evaluations": 3}).levels is None


def test_a_share_is_of_each_candidate_s_cost(tmp_path):
    pool = searched(tmp_path, space=columns(cost="minutes"))
    look, full = pool.cost[pool.levels.places].T
    np.testing.assert_allclose(look, 0.1 * full)
    assert np.ptp(full) > 0.5


def test_looks_may_have_a_column_of_costs(tmp_path):
    levels = [{"name": "look", "column": "cheap", "cost": "b"}]
    pool = searched(tmp_path, space=columns(cost="minutes"), levels=levels)
    look = pool.cost[pool.levels.places[:, 0]]
    np.testing.assert_allclose(look, np.genfromtxt(tmp_path / "looks.csv", delimiter=",", skip_header=1)[:, 2])
    assert len(pool) == 2 * N


@pytest.mark.parametrize(
    ("levels", "message"),
    [
        ([{"name": "look", "column": "none", "cost": 0.1}], r"levels\[0\]\.column.*'none'"),
        ([{"name": "look", "column": "a", "cost": 0.1}], r"levels\[0\]\.column: 'a' is also in space\.features\.x"),
        ([{"name": "look", "column": "cheap", "cost": "id"}], r"levels\[0\]\.cost"),
        ([{"name": "look", "column": "full", "cost": 0.1}], r"levels\[0\]\.column: 'full' has the wanted values"),
        (
            [{"name": "look", "column": "cheap", "cost": 0.2}, {"name": "rough", "column": "minutes", "cost": 0.1}],
            r"levels\[0\]\.cost: .* more than .* of rough; expected the cheapest first",
        ),
        ([{"name": "look", "column": "minutes", "cost": "cheap"}], r"levels\[0\]\.cost: .* more than .* of full"),
    ],
)
def test_a_column_that_does_not_serve_is_named(tmp_path, levels, message):
    with pytest.raises(ConfigurationError, match=message):
        searched(tmp_path, space=columns(cost="minutes"), levels=levels)
