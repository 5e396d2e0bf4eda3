from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tansaku.models.domain.pool import EXPECTED, Expectation, FeatureGroup
from tansaku.models.engine.kernels import Linear, covariance, expand
from tansaku.models.engine.likelihood import LogPosterior
from tansaku.models.engine.map_fit import default_priors
from tansaku.models.engine.posterior import AppendedCholesky, PoolPosterior
from tansaku.models.engine.presets import build_kernel

NOISE = 1e-3


def _kernel(pool):
    terms = expand(build_kernel("additive", pool))
    return terms, {key: prior.centre for key, prior in default_priors(pool, terms).items()}


def _direct(pool, terms, parameters, points, targets, noise=NOISE):
    here, everything = np.asarray(points), np.arange(len(pool))
    k = covariance(terms, pool, parameters, here, here) + noise * np.eye(len(here))
    cross = covariance(terms, pool, parameters, here, everything)
    solved = np.linalg.solve(k, cross)
    prior = np.diagonal(covariance(terms, pool, parameters, everything, everything))
    return solved.T @ targets, prior - np.einsum("ij,ij->j", cross, solved)


def _predicted(pool, terms, parameters, base, rest, targets, pending=(), known=None):
    posterior = PoolPosterior(pool, terms, parameters, NOISE)
    posterior.start(base)
    known = np.ones(len(targets), dtype=bool) if known is None else known
    return posterior.predict(rest, pending, targets, known)


@given(seed=st.integers(0, 10_000), n=st.integers(1, 90))
@settings(max_examples=30)
def test_appended_factor_is_the_cholesky_factor(seed, n):
    a = np.random.default_rng(seed).normal(size=(n, n))
    matrix = a @ a.T + n * np.eye(n)
    factor = AppendedCholesky(1e-12)
    for i in range(n):
        weights = factor.append(matrix[i, :i], matrix[i, i])
        assert weights @ matrix[: i + 1, i] == pytest.approx(factor.lower[i, i], rel=1e-9)
    assert np.allclose(factor.lower, np.linalg.cholesky(matrix), rtol=1e-9, atol=1e-9)
    assert np.allclose(factor.solve(matrix[:, 0]), np.eye(n)[0], atol=1e-9)


def test_posterior_is_the_textbook_formula(any_pool):
    terms, parameters = _kernel(any_pool)
    points = [0, 5, 9, 11, 3]
    targets = np.array([1.0, -0.5, 0.3, 0.0, 2.0])
    mean, variance = _direct(any_pool, terms, parameters, points, targets)
    for split in (0, 3, 5):
        got = _predicted(any_pool, terms, parameters, points[:split], points[split:], targets)
        assert np.allclose(got[0], mean, rtol=0, atol=1e-10)
        assert np.allclose(got[1], variance, rtol=0, atol=1e-10)


def test_without_data_the_prior_stands(any_pool):
    terms, parameters = _kernel(any_pool)
    mean, variance = _predicted(any_pool, terms, parameters, [], [], np.empty(0))
    assert not mean.any()
    assert np.allclose(variance, np.diagonal(covariance(terms, any_pool, parameters, np.arange(9), np.arange(9)))[0])


def test_pending_points_lower_the_variance_leave_the_mean_and_are_forgotten(grid_pool):
    terms, parameters = _kernel(grid_pool)
    points, targets = [0, 30, 77], np.array([1.0, -1.0, 0.4])
    posterior = PoolPosterior(grid_pool, terms, parameters, NOISE)
    posterior.start(points)
    known = np.ones(3, dtype=bool)
    before = posterior.predict([], [], targets, known)
    pending = posterior.predict([], [50, 51], targets, known)
    after = posterior.predict([], [], targets, known)
    expected = _direct(grid_pool, terms, parameters, [*points, 50, 51], np.zeros(5))[1]
    assert np.allclose(pending[0], before[0], rtol=0, atol=1e-12)
    assert np.allclose(pending[1], expected, rtol=0, atol=1e-10)
    assert (pending[1] < before[1] + 1e-12).all()
    assert np.array_equal(after[0], before[0])
    assert np.array_equal(after[1], before[1])


def test_failed_points_lower_the_variance_and_leave_the_mean(scattered_pool):
    terms, parameters = _kernel(scattered_pool)
    targets = np.array([1.0, np.nan, -1.0, np.nan, 0.4])
    known = np.isfinite(targets)
    got = _predicted(scattered_pool, terms, parameters, [2, 8, 15], [33, 47], targets, known=known)
    mean = _direct(scattered_pool, terms, parameters, [2, 15, 47], targets[known])[0]
    variance = _direct(scattered_pool, terms, parameters, [2, 8, 15, 33, 47], np.zeros(5))[1]
    assert np.allclose(got[0], mean, rtol=0, atol=1e-10)
    assert np.allclose(got[1], variance, rtol=0, atol=1e-10)


