"""Free energies of sets of peaks, against sums and integrals done directly."""

import numpy as np
import pytest
from scipy.integrate import quad

from tansaku.models.averaging.subsets import EMPTY
from tansaku.models.domain.errors import ConfigurationError
from tansaku.sparse.models.spectra.peaks import PeakDictionary, profile
from tansaku.sparse.models.spectra.score import GRID, PeakScore, Spectrum

X = np.linspace(0.0, 20.0, 41)
HELD = PeakDictionary(0.0, 20.0, 2.0, 4.0)


def made(peaks, noise=0.05, seed=0, background=0.3):
    values = sum(height * profile(X, np.array(place), np.array(width), np.array(0.0)) for place, width, height in peaks)
    return values + background + noise * np.random.default_rng(seed).normal(size=len(X))


def members(*peaks):
    found = HELD.nearest(*(np.array([peak[kind] for peak in peaks], dtype=float) for kind in (0, 1)), np.zeros(len(peaks)))
    return np.concatenate([found, np.full(3 - len(peaks), EMPTY)])


def direct(y, peaks, degree):
    """The integral over noise and heights by quadrature, with the background projected out by a basis of its complement."""
    basis = np.linalg.svd(np.vander(X, degree + 1).T)[2][degree + 1 :]
    target = basis @ y
    scale = np.sqrt(target @ target / len(y))
    columns = basis @ np.array(peaks).T if len(peaks) else np.zeros((len(basis), 0))
    n, target = len(basis), target / scale
    values, vectors = np.linalg.eigh(columns @ columns.T)
    squares = (vectors.T @ target) ** 2

    def over_weight(log_noise):
        def inner(log_weight):
            spectrum = np.exp(2 * log_noise) + np.exp(2 * log_weight) * np.maximum(values, 0.0)
            return np.exp(-0.5 * n * np.log(2 * np.pi) - 0.5 * np.log(spectrum).sum() - 0.5 * (squares / spectrum).sum() + 40.0)

        return quad(inner, np.log(GRID.weight[0]), np.log(GRID.weight[1]), limit=200)[0]

    grid = np.linspace(np.log(0.01), np.log(GRID.noise[1]), 300)
    total = np.trapezoid([over_weight(value) for value in grid], grid)
    area = np.log(GRID.noise[1] / GRID.noise[0]) * np.log(GRID.weight[1] / GRID.weight[0])
    return -(np.log(total / area) - 40.0)


def test_differences_of_free_energies_are_those_of_the_integral():
    true = [(6.0, 3.0, 1.0), (13.0, 2.5, 0.6)]
    y = made(true, noise=0.2)
    score = PeakScore(Spectrum(X, y), HELD, 1, signed=True)
    supports = np.array([members(*true), members(true[0]), members(true[0], true[1], (17.0, 2.0))])
    found = score.energies(supports)
    exact = [direct(y, HELD.columns(row[row != EMPTY], X), 1) for row in supports]
    assert np.diff(found) == pytest.approx(np.diff(exact), abs=0.05)


def test_heights_below_zero_cost():
    y = made([(6.0, 3.0, 1.0), (13.0, 2.5, -0.6)])
    support = members((6.0, 3.0), (13.0, 2.5))[None]
    free, positive = (PeakScore(Spectrum(X, y), HELD, 0, signed=signed).energies(support)[0] for signed in (True, False))
    assert positive > free + 20.0
    y = made([(6.0, 3.0, 1.0), (13.0, 2.5, 0.6)])
    free, positive = (PeakScore(Spectrum(X, y), HELD, 0, signed=signed).energies(support)[0] for signed in (True, False))
    assert positive == pytest.approx(free - 2 * np.log(2.0), abs=1e-6)


def test_a_polynomial_added_to_the_spectrum_changes_nothing():
    y, support = made([(6.0, 3.0, 1.0)]), members((6.0, 3.0))[None]
    plain = PeakScore(Spectrum(X, y), HELD, 2).energies(support)
    assert PeakScore(Spectrum(X, y + 3.0 - 0.2 * X + 0.05 * X**2), HELD, 2).energies(support) == pytest.approx(plain)


def test_points_with_large_errors_weigh_little():
    y = made([(6.0, 3.0, 1.0)])
    spoiled, error = y.copy(), np.full(len(X), 0.05)
    spoiled[30:36] += 0.5
    error[30:36] = 50.0
    with_peak, without = members((6.0, 3.0), (X[32], 3.0))[None], members((6.0, 3.0))[None]
    told = PeakScore(Spectrum(X, spoiled, error), HELD)
    assert told.energies(with_peak)[0] > told.energies(without)[0]
    blind = PeakScore(Spectrum(X, spoiled), HELD)
    assert blind.energies(with_peak)[0] < blind.energies(without)[0] - 10.0


def test_nothing_but_background_is_refused():
    with pytest.raises(ConfigurationError, match="nothing to explain"):
        PeakScore(Spectrum(X, 2.0 + X), HELD, 1)
    with pytest.raises(ConfigurationError, match="expected at least 7"):
        PeakScore(Spectrum(X[:6], X[:6] ** 3), HELD, 2)
