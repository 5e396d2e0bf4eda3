"""The model behind ``posterior`` and ``joint``: how much sources that do not correlate with the target say of it."""

from __future__ import annotations

import numpy as np
import pytest

from tansaku.models.domain.pool import CandidatePool, FeatureGroup
from tansaku.models.engine.kernels import expand
from tansaku.models.engine.likelihood import NOISE
from tansaku.models.engine.posterior import PoolPosterior
from tansaku.models.engine.presets import build_kernel
from tansaku.models.engine.transfer.data import observed_source
from tansaku.models.engine.transfer.extended import COUPLING, SHIFT, coupled, extend
from tansaku.models.engine.transfer.modes import priors
from tansaku.models.engine.transforms import OutputTransform
from tests.support.pools import pool_of

NOISE_VARIANCE = 0.02
LENGTHS = (0.9, 2.5)


def _pool(n: int, seed: int) -> CandidatePool:
    rng = np.random.default_rng(seed)
    return pool_of(
        n,
        FeatureGroup("a", rng.normal(size=(n, 2)), np.arange(n), ("u", "v")),
        FeatureGroup("b", rng.normal(size=(5, 1)), np.arange(n) % 5, ("w",)),
    )


@pytest.fixture(scope="module")
def problem():
    rng = np.random.default_rng(2)
    target, one, two = _pool(20, 0), _pool(14, 1), _pool(11, 2)
    sources = [
        observed_source(name, pool, np.arange(len(pool)), rng.normal(size=len(pool)), "minimize", 99)
        for name, pool in (("one", one), ("two", two))
    ]
    extended = extend(target, sources, OutputTransform())
    terms = expand(coupled(build_kernel("product", target)))
    parameters = {name: prior.centre for name, prior in priors(extended, terms).items()}
    parameters |= {COUPLING: np.array(LENGTHS), SHIFT: np.array([0.7]), NOISE: np.array([NOISE_VARIANCE])}
    parameters["variance"] = np.array([1.3])
    observed = np.array([2, 5, 6, 11, 17])
    points = np.concatenate([extended.positions, observed])
    targets = np.concatenate([extended.targets, rng.normal(size=5)])
    return extended, terms, parameters, points, targets


def test_without_correlation_the_sources_change_nothing(problem):
    extended, terms, parameters, points, targets = problem
    alone = {**parameters, COUPLING: np.array([0.02, 0.02])}
    means = []
    for values in (targets, np.concatenate([5.0 * targets[:25], targets[25:]])):
        posterior = PoolPosterior(extended.pool, terms, alone, NOISE_VARIANCE)
        posterior.start(points.tolist())
        means.append(posterior.predict([], [], values, np.ones(30, dtype=bool))[0][:20])
    assert np.array_equal(means[0], means[1])
    coupled_ = PoolPosterior(extended.pool, terms, replace_length(parameters, 50.0), NOISE_VARIANCE)
    coupled_.start(points.tolist())
    assert not np.allclose(coupled_.predict([], [], targets, np.ones(30, dtype=bool))[0][:20], means[0], atol=0.01)


def replace_length(parameters, length):
    return {**parameters, COUPLING: np.full(2, length)}
