"""Samples path by path agree with exact ones."""

from __future__ import annotations

import numpy as np
import pytest

from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.pool import CandidatePool, FeatureGroup
from tansaku.models.engine.kernels import Linear, Product, Same, Scale, Stationary, Sum, covariance, expand
from tansaku.models.engine.pathwise import PriorSamples, check_stationary
from tansaku.models.engine.posterior import PoolPosterior
from tests.support.pools import pool_of

COUNT, SAMPLES = 60, 4000
KERNEL = Sum(
    (
        Scale("both", Product((Stationary("place", "place.l", "matern52"), Stationary("near", "near.l", "rbf", ard=True)))),
        Scale("rough", Stationary("near", "near.l", "matern32", ard=True)),
        Scale("level", Stationary("place", "wide.l", "rbf")),
    )
)
PARAMETERS = {
    "both": np.array([1.3]),
    "rough": np.array([0.4]),
    "level": np.array([0.7]),
    "place.l": np.array([0.5]),
    "near.l": np.array([0.4, 1.1]),
    "wide.l": np.array([50.0]),
}


@pytest.fixture(scope="module")
def pool() -> CandidatePool:
    rng = np.random.default_rng(4)
    everywhere = np.arange(COUNT)
    return pool_of(
        len(everywhere),
        FeatureGroup.compact("place", rng.random((COUNT, 3)), everywhere, tuple("xyz")),
        FeatureGroup.compact("near", rng.random((COUNT, 2)), everywhere, tuple("ab")),
    )


def test_samples_of_the_prior_have_the_kernel_s_covariance(pool):
    terms, every = expand(KERNEL), np.arange(COUNT)
    drawn = PriorSamples(terms, pool, PARAMETERS, np.random.default_rng(0), SAMPLES, frequencies=2000).at(every).T
    exact = covariance(terms, pool, PARAMETERS, every, every)
    assert drawn.mean(axis=1) == pytest.approx(0.0, abs=0.12)
    assert np.abs(drawn @ drawn.T / SAMPLES - exact).max() < 0.2
    few = PriorSamples(terms, pool, PARAMETERS, np.random.default_rng(0), SAMPLES, frequencies=4).at(every).T
    assert np.abs(few @ few.T / SAMPLES - exact).max() > 0.4  # the number of frequencies matters


def test_samples_of_the_posterior_agree_with_the_exact_covariance(pool):
    posterior = PoolPosterior(pool, expand(KERNEL), PARAMETERS, noise=1e-4)
    posterior.start([3, 40, 47, 51, 55])
    open_, pending = np.array([0, 1, 2, 17, 40, 30, 44, 59]), [58]
    exact = posterior.covariance_between(open_, open_, pending)
    drawn = posterior.paths(open_, pending, np.random.default_rng(1), SAMPLES, frequencies=2000)
    assert drawn.shape == (SAMPLES, len(open_))
    found = drawn.T @ drawn / SAMPLES
    assert found == pytest.approx(exact, abs=0.1)
    assert found[4, 4] < 5e-4  # an observed point keeps its value
    assert posterior.points == (3, 40, 47, 51, 55)
    unconditioned = PoolPosterior(pool, expand(KERNEL), PARAMETERS, noise=1e-4).paths(open_, [], np.random.default_rng(1), 500)
    assert unconditioned[:, 4].var() == pytest.approx(2.4, rel=0.25)


@pytest.mark.parametrize("factor", [Same("place"), Linear("near"), Stationary("near", "near.l", metric="overlap")])
def test_other_kernels_are_refused(factor):
    check_stationary(expand(KERNEL))
    with pytest.raises(ConfigurationError, match=r"objective\.goal\.sampling: pathwise"):
        check_stationary(expand(Sum((KERNEL, Scale("other", factor)))))
