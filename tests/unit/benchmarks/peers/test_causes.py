"""The model that stands for Ax's in the search for the cause: its gradients, and what it chooses."""

import numpy as np
import pytest
from scipy.optimize import approx_fprime

from benchmarks.peers.causes import MODELS, AxModel, _Density
from tansaku.models.domain.pool import FeatureGroup
from tansaku.peers.problem import Problem, encode
from tests.support.pools import pool_of

RNG = np.random.default_rng(0)
POINTS = RNG.uniform(size=(40, 3))
VALUES = np.square(POINTS - (0.2, 0.7, 0.5)).sum(axis=1)


@pytest.mark.parametrize("switches", MODELS.values(), ids=MODELS)
def test_the_gradient_is_that_of_the_density(switches):
    density = _Density(switches, POINTS[:12], VALUES[:12])
    vector = RNG.normal(-0.5, 0.3, size=4 + switches.variance)
    numbers = approx_fprime(vector, lambda point: density._negative(point)[0], 1e-7)
    assert density._negative(vector)[1] == pytest.approx(numbers, rel=1e-4, abs=1e-4)


def test_it_goes_to_the_bowl_s_lowest_point():
    pool = pool_of(40, FeatureGroup("x", POINTS, np.arange(40), ("a", "b", "c")))
    encoding, known = encode(pool, np.arange(40)), [int(np.argmax(VALUES)), 3, 5, 7, 9, 11, 13]
    for _ in range(6):
        free = np.setdiff1d(np.arange(40), known)
        problem = Problem(encoding, np.array(known), VALUES[known], free, seed=0)
        known.append(AxModel(MODELS["ax-model"]).suggest(problem).row)
    assert int(np.argmin(VALUES)) in known
