"""Reweighting of exact samples, autocorrelation and R-hat."""

import numpy as np
import pytest

from tansaku.models.domain.errors import FitError
from tansaku.sparse.models.search.histogram import (
    Samples,
    evidence_by_integration,
    integrated_autocorrelation,
    reweighted,
    split_r_hat,
)


def gaussian_samples(count=20_000):
    """Energies that are normal with deviation 2 under the prior: the evidence is exp(2)."""
    rng = np.random.default_rng(0)
    betas = np.linspace(0.0, 1.0, 8)
    energies = tuple(rng.normal(-4.0 * beta, 2.0, count) for beta in betas)
    return Samples(betas, energies, tuple(np.ones(count, dtype=np.int64) for _ in betas), np.ones(8), 1, 1)


def test_both_evidences_are_right():
    samples = gaussian_samples()
    visits = reweighted(samples)
    assert visits.log_evidence() == pytest.approx(2.0, abs=0.03)
    assert evidence_by_integration(samples) == pytest.approx(2.0, abs=0.03)
    assert np.exp(visits.log_mass).sum() == pytest.approx(1.0)


def test_a_size_that_was_not_visited_is_an_error():
    samples = gaussian_samples(100)
    with pytest.raises(FitError, match="no support with 2 members"):
        reweighted(Samples(samples.betas, samples.energies, samples.sizes, samples.inefficiency, 1, 2))


def test_energies_far_apart_do_not_overflow():
    samples = gaussian_samples(500)
    shifted = tuple(energies - 1e5 for energies in samples.energies)
    moved = Samples(samples.betas, shifted, samples.sizes, samples.inefficiency, 1, 1)
    assert reweighted(moved).log_evidence() == pytest.approx(1e5 + reweighted(samples).log_evidence(), abs=1e-2)


def test_autocorrelation_of_a_first_order_process():
    rng = np.random.default_rng(0)
    series = np.zeros(40_000)
    for place in range(1, len(series)):
        series[place] = 0.8 * series[place - 1] + rng.normal()
    assert integrated_autocorrelation(series) == pytest.approx(9.0, rel=0.2)
    assert integrated_autocorrelation(np.ones(10)) == 1.0


def test_r_hat_sees_chains_that_disagree():
    rng = np.random.default_rng(0)
    same = (rng.random((4, 50, 100, 2)) < 0.5).mean(axis=2)
    other = same.copy()
    other[0, :, 1] = 0.05
    assert split_r_hat(same, 100).max() < 1.01
    assert split_r_hat(other, 100)[1] > 1.05
    assert split_r_hat(np.ones((2, 10, 1)), 100)[0] == 1.0
    assert split_r_hat(np.stack([np.ones((10, 1)), np.zeros((10, 1))]), 100)[0] == np.inf
