from __future__ import annotations

import numpy as np
import pytest

from tansaku.models.domain.pool import CandidatePool, FeatureGroup
from tansaku.models.engine.failures import likely_to_succeed, success_probability
from tests.support.pools import pool_of

NOBODY = np.empty(0, dtype=np.intp)


def line(n: int = 100) -> CandidatePool:
    x = np.linspace(0.0, 1.0, n)[:, None]
    return pool_of(n, FeatureGroup("x", x, np.arange(n), ("x",)))


def test_nothing_known_is_an_even_chance():
    assert success_probability(line(), NOBODY, NOBODY) == pytest.approx(0.5)


def test_a_failing_region_is_told_from_a_sound_one():
    failed, succeeded = np.array([62, 68, 75, 81, 90]), np.array([3, 11, 20, 32, 40, 50])
    success = success_probability(line(), succeeded, failed)
    assert success[70:90].max() < 0.35
    assert success[:45].min() > 0.7
    assert (success > 0).all()
    assert (success < 1).all()


def test_far_from_everything_the_share_of_successes_counts():
    pool = line(1000)
    success = success_probability(pool, np.arange(0, 30, 3), np.arange(1, 30, 3))
    n_good, n_bad = 10, 10
    assert success[-1] == pytest.approx((n_good + 1) / (n_good + n_bad + 2), abs=0.02)


def test_scattered_failures_are_blamed_on_nobody():
    rng = np.random.default_rng(0)
    tried = rng.permutation(100)[:60]
    success = success_probability(line(), np.sort(tried[:45]), np.sort(tried[45:]))
    assert success.min() > 0.4
    assert success.mean() == pytest.approx(0.75, abs=0.07)


def test_it_is_the_estimate_that_is_written_down():
    pool, succeeded, failed = line(), np.array([10, 20]), np.array([60])
    success = success_probability(pool, succeeded, failed)
    x = np.linspace(0, 1, 100)
    differences = np.abs(x[:, None] - x[None, :])[np.triu_indices(100, 1)] ** 2
    median = np.sqrt(np.median(np.unique(np.round(differences, 12))))
    rate = 3 / 5
    matches = []
    for reach in (1.0, 0.5, 0.25, 0.125):
        w = np.exp(-0.5 * ((x[:, None] - x[[10, 20, 60]]) / (reach * median)) ** 2)
        matches.append(np.allclose(success, (w[:, :2].sum(axis=1) + rate) / (w.sum(axis=1) + 1), atol=1e-9))
    assert sum(matches) == 1


def test_pools_on_a_shared_grid_and_without_one_agree_with_each_other(any_pool):
    succeeded, failed = np.array([0, 3, 6]), np.array([1, 8])
    success = success_probability(any_pool, succeeded, failed)
    assert success.shape == (len(any_pool),)
    assert success[failed].mean() < success[succeeded].mean()


def test_gains_shrink_and_losses_grow():
    values, success = np.array([2.0, -2.0]), np.array([0.5, 0.5])
    assert likely_to_succeed(values, success, logarithmic=False).tolist() == [1.0, -4.0]
    assert likely_to_succeed(values, success, logarithmic=True) == pytest.approx(values + np.log(0.5))
