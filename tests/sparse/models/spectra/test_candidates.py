"""Peaks found by adding, leaving out and refining."""

import numpy as np
import pytest

from tansaku.sparse.models.spectra.candidates import Fitter, Peaks
from tansaku.sparse.models.spectra.peaks import PeakDictionary, profile
from tansaku.sparse.models.spectra.score import PeakScore, Spectrum

X = np.linspace(0.0, 100.0, 201)
TRUE = ((30.0, 8.0, 1.0), (37.0, 6.0, 0.7), (60.0, 10.0, 0.8), (68.0, 7.0, 0.5))


def fitter(seed=0, mixing=0.0, shape="gaussian", noise=0.05):
    y = sum(height * profile(X, np.array(place), np.array(width), np.array(mixing)) for place, width, height in TRUE)
    y = y + 0.2 + 0.001 * X + noise * np.random.default_rng(seed).normal(size=len(X))
    return Fitter(PeakScore(Spectrum(X, y), PeakDictionary(0.0, 100.0, 2.0, 20.0, shape), 1))


def test_overlapping_peaks_are_found_one_by_one():
    found = fitter()
    sets = found.best_by_number(6)
    assert [len(peaks.position) for peaks in sets] == list(range(7))
    assert int(np.argmin([found.fit(peaks).evidence for peaks in sets])) == 4
    fit = found.fit(sets[4])
    true = np.array(TRUE)
    for values, errors, expected in (
        (fit.peaks.position, fit.errors[:, 0], true[:, 0]), (fit.peaks.width, fit.errors[:, 1], true[:, 1]),
        (fit.heights, fit.errors[:, 3], true[:, 2]),
    ):  # fmt: skip
        assert (np.abs(values - expected) < 4.0 * errors).all()
    assert np.isnan(fit.errors[:, 2]).all()
    assert fit.deviation == pytest.approx(0.05, rel=0.15)
    assert fit.background == pytest.approx(0.2 + 0.001 * X, abs=0.05)


def test_the_scatter_of_fits_is_their_standard_error():
    fits = []
    for seed in range(30):
        found = fitter(seed)
        fits.append(found.fit(found.refined(found.best_by_number(4)[4])))
    scatter = np.std([fit.peaks.position for fit in fits], axis=0, ddof=1)
    assert scatter == pytest.approx(np.mean([fit.errors[:, 0] for fit in fits], axis=0), rel=0.5)


def test_the_shape_is_found_too():
    found = fitter(mixing=1.0, shape="pseudo_voigt", noise=0.01)
    fit = found.fit(found.best_by_number(4)[4])
    assert fit.peaks.mixing == pytest.approx(np.ones(4), abs=0.2)
    assert np.isfinite(fit.errors).all()


def test_lars_gives_a_set_no_better_than_the_refined_ones(require):
    require("sklearn")
    found = fitter()
    chosen = found.lars(8)
    assert 1 <= len(chosen.position) <= 8
    assert found.energy(chosen) > min(found.energy(peaks) for peaks in found.best_by_number(6))


def test_what_nothing_determines_is_not_credited_with_more_than_its_range():
    found = fitter(mixing=0.5, shape="pseudo_voigt")
    sets = found.best_by_number(6)
    fits = [found.fit(peaks) for peaks in sets]
    # The errors of a normal density whose height is that of the even prior are the range over the root of 2 pi.
    for fit in fits[1:]:
        assert (fit.errors[:, 0] <= 100.0 / np.sqrt(2.0 * np.pi)).all()
        assert (fit.errors[:, 2] <= 1.0 / np.sqrt(2.0 * np.pi)).all()
    assert int(np.argmin([fit.evidence for fit in fits])) == 4
    nothing = found.fit(sets[4].joined(Peaks(np.array([90.0]), np.array([5.0]), np.array([0.5]))))
    assert nothing.heights.min() < 0.1
    assert nothing.evidence > fits[4].evidence
