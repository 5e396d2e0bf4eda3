from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.pool import PotentialLines
from tansaku.models.domain.specs.campaign import ObjectiveSpec
from tansaku.models.engine.goals import Goal, goal_of, reached_levels
from tests.support.pools import pool_of


def goal(direction: str = "minimize", **keys: object) -> Goal:
    return goal_of(ObjectiveSpec.model_validate({"unit": "eV", "direction": direction, "goal": keys}))


def test_goals_from_specs():
    assert goal_of(ObjectiveSpec()) == Goal()
    assert goal(type="best_overall") == goal(type="top_k", k=1)
    assert goal(type="top_k", k=7) == Goal("top_k", 7)


def test_thresholds_are_converted_and_oriented():
    assert goal(type="all_below", threshold="300 meV").threshold == pytest.approx(0.3)
    assert goal("maximize", type="all_below", threshold="300 meV").threshold == pytest.approx(-0.3)


def test_levels(grid_pool):
    positions, values = np.array([0, 30, 55, 60]), np.array([3.0, 1.0, 4.0, 2.0])
    assert grid_pool.system_codes[positions].tolist() == [0, 0, 1, 1]
    assert reached_levels(Goal(), grid_pool, positions, values).tolist() == [1.0, 2.0, np.inf]
    assert reached_levels(Goal("top_k", 1), grid_pool, positions, values).tolist() == [1.0] * 3
    assert reached_levels(Goal("top_k", 3), grid_pool, positions, values).tolist() == [3.0] * 3
    assert reached_levels(Goal("top_k", 5), grid_pool, positions, values).tolist() == [np.inf] * 3
    assert reached_levels(Goal("all_below", threshold=-2.5), grid_pool, positions, values).tolist() == [-2.5] * 3


def test_what_lies_below_the_level_of_a_hull_is_lowest_at_some_potential():
    rng = np.random.default_rng(4)
    codes = np.arange(8)
    pool = pool_of(8, systems=tuple("abcdefgh"), codes=codes)
    lines = PotentialLines("TiO2", rng.normal(size=8), np.repeat([0, 1], 4), -1.4)
    pool, values, potentials = replace(pool, lines=lines), rng.normal(size=8), np.linspace(-1.4, 0.0, 20_001)
    found = reached_levels(Goal("hull", per_area=1000.0), pool, codes[:6], 1000.0 * values[:6])
    at = values[:, None] + lines.slopes[:, None] * potentials
    for system in range(8):
        group = [other for other in range(6) if lines.groups[other] == lines.groups[system]]
        highest = (at[group].min(axis=0) - lines.slopes[system] * potentials).max()
        assert found[system] == pytest.approx(1000.0 * highest, abs=0.2)
    assert found[0] <= 1000.0 * values[0] + 1e-9


def test_a_hull_without_values_has_no_level():
    lines = PotentialLines("TiO2", np.array([0.0, 1.0, 2.0]), np.array([0, 0, 1]), -1.5)
    pool = pool_of(3, systems=("a", "b", "c"), codes=[0, 1, 2], lines=lines)
    levels = reached_levels(Goal("hull"), pool, np.array([1]), np.array([3.0]))
    assert levels.tolist() == [3.0, 3.0, np.inf]
    with pytest.raises(ConfigurationError, match="needs candidates that exchange a unit"):
        reached_levels(Goal("hull"), replace(pool, lines=None), np.array([1]), np.array([3.0]))
