import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tansaku.models.engine.transforms import OutputTransform, TransformState

values_strategy = st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=12).map(np.array)


@given(values_strategy, st.booleans(), st.sampled_from(["none", "global", "system"]))
def test_state_survives_json_exactly(values, log, standardise):
    state = OutputTransform(log, standardise).fit(values, np.arange(len(values)) % 3, 3)
    again = TransformState.from_json(state.to_json())
    assert np.array_equal(again.forward(values, np.zeros(len(values), int)), state.forward(values, np.zeros(len(values), int)))


@given(values_strategy)
def test_global_standardising_gives_mean_zero_deviation_one(values):
    z = OutputTransform(False, "global").fit(values, np.zeros(len(values), int), 1).forward(values, np.zeros(len(values), int))
    if np.ptp(values) > 1e-6:
        assert z.mean() == pytest.approx(0.0, abs=1e-6)
        assert z.std() == pytest.approx(1.0, rel=1e-6)


def test_systems_are_centred_on_themselves_and_share_one_deviation():
    values, systems = np.array([1.0, 3.0, 10.0, 14.0]), np.array([0, 0, 1, 1])
    state = OutputTransform(False, "system").fit(values, systems, 3)
    assert state.centre == pytest.approx([2.0, 12.0, 7.0])
    assert state.forward(values, systems) == pytest.approx(np.array([-1.0, 1.0, -2.0, 2.0]) / state.scale)


def test_no_standardising_keeps_the_unit():
    values = np.array([5.0, 7.0])
    assert OutputTransform(False, "none").fit(values, np.zeros(2, int), 1).forward(values, np.zeros(2, int)) == pytest.approx(
        values
    )


def test_logarithm_of_positive_values_is_plain():
    values = np.array([1.0, np.e])
    state = OutputTransform(True, "none").fit(values, np.zeros(2, int), 1)
    assert state.forward(values, np.zeros(2, int)) == pytest.approx([0.0, 1.0])


def test_logarithm_of_values_below_zero_is_shifted_by_the_stated_rule():
    values = np.array([-3.0, 97.0])
    state = OutputTransform(True, "none").fit(values, np.zeros(2, int), 1)
    assert state.floor == pytest.approx(-8.0)
    assert state.forward(values, np.zeros(2, int)) == pytest.approx(np.log([5.0, 105.0]))


@pytest.mark.parametrize("log", [False, True])
def test_moments_are_those_of_the_values(log):
    rng = np.random.default_rng(0)
    state = TransformState(log, 2.0 if log else 0.0, np.array([0.0, 1.0]), 0.5)
    z = rng.normal(0.3, 0.4, 400_000)
    drawn = z * 0.5 + 1.0
    drawn = np.exp(drawn) + 2.0 if log else drawn
    assert state.moments(0.3, 0.4, 1) == pytest.approx((drawn.mean(), drawn.std()), rel=1e-2)


def test_equal_values_do_not_divide_by_zero():
    assert OutputTransform(False, "global").fit(np.full(3, 4.0), np.zeros(3, int), 1).scale == 1.0
