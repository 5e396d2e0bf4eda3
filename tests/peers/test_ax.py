"""Ax gets numbers as ranges and categories as choices."""

import numpy as np
import pytest

from tansaku.models.domain.pool import FeatureGroup
from tansaku.peers.problem import Problem, encode
from tests.support.pools import pool_of

pytestmark = pytest.mark.filterwarnings("ignore")


def test_ax_gets_a_range_for_a_number_and_a_choice_for_a_category(require, heat_and_kind):
    require("ax")
    from ax.core.parameter import ChoiceParameter, RangeParameter

    from tansaku.peers.ax import AxOptimiser

    optimiser, problem = AxOptimiser(), heat_and_kind
    assert optimiser.suggest(problem).row in problem.free
    space = optimiser.experiment(problem).search_space.parameters
    assert {name: type(item) for name, item in space.items()} == {"x0": RangeParameter, "c0": ChoiceParameter}
    assert len(space["c0"].values) == 3
    assert not space["c0"].is_ordered


def test_ax_gets_no_range_beside_categories_alone(require):
    require("ax")
    from tansaku.peers.ax import AxOptimiser

    pool = pool_of(6, FeatureGroup("kind", np.eye(6), np.arange(6), tuple("abcdef")))
    problem = Problem(encode(pool, np.arange(6)), np.array([0]), np.array([1.0]), np.arange(1, 6), seed=0)
    assert list(AxOptimiser().experiment(problem).search_space.parameters) == ["c0"]