def test_the_same_path_gives_the_same_bits(grid_pool):
    terms, parameters = _kernel(grid_pool)
    rng = np.random.default_rng(5)
    points = rng.permutation(len(grid_pool))[:40].tolist()
    targets = rng.normal(size=40)
    known = np.ones(40, dtype=bool)
    stepwise = PoolPosterior(grid_pool, terms, parameters, NOISE)
    stepwise.start(points[:10])
    for i in range(10, 40):
        one_by_one = stepwise.predict([points[i]], [], targets[: i + 1], known[: i + 1])
    rebuilt = _predicted(grid_pool, terms, parameters, points[:10], points[10:], targets)
    assert np.array_equal(one_by_one[0], rebuilt[0])
    assert np.array_equal(one_by_one[1], rebuilt[1])


def test_duplicated_points_without_noise_are_survived(bare_pool):
    terms, parameters = _kernel(bare_pool)
    posterior = PoolPosterior(bare_pool, terms, parameters, 1e-8)
    targets = np.array([1.0, 1.0, 0.5, 1.0])
    mean, variance = posterior.predict([5, 11, 0, 6], [], targets, np.ones(4, dtype=bool))
    assert np.isfinite(mean).all()
    assert np.isfinite(variance).all()
    assert mean[5] == pytest.approx(1.0, abs=1e-4)


def test_samples_have_the_posterior_covariance(grid_pool):
    terms, parameters = _kernel(grid_pool)
    posterior = PoolPosterior(grid_pool, terms, parameters, NOISE)
    posterior.start([0, 30, 77])
    candidates = np.array([1, 31, 90])
    rng = np.random.default_rng(0)
    draws = np.array([posterior.sample_deviation(candidates, [60], rng) for _ in range(4000)])
    points = np.array([0, 30, 77, 60])
    k = covariance(terms, grid_pool, parameters, points, points) + NOISE * np.eye(4)
    rows = covariance(terms, grid_pool, parameters, points, candidates)
    expected = covariance(terms, grid_pool, parameters, candidates, candidates) - rows.T @ np.linalg.solve(k, rows)
    assert np.allclose(np.cov(draws.T), expected, atol=0.1 * expected.max())
    assert posterior.points == (0, 30, 77)


@pytest.mark.parametrize("pending", [(), (3, 7)])
def test_covariance_between_candidates_is_the_direct_one(any_pool, pending):
    terms, parameters = _kernel(any_pool)
    points, n = [0, 5, 9], len(any_pool)
    posterior = PoolPosterior(any_pool, terms, parameters, NOISE)
    posterior.start(points)
    left, right = np.arange(0, n, 3), np.arange(n)
    found = posterior.covariance_between(left, right, pending)
    here = np.array([*points, *pending])
    k = covariance(terms, any_pool, parameters, here, here) + NOISE * np.eye(len(here))
    rows = [covariance(terms, any_pool, parameters, here, side) for side in (left, right)]
    direct = covariance(terms, any_pool, parameters, left, right) - rows[0].T @ np.linalg.solve(k, rows[1])
    np.testing.assert_allclose(found, direct, atol=1e-9)
    assert posterior.points == tuple(points)


def test_an_expectation_is_a_prior_of_effects_that_values_override(bare_pool):
    """The textbook's formula with a prior on the coefficients of a mean: N(-1/p, 1/(w p)) of each column."""
    from scipy.stats import multivariate_normal

    rng = np.random.default_rng(0)
    suits = rng.uniform(size=(len(bare_pool), 2))
    expected = Expectation(FeatureGroup(EXPECTED, suits, np.arange(len(bare_pool)), ("t", "p")), 4.0)
    pool = replace(bare_pool, expectation=expected)
    terms = (*expand(build_kernel("additive", pool)), *expand(Linear(EXPECTED)))
    parameters = {key: prior.centre for key, prior in default_priors(pool, terms).items()}
    points, targets = [0, 2, 4], np.array([1.0, -0.5, -0.5])
    plain = expand(build_kernel("additive", pool))
    k = covariance(plain, pool, parameters, np.arange(len(pool)), np.arange(len(pool)))
    k += suits @ suits.T / 8
    prior = -suits.mean(axis=1)
    prior -= prior[points].mean()
    solved = np.linalg.solve(k[np.ix_(points, points)] + NOISE * np.eye(3), k[points])
    mean = prior + solved.T @ (targets - prior[points])
    variance = np.diagonal(k) - np.einsum("ij,ij->j", k[points], solved)
    for split in (0, 3):
        got = _predicted(pool, terms, parameters, points[:split], points[split:], targets)
        assert np.allclose(got[0], mean, rtol=0, atol=1e-10)
        assert np.allclose(got[1], variance, rtol=0, atol=1e-10)
    posterior = PoolPosterior(pool, terms, parameters, NOISE)
    posterior.predict(points, [], targets, np.ones(3, dtype=bool))
    assert np.allclose(posterior.exactly(np.array([1, 3]), [])[0], mean[[1, 3]], rtol=0, atol=1e-10)
    density = LogPosterior(pool, terms, np.array(points), targets, default_priors(pool, terms))
    assert density.value(density.centre) == pytest.approx(
        multivariate_normal(prior[points], k[np.ix_(points, points)] + parameters["noise"][0] * np.eye(3)).logpdf(targets)
    )
