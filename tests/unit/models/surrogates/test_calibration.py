from __future__ import annotations

import numpy as np
import pytest

from tansaku.models.domain.errors import FitError
from tansaku.models.surrogates.calibration import correction, fit_error_model


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


@pytest.mark.parametrize("wrong", [0.4, 3.0])
def test_a_factor_of_some_groups_makes_the_error_bars_of_others_right(wrong):
    rng = np.random.default_rng(2)

    def draw(count: int) -> dict[str, np.ndarray]:
        """Scores of groups of many sizes, whose errors differ by a factor of their own."""
        sizes = rng.integers(1, 60, count)
        return {str(k): np.abs(np.exp(0.3 * rng.normal()) * rng.normal(size=size)) / wrong for k, size in enumerate(sizes)}

    def within(factor: float) -> float:
        return float(np.mean([np.mean(scores <= factor) for scores in unseen.values()]))

    unseen = draw(2000)
    assert not 0.4 < within(1.0) < 0.9
    after = [within(correction(draw(10))) for _ in range(50)]
    assert np.mean(after) == pytest.approx(0.683, abs=0.05)


def test_groups_count_alike_and_one_alone_counts_half():
    few, many = np.full(2, 9.0), np.full(1000, 4.0)
    assert correction({"many": many}) == pytest.approx(2.0)
    assert correction({"many": many, "few": few}) == pytest.approx(9.0 ** (2 / 3))
    assert correction({}) == 1.0


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_calibrates_nothing(wrong):
    some = np.ones(20)
    broken = np.append(some[:-1], wrong)
    for calibrate in (
        lambda: fit_error_model(broken, some),
        lambda: fit_error_model(some, broken),
        lambda: correction({"a": some, "b": broken}),
    ):
        with pytest.raises(FitError, match=r"1 of .* not finite"):
            calibrate()
