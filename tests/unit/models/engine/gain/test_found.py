from __future__ import annotations

import numpy as np
import pytest
from scipy.special import ndtr

from tansaku.models.engine.gain import Conditional, expected_found

RNG = np.random.default_rng(3)
N = 12
_ROOT = RNG.normal(size=(N, 4))
COVARIANCE = _ROOT @ _ROOT.T / 4 + 0.2 * np.eye(N)
MEAN = RNG.normal(size=N)
DEVIATION = np.sqrt(np.diag(COVARIANCE))
THRESHOLD = np.full(N, -0.4)


def _found(remaining: int, covariance: np.ndarray = COVARIANCE) -> np.ndarray:
    rest = Conditional(MEAN, DEVIATION, covariance, DEVIATION)
    return expected_found(THRESHOLD, np.arange(N), rest, remaining)


def test_the_last_evaluation_finds_what_is_likeliest():
    np.testing.assert_allclose(_found(1), ndtr((THRESHOLD - MEAN) / DEVIATION))


def test_without_correlation_nothing_is_learned():
    probability = ndtr((THRESHOLD - MEAN) / DEVIATION)
    gains = _found(4, np.diag(np.diag(COVARIANCE)))
    ordered = np.sort(probability)[::-1]
    # Any of the four likeliest leaves the other three; anything else takes the place of the fourth.
    np.testing.assert_allclose(gains, np.where(probability >= ordered[3], ordered[3], probability), atol=1e-12)


@pytest.mark.parametrize("remaining", [2, 5])
def test_agrees_with_monte_carlo(remaining):
    gains = _found(remaining)
    rng = np.random.default_rng(0)
    before = np.sort(ndtr((THRESHOLD - MEAN) / DEVIATION))[N - remaining + 1 :].sum()
    for at in (0, 5, 9):
        found = []
        for result in MEAN[at] + DEVIATION[at] * rng.standard_normal(20_000):
            mean = MEAN + COVARIANCE[at] / COVARIANCE[at, at] * (result - MEAN[at])
            variance = DEVIATION**2 - COVARIANCE[at] ** 2 / COVARIANCE[at, at]
            chances = ndtr((THRESHOLD - mean) / np.sqrt(np.maximum(variance, 1e-12)))
            chances[at] = 0.0
            found.append((result < THRESHOLD[at]) + np.sort(chances)[N - remaining + 1 :].sum())
        assert gains[at] == pytest.approx(np.mean(found) - before, abs=0.03)


def test_knowing_more_is_never_worth_less():
    assert (_found(4) >= _found(4, np.diag(np.diag(COVARIANCE))) - 1e-9).all()
