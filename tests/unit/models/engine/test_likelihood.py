import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tansaku.models.domain.errors import FitError
from tansaku.models.engine.kernels import Constant, Scale, Stationary, covariance, expand
from tansaku.models.engine.likelihood import NOISE, LogNormal, LogPosterior
from tansaku.models.engine.map_fit import default_priors
from tansaku.models.engine.presets import build_kernel


def _density(pool, terms, n=14, seed=0):
    rng = np.random.default_rng(seed)
    return LogPosterior(pool, terms, rng.permutation(len(pool))[:n], rng.normal(size=n), default_priors(pool, terms))


@pytest.mark.parametrize("profile", ["rbf", "matern12", "matern32", "matern52"])
@given(seed=st.integers(0, 1000))
@settings(max_examples=5, deadline=None)
def test_gradient_is_the_derivative(scattered_pool, profile, seed):
    kernel = Scale("a", Stationary("place", "l", profile, ard=True) * Stationary("kind", "k", profile)) + Scale("b", Constant())
    density = _density(scattered_pool, expand(kernel), seed=seed)
    at = density.centre + 0.3 * np.random.default_rng(seed).normal(size=len(density.centre))
    value, gradient = density(at)
    # A difference of two values of several hundred is known to ten digits only.
    rounding = 1e-7 * max(abs(value), 10.0)
    for i in range(len(at)):
        step = np.zeros(len(at))
        step[i] = 1e-5
        slope = (density(at + step)[0] - density(at - step)[0]) / 2e-5
        assert gradient[i] == pytest.approx(slope, rel=1e-5, abs=rounding)


def test_value_is_the_normal_density(any_pool):
    from scipy.stats import multivariate_normal, norm

    terms = expand(build_kernel("additive", any_pool))
    rng = np.random.default_rng(3)
    positions, targets = rng.permutation(len(any_pool))[:8], rng.normal(size=8)
    density = LogPosterior(any_pool, terms, positions, targets, default_priors(any_pool, terms))
    at = density.centre + 0.1
    parameters = density.unpack(at)
    k = covariance(terms, any_pool, parameters, positions, positions) + parameters[NOISE][0] * np.eye(8)
    assert density.likelihood(at)[0] == pytest.approx(multivariate_normal(cov=k).logpdf(targets), rel=1e-9)
    widths = np.concatenate([np.full(len(p.centre), p.width) for p in default_priors(any_pool, terms).values()])
    prior = norm(scale=widths).logpdf(0.1) - norm(scale=widths).logpdf(0.0)
    assert density(at)[0] - density.likelihood(at)[0] == pytest.approx(prior.sum(), rel=1e-9)


def test_packing_is_reversible_and_fills_gaps_from_the_priors(scattered_pool):
    terms = expand(Scale("a", Stationary("place", "l", ard=True)))
    density = _density(scattered_pool, terms)
    given_values = {"a": np.array([2.0]), "l": np.array([0.5, 3.0])}
    back = density.unpack(density.pack(given_values))
    assert np.allclose(back["l"], [0.5, 3.0])
    assert np.allclose(back[NOISE], default_priors(scattered_pool, terms)[NOISE].centre)
    other_shape = density.unpack(density.pack({"l": np.array([9.0])}))
    assert np.allclose(other_shape["l"], default_priors(scattered_pool, terms)["l"].centre)


def test_a_singular_matrix_is_a_fit_error(bare_pool):
    terms = expand(Scale("a", Stationary("x", "l")))
    priors = {"a": LogNormal(np.ones(1), 1.0), "l": LogNormal(np.ones(1), 1.0), NOISE: LogNormal(np.array([1e-30]), 1.0)}
    density = LogPosterior(bare_pool, terms, np.array([5, 11]), np.array([0.0, 1.0]), priors)
    with pytest.raises(FitError, match="2 observations"):
        density.likelihood(density.centre)
