from dataclasses import replace

import numpy as np
import pytest

from tansaku.models.domain.errors import FitError
from tansaku.models.domain.pool import FeatureGroup
from tansaku.models.engine.kernels import Product, Scale, Stationary, Sum, covariance, expand
from tansaku.models.engine.likelihood import NOISE
from tansaku.models.engine.map_fit import default_priors, fit_parameters, observed_posterior
from tests.support.pools import pool_of


@pytest.fixture(scope="module")
def drawn():
    """300 points of a surface drawn with lengthscales 0.15 and 0.6 over a unit square."""
    rng = np.random.default_rng(0)
    x = rng.uniform(size=(300, 2))
    pool = pool_of(300, FeatureGroup("x", x, np.arange(300), ("u", "v")))
    terms = expand(Scale("v", Stationary("x", "l", ard=True)))
    truth = {"v": np.array([1.0]), "l": np.array([0.15, 0.6])}
    k = covariance(terms, pool, truth, np.arange(300), np.arange(300))
    values = np.linalg.cholesky(k + 1e-4 * np.eye(300)) @ rng.normal(size=300)
    return pool, terms, values


def test_lengthscales_and_noise_are_recovered(drawn):
    pool, terms, values = drawn
    found, _ = fit_parameters(observed_posterior(pool, terms, np.arange(300), values), None)
    assert found["l"] == pytest.approx([0.15, 0.6], rel=0.25)
    assert found[NOISE][0] == pytest.approx(1e-4, rel=0.5)


def test_a_warm_start_ends_no_lower_and_the_result_is_stationary(drawn):
    pool, terms, values = drawn
    density = observed_posterior(pool, terms, np.arange(120), values[:120])
    found, reached = fit_parameters(density, None)
    again, higher = fit_parameters(density, found)
    assert higher >= reached - 1e-9
    assert np.abs(density(density.pack(again))[1]).max() < 0.1


def test_few_iterations_continue_from_where_the_last_fit_ended(drawn):
    pool, terms, values = drawn
    density = observed_posterior(pool, terms, np.arange(100), values[:100])
    cold = fit_parameters(density, None, iterations=3)
    warm = fit_parameters(density, cold[0], iterations=3)
    assert warm[1] > cold[1]


def test_the_best_of_several_starts_counts_and_is_the_same_at_every_call(drawn):
    pool, terms, values = drawn
    density = observed_posterior(pool, terms, np.arange(40), values[:40])
    bad = {"v": np.array([1e-5]), "l": np.array([50.0, 50.0]), NOISE: np.array([1.0])}
    reached = [fit_parameters(density, bad, iterations=4, restarts=n)[1] for n in (0, 1, 8)]
    assert reached[0] == fit_parameters(density, bad, iterations=4)[1]
    assert reached[0] < reached[1] <= reached[2]
    assert fit_parameters(density, bad, iterations=4, restarts=8)[1] == reached[2]


def test_a_start_that_fails_leaves_the_others(drawn):
    pool, terms, values = drawn
    density = observed_posterior(pool, terms, np.arange(9), values[:9])
    impossible = {"v": np.array([np.nan])}
    with pytest.raises(FitError):
        fit_parameters(density, impossible)
    assert np.isfinite(fit_parameters(density, impossible, restarts=1)[1])


def test_priors_follow_the_units_of_the_columns(drawn):
    pool, terms, _ = drawn
    group = pool.groups["x"]
    stretched = replace(pool, groups={"x": replace(group, values=group.values * np.array([10.0, 1.0]))})
    ratio = default_priors(stretched, terms)["l"].centre / default_priors(pool, terms)["l"].centre
    assert ratio == pytest.approx([10.0, 1.0])


def test_long_lengthscales_grow_with_the_columns_that_vary_in_their_product(drawn):
    pool, _, _ = drawn
    rng = np.random.default_rng(1)
    still = np.column_stack([rng.uniform(size=(300, 2)), np.full(300, 0.5)])
    groups = {**pool.groups, "y": FeatureGroup("y", still, np.arange(300), ("a", "b", "c"))}
    wider = replace(pool, groups=groups)

    def kernel(long):
        both = tuple(Stationary(group, f"{group}.l", ard=True, long=long) for group in groups)
        alone = Stationary("x", "alone", "matern52", ard=True, long=long)
        return expand(Sum((Scale("both", Product(both)), Scale("one", alone))))

    short, long = (default_priors(wider, kernel(one)) for one in (False, True))
    for name, columns in {"x.l": 4, "y.l": 4, "alone": 2}.items():
        assert long[name].centre == pytest.approx(np.sqrt(columns) * short[name].centre)
    assert {name: prior.width for name, prior in long.items()} == {name: prior.width for name, prior in short.items()}


def test_values_that_are_no_numbers_are_a_fit_error(drawn):
    pool, terms, _ = drawn
    with pytest.raises(FitError):
        fit_parameters(observed_posterior(pool, terms, np.arange(5), np.full(5, np.nan)), None)
