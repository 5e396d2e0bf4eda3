import pytest
from hypothesis import given
from hypothesis import strategies as st

from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.ions import HYDROXIDE, Ion

IONS = st.builds(Ion, st.sampled_from(["Li", "V", "O", "OH", "F", "Ca"]), st.integers(-9, 9).filter(lambda charge: charge != 0))


@given(IONS)
def test_what_is_written_is_read_again(ion):
    assert Ion.parse(str(ion)) == ion


@pytest.mark.parametrize(
    ("text", "symbol", "charge", "label"),
    [("Li+", "Li", 1, "Li"), ("V3+", "V", 3, "V3"), ("F-", "F", -1, "F"), ("O2-", "O", -2, "O2"), ("OH-", "OH", -1, "OH")],
)
def test_the_usual_notation(text, symbol, charge, label):
    ion = Ion.parse(text)
    assert (ion.symbol, ion.charge, ion.label) == (symbol, charge, label)


@pytest.mark.parametrize("text", ["V", "V+3", "v3+", "V0+", "3+", "V3", "V12+", "PO43-", "", "V3+ "])
def test_anything_else_is_refused_with_an_example(text):
    with pytest.raises(ConfigurationError, match=r"is not an ion; expected .*'Li\+'"):
        Ion.parse(text)


def test_hydroxide_takes_its_site_with_oxygen():
    assert HYDROXIDE.element == "O"
    assert Ion("F", -1).element == "F"
