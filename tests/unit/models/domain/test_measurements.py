"""Means of measurements, at the ends of what a number can hold."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tansaku.models.domain.measurements import Measurement, result_of
from tansaku.models.domain.records import Provenance

SOURCE = Provenance(code="manual", code_version="1", model="x", tansaku_version="0")
FINITE = st.floats(-1e308, 1e308)
POSITIVE = st.floats(1e-300, 1e300)


def combined(pairs):
    measurements = [Measurement(value=value, deviation=deviation) for value, deviation in pairs]
    return result_of(measurements, None, SOURCE)


@given(st.lists(st.tuples(FINITE, st.one_of(st.none(), POSITIVE)), min_size=1, max_size=5))
def test_the_mean_is_finite_and_between_the_values(pairs):
    found = combined(pairs)
    values = [value for value, _ in pairs]
    slack = 1e-9 * max(map(abs, values))
    assert min(values) - slack <= found.value <= max(values) + slack
    known = [deviation for _, deviation in pairs if deviation is not None]
    assert (found.deviation is not None) == (len(known) == len(pairs))
    if found.deviation is not None:
        assert 0 < found.deviation <= min(known) * (1 + 1e-9)


def test_weights_are_those_of_the_deviations():
    found = combined([(1.0, 1.0), (3.0, 2.0)])
    assert found.value == pytest.approx((1.0 + 3.0 / 4) / 1.25)
    assert found.deviation == pytest.approx(1 / math.sqrt(1.25))
    tiny = combined([(1.0, 1e-200), (3.0, 2e-200)])
    assert (tiny.value, tiny.deviation) == pytest.approx((found.value, found.deviation * 1e-200), rel=1e-12)
