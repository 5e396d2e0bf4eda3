import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tansaku.models.engine.transforms import OutputTransform, TransformState

values_strategy = st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=12).map(np.array)


@given(values_strategy, st.booleans(), st.sampled_from(["none", "global", "system"]), st.sampled_from([0.5, 1.0]))
def test_state_survives_json_exactly(values, log, standardise, compress):
    state = OutputTransform(log, standardise, compress).fit(values, np.arange(len(values)) % 3, 3)
    again = TransformState.from_json(json.loads(json.dumps(state.to_json(), allow_nan=False)))
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


@given(values_strategy, st.floats(0.1, 0.9), st.booleans())
def test_compressing_keeps_the_order_and_what_lies_below_the_knee(values, share, log):
    plain, bent = OutputTransform(log, "none"), OutputTransform(log, "none", share)
    systems = np.zeros(len(values), int)
    before, after = (
        plain.fit(values, systems, 1).forward(values, systems),
        bent.fit(values, systems, 1).forward(values, systems),
    )
    below = before <= np.quantile(before, share)
    assert np.allclose(after[below], before[below])
    assert (after <= before + 1e-9).all()
    assert (np.diff(after[np.argsort(before)]) >= -1e-9).all()


def test_moments_above_the_knee_are_in_the_objectives_unit():
    state = TransformState(False, 0.0, np.zeros(1), 1.0, knee=10.0, width=5.0)
    assert state.moments(8.0, 0.5, 0) == pytest.approx((8.0, 0.5))
    middle, half = state.moments(float(state.forward(np.array([40.0]), np.zeros(1, int))[0]), 1e-4, 0)
    assert middle == pytest.approx(40.0)
    assert half == pytest.approx(1e-4 * (5.0 + 30.0) / 5.0, rel=1e-3)


def test_equal_values_do_not_divide_by_zero():
    assert OutputTransform(False, "global").fit(np.full(3, 4.0), np.zeros(3, int), 1).scale == 1.0


def test_far_above_a_narrow_knee_everything_stays_finite():
    state = OutputTransform(compress=0.7).fit(np.array([1.0, 1.0 + 1e-6]), np.zeros(2, int), 1)
    far = TransformState(state.log, state.floor, state.centre, 1.0, state.knee, state.width)
    assert np.isfinite(far.moments(3.0, 0.5, 0)).all()


def test_a_knee_that_is_nothing_beside_the_highest_value_is_none():
    values = np.array([0.0] * 9 + [5e-324, 1.0])
    state = OutputTransform(log=False, standardise="global", compress=0.9).fit(values, np.zeros(11, int), 1)
    assert state.knee is None


def test_stretching_undoes_the_compression():
    values, systems = np.random.default_rng(0).gamma(2.0, size=2001), np.zeros(2001, dtype=int)
    transform = OutputTransform(compress=0.7)
    state = transform.fit(values, systems, 1)
    bent = state.forward(values, systems) * state.scale + state.centre[0]
    assert bent.max() < 0.9 * values.max()
    np.testing.assert_allclose(transform.stretched(bent), values, rtol=1e-9)
    assert OutputTransform().stretched(bent) is bent


@pytest.mark.parametrize("values", [[-1e20], [-1e20, -1e20 + 16384.0], [-1e99, -1e99], [0.0, 0.0], [-1e99, 1e99]])
def test_a_logarithm_of_any_values_is_finite_and_has_moments(values):
    array, systems = np.array(values), np.zeros(len(values), int)
    state = OutputTransform(True, "system").fit(array, systems, 1)
    z = state.forward(array, systems)
    assert np.isfinite(z).all()
    # The prior is as wide as the values: of powers of ten over hundreds the mean is no floating-point number.
    assert np.isfinite([state.moments(float(z[0]), deviation, 0) for deviation in (0.0, 1.0, 1e3)]).all()
