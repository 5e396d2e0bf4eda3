import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import norm

from tansaku.models.engine import acquisition

means, deviations = st.floats(-3, 3), st.floats(0.05, 2)


def _integral(mean, deviation, gain, upper):
    def weighted(f):
        return gain(f) * np.exp(-0.5 * ((f - mean) / deviation) ** 2) / (deviation * np.sqrt(2 * np.pi))

    return quad(weighted, mean - 12 * deviation, upper, limit=200)[0]


@given(means, deviations, means)
def test_expected_improvement_is_the_integral(mean, deviation, best):
    got = acquisition.expected_improvement(*map(np.array, ([mean], [deviation], [best])))[0]
    upper = max(min(best, mean + 12 * deviation), mean - 12 * deviation)
    assert got == pytest.approx(_integral(mean, deviation, lambda f: best - f, upper), rel=1e-6, abs=1e-9)


@given(means, st.floats(0.05, 1.0), means)
def test_lognormal_improvement_is_the_integral(mean, deviation, best):
    got = acquisition.lognormal_improvement(*map(np.array, ([mean], [deviation], [best])))[0]
    upper = max(min(best, mean + 12 * deviation), mean - 12 * deviation)
    expected = _integral(mean, deviation, lambda f: np.exp(best) - np.exp(f), upper)
    assert got == pytest.approx(expected, rel=1e-5, abs=1e-8)


@given(means, deviations, means)
def test_logarithms_are_logarithms(mean, deviation, best):
    m, s, b = map(np.array, ([mean], [deviation], [best]))
    for plain, logarithm in (
        (acquisition.expected_improvement, acquisition.log_expected_improvement),
        (acquisition.lognormal_improvement, acquisition.log_lognormal_improvement),
    ):
        value = plain(m, s, b)[0]
        if value > 1e-9:
            assert logarithm(m, s, b)[0] == pytest.approx(np.log(value), rel=1e-6, abs=1e-6)


def test_log_improvement_goes_on_where_the_plain_one_underflows():
    best = np.zeros(1)
    below = [acquisition.log_expected_improvement(np.array([m]), np.ones(1), best)[0] for m in (30, 50, 900, 1100, 1e5)]
    assert np.isfinite(below).all()
    assert (np.diff(below) < 0).all()
    for m, value in zip((30, 50, 900, 1100), below, strict=False):
        leading = -0.5 * m * m - 0.5 * np.log(2 * np.pi) - 2 * np.log(m)
        assert value == pytest.approx(leading, abs=0.01)
    assert acquisition.expected_improvement(np.array([50.0]), np.ones(1), best)[0] == 0.0


@pytest.mark.parametrize("at", [-5.0, -1e3])
def test_log_improvement_has_no_step_where_its_formula_changes(at):
    u = np.array([at * (1 - 1e-7), at * (1 + 1e-7)])
    a, b = acquisition.log_expected_improvement(-u, np.ones(2), np.zeros(2))
    assert a - b == pytest.approx(abs(at) * 2e-7 * abs(at), rel=0.1)


def test_no_deviation_means_no_chance_or_a_sure_gain():
    gain = acquisition.expected_improvement(np.array([1.0, -1.0]), np.zeros(2), np.zeros(2))
    assert gain == pytest.approx([0.0, 1.0])


@given(means, deviations, means)
def test_probability_of_improvement(mean, deviation, best):
    got = acquisition.log_probability_of_improvement(*map(np.array, ([mean], [deviation], [best])))[0]
    assert got == pytest.approx(norm(mean, deviation).logcdf(best), rel=1e-9)


def test_an_optimist_adds_deviations():
    assert acquisition.confidence_bound_improvement(np.array([1.0]), np.array([0.5]), np.array([2.0]), 3.0)[0] == 2.5


def test_a_dear_loss_is_not_made_small_by_its_price():
    value = acquisition.per_cost(np.array([-1.0, -1.0, 1.0]), np.array([2.0, 4.0, 4.0]), 1.0)
    assert value == pytest.approx([-2.0, -4.0, 0.25])


def test_cost_exponent_zero_ignores_cost():
    assert acquisition.per_cost(np.array([-1.0, 1.0]), np.array([2.0, 4.0]), 0.0) == pytest.approx([-1.0, 1.0])


def test_ties_go_to_the_lowest_position_and_masked_ones_do_not_count():
    allowed = np.array([False, True, True, True])
    assert acquisition.first_best(np.array([9.0, 1.0, 1.0 + 1e-10, 0.5]), allowed, logarithmic=False) == 1
    assert acquisition.first_best(np.array([9.0, 1.0, 1.0 + 1e-8, 0.5]), allowed, logarithmic=False) == 2
    assert acquisition.first_best(np.array([9.0, -800.0, -800.0 + 1e-10, -900.0]), allowed, logarithmic=True) == 1
    assert acquisition.first_best(np.array([9.0, -800.0, -800.0 + 1e-8, -900.0]), allowed, logarithmic=True) == 2


def test_straddle_is_largest_where_it_is_unsure_and_near():
    mean, deviation = np.array([0.0, 0.0, 2.0, -2.0]), np.array([1.0, 2.0, 1.0, 1.0])
    values = acquisition.straddle(mean, deviation, np.zeros(4), 1.96)
    assert values.tolist() == pytest.approx([1.96, 3.92, -0.04, -0.04])
