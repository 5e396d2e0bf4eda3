from __future__ import annotations

import numpy as np
import pytest

from tansaku.models.surrogates.calibration import fit_error_model


def test_noise_that_grows_with_distance_is_found():
    rng = np.random.default_rng(0)
    distance = rng.exponential(size=4000)
    deviation = np.sqrt(0.01**2 + 0.02**2 * distance)
    model = fit_error_model(deviation * rng.normal(size=4000), distance)
    assert model.deviation(distance) == pytest.approx(deviation, rel=0.15)


def test_about_two_thirds_lie_within_one_deviation_whatever_the_tails():
    rng = np.random.default_rng(1)
    distance = rng.exponential(size=2000)
    errors = 0.01 * rng.standard_t(2.5, size=2000)
    model = fit_error_model(errors, distance)
    assert np.mean(np.abs(errors) <= model.deviation(distance)) == pytest.approx(0.683, abs=0.005)


def test_a_handful_of_errors_gives_one_deviation_for_all():
    model = fit_error_model(np.array([0.3, -0.4]), np.array([1.0, 9.0]))
    assert model.deviation(np.array([0.0, 100.0])) == pytest.approx(np.full(2, np.sqrt(0.125)))


def test_no_error_at_all_is_no_division_by_zero():
    model = fit_error_model(np.zeros(50), np.zeros(50))
    assert (model.deviation(np.zeros(3)) > 0).all()
