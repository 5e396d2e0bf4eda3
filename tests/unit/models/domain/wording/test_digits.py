"""Numbers for people."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tansaku.models.domain.wording import places, significant

SHOWN = [
    ((61.96831, 0.1234), "61.97 ± 0.12"),
    ((61.96831, 0.0996), "61.97 ± 0.10"),
    ((61.96831, 9.96), "62 ± 10"),
    ((61968.4, 1234.0), "62000 ± 1200"),
    ((-0.3, 12.3), "0 ± 12"),
    ((0.0, 0.0012), "0.0000 ± 0.0012"),
    ((1.234e-7, 2.1e-9), "(1.234 ± 0.021)e-7"),
    ((61.968, 1e-12), "61.968 ± 1e-12"),
    ((61.96831, None), "61.968"),
    ((61.96831, 0.0), "61.968"),
    ((61.96831, math.nan), "61.968"),
    ((62.0, None), "62"),
    ((-0.0, None), "0"),
    ((59211.6, None), "59212"),
    ((1234567.8, None), "1234568"),
    ((12345678.9, None), "1.2346e7"),
    ((0.000123456, None), "0.00012346"),
    ((1.23456e-5, None), "1.2346e-5"),
    ((math.inf, 1.0), "inf"),
    ((0.12345, None, 2), "0.12"),
    ((99.96, None, 3), "100"),
]


@pytest.mark.parametrize(("given", "text"), SHOWN)
def test_a_number_has_the_digits_that_are_known(given, text):
    assert significant(*given) == text


NUMBERS = st.floats(allow_nan=False, allow_infinity=False)


@given(st.floats(-1e300, 1e300))
def test_five_digits_are_within_half_of_the_fifth(value):
    assert float(significant(value)) == pytest.approx(value, rel=5.001e-5, abs=1e-307)


@given(st.floats(-1e6, 1e6), st.floats(1e-6, 1e6))
def test_value_and_uncertainty_end_at_the_same_digit_within_its_rounding(value, deviation):
    text = significant(value, deviation)
    shown, spread = (float(part.strip("()")) for part in text.partition(")e")[0].split(" ± "))
    power = 10.0 ** int(text.partition(")e")[2] or 0)
    assert spread * power == pytest.approx(deviation, rel=0.0501)
    if deviation > 1e-8 * abs(value):
        assert abs(shown * power - value) <= 0.0501 * deviation + 1e-9 * abs(value)
        assert len({places(part) for part in text.partition(")e")[0].strip("(").split(" ± ")}) == 1


@given(NUMBERS, NUMBERS)
def test_every_number_can_be_shown(value, deviation):
    assert significant(value, deviation)


@pytest.mark.parametrize(("text", "count"), [("61.968", 4), ("62", 0), ("61.97 ± 0.12", 3), ("1.2346e-5", 0), ("–", 0)])
def test_places_are_counted_from_the_point_on(text, count):
    assert places(text) == count
