from __future__ import annotations

import numpy as np
import pytest

from tansaku.models.domain.specs.campaign import ObjectiveSpec
from tansaku.models.engine.goals import Goal, goal_of, reached_levels


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
