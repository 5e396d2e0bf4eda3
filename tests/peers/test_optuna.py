import numpy as np

from tansaku.models.domain.pool import FeatureGroup
from tansaku.peers.optuna import distributions
from tansaku.peers.problem import Problem, distances, encode, nearest, parameters
from tests.support.pools import pool_of


def _problem() -> Problem:
    pool = pool_of(
        6,
        FeatureGroup("x", np.array([[0.0], [1.0], [4.0]]), np.array([0, 1, 2, 0, 1, 2]), ("x",)),
        FeatureGroup("kind", np.eye(2), np.repeat([0, 1], 3), tuple("ab")),
    )
    return Problem(encode(pool, np.arange(6)), np.array([0]), np.array([1.0]), np.arange(1, 6), seed=0)


def test_a_candidates_own_parameters_lead_back_to_it():
    problem = _problem()
    for place, row in enumerate(problem.free):
        squared = distances(problem, parameters(problem.encoding, int(row)))
        assert np.argmin(squared) == place
        assert squared[place] == 0.0
        assert nearest(problem, parameters(problem.encoding, int(row))) == row


def test_columns_are_floats_and_categories_categories(require):
    require("optuna")
    from optuna.distributions import CategoricalDistribution, FloatDistribution

    space = distributions(_problem().encoding)
    assert isinstance(space["x.x"], FloatDistribution)
    assert isinstance(space["kind"], CategoricalDistribution)
    assert len(space["kind"].choices) == 2
