"""Generated columns have units, an origin, and pass a screening."""

import numpy as np
import pytest

from tansaku.models.domain.errors import ConfigurationError
from tansaku.sparse.models.search.generated import KINDS, candidates, generated_table


@pytest.fixture
def x():
    return np.random.default_rng(0).uniform(1.0, 2.0, size=(30, 3))


def test_the_right_ratio_comes_first(x):
    found = generated_table(["a", "b", "c"], x, x[:, 0] / x[:, 2], KINDS, kept=5)
    assert found[0].name == "a/c"
    assert found[0].parents == ("a", "c")
    assert len(found) == 5
    assert found[0].values == pytest.approx(x[:, 0] / x[:, 2])


def test_units_follow_and_logarithms_need_none(x, require):
    require("pint")
    found = {column.name: column for column in candidates(["m [kg]", "v [m/s]", "n"], x, KINDS)}
    assert found["m*v"].unit == "kilogram * meter / second"
    assert found["v^2"].unit == "meter ** 2 / second ** 2"
    assert "log(m)" not in found
    assert found["log(n)"].unit == ""
    assert found["m/n"].unit == ""


def test_an_unknown_unit_is_named(x, require):
    require("pint")
    with pytest.raises(ConfigurationError, match="furlongz"):
        list(candidates(["a [furlongz]", "b", "c"], x, ["square"]))


def test_values_that_do_not_exist_are_left_out(x):
    x[0, 0] = 0.0
    names = {column.name for column in candidates(["a", "b", "c"], x - np.array([0, 1.5, 0]), KINDS)}
    assert not names & {"log(a)", "1/a", "b/a", "log(b)", "sqrt(b)"}


@pytest.mark.parametrize("factor", [1e200, 1e-200])
@pytest.mark.filterwarnings("error")
def test_huge_and_tiny_numbers_are_no_infinity(x, factor):
    found = generated_table(["a", "b", "c"], x * factor, x[:, 0] / x[:, 2] * factor, KINDS, kept=5)
    assert found[0].name == "a/c"
    assert not {"a*b", "a^2"} & {column.name for column in found}, "they overflow or are 0"
