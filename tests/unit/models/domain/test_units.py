import pytest
from hypothesis import given
from hypothesis import strategies as st

from tansaku.models.domain.units import (
    check_unit,
    convert,
    difference_in,
    parse_quantity,
    quantity_in,
    recorded_in,
    same_numbers,
    unit_of_heading,
)

NUMBERS = st.floats(allow_nan=False, allow_infinity=False, min_value=-1e9, max_value=1e9)


@given(NUMBERS, st.sampled_from(["mJ/m2", "J/m2", "eV", "meV", "eV/atom", "meV/atom", "1"]))
def test_what_is_written_is_read(value, unit):
    assert parse_quantity(f"{value!r} {unit}") == (value, unit)
    assert parse_quantity(f"  {value!r}   {unit} ") == (value, unit)


@given(NUMBERS)
def test_there_and_back(value):
    assert convert(convert(value, "eV", "meV"), "meV", "eV") == pytest.approx(value, rel=1e-15)


def test_whole_numbers_stay_exact():
    assert quantity_in("300 meV", "eV") == 0.3
    assert quantity_in("0.3 eV", "meV") == 300.0
    assert quantity_in("71 mJ/m2", "J/m2") == 0.071


@pytest.mark.parametrize("text", [0.3, 3, "0.3", "-1e3", " 5 "])
def test_a_number_without_a_unit_is_refused(text):
    with pytest.raises(ValueError, match="has no unit; expected one, such as"):
        parse_quantity(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("0.3 wolts", "unit 'wolts' is not known; expected one of mJ/m2"),
        ("nan eV", "is not a quantity"),
        ("inf eV", "is not a quantity"),
        ("eV", "is not a quantity"),
        ("0.3eV", "is not a quantity"),
        (["0.3 eV"], "is not a quantity"),
        ("1e400 eV", r"is too large; expected a number of at most 1e\+100 in size"),
        ("-1e101 eV", r"is too large; expected a number of at most 1e\+100 in size"),
        ("1" * 400 + " eV", r"is too large; expected a number of at most 1e\+100 in size"),
        (None, "is not a quantity"),
        ("1" * 60_000 + "x", "is not a quantity"),  # a minute with a pattern that can split digits in two ways
    ],
)
def test_bad_quantities_are_named(text, message):
    with pytest.raises(ValueError, match=message):
        parse_quantity(text)


def test_results_convert_to_units_as_ase_writes_them():
    assert recorded_in(1e9, "mJ/m2", "J/m^2") == recorded_in(1e9, "mJ/m^2", "J/m2") == 1e6
    assert recorded_in(4.0, "Angstrom3/atom", "Angstrom^3/atom") == 4.0
    assert recorded_in(1.0, "cm^-1", "m^-1") == pytest.approx(100.0)


def test_units_of_different_kinds_do_not_convert():
    with pytest.raises(ValueError, match="'eV' cannot be converted to 'eV/atom'"):
        quantity_in("1 eV", "eV/atom")


@pytest.mark.parametrize(
    "unit",
    ["GPa", "%", "°C", "cm^-1", "mJ / m^2", "J/(mol K)", "W/(m.K)", "MPa m^0.5", "V/Hz^(1/2)", "J/(m/s)^2", "cm2/s", "m**99"],
)
def test_products_of_units_with_small_exponents_are_known(unit):
    assert check_unit(unit) == unit


@pytest.mark.parametrize(
    "unit",
    [
        "m**9999999999**9999999",  # takes pint hours
        "m^9^9",
        "m**(9**9)",
        "m^100",
        "m^1e9",
        "(m^9)^9",
        "((m))",
        "m" + "/m" * 8,
        "m*" * 30_000 + "m",
    ],
)
def test_what_would_have_to_be_computed_is_not_a_unit(unit):
    with pytest.raises(ValueError, match=r"is not known|is too large") as raised:
        check_unit(unit)
    assert len(str(raised.value)) < 300


@pytest.mark.parametrize("unit", ["m**9999999999**9999999", "m^100", "m^-100", "m^(100/3)", "eV/m ** 100", "m^1e9", "s1000000"])
def test_a_large_exponent_is_named_with_its_limits(unit):
    with pytest.raises(ValueError, match=r"exponent \S+ is too large, expected a whole number between -99 and 99"):
        check_unit(unit)
    with pytest.raises(ValueError, match=r"exponent \S+ is too large"):
        parse_quantity(f"1 {unit.replace(' ', '')}")


def test_the_limits_of_an_exponent_are_true():
    for unit in ("m^99", "m^-99", "m**99"):
        assert check_unit(unit) == unit


def test_a_value_that_is_too_large_in_another_unit_is_refused():
    for value, unit, other in ((1.0, "Em^99", "m^99"), (1e308, "km", "m")):
        with pytest.raises(ValueError, match="is too large in"):
            convert(value, unit, other)


@pytest.mark.parametrize(("unit", "to"), [("Angstrom3", "Angstrom3/atom"), ("eV/atom", "kJ/mol"), ("eV", "eV/atom")])
def test_what_is_per_atom_is_of_another_kind(unit, to):
    with pytest.raises(ValueError, match=f"'{unit}' cannot be converted to '{to}'"):
        convert(1.0, unit, to)


def test_a_difference_of_temperatures_has_no_offset():
    assert difference_in("5 degC", "K") == pytest.approx(5.0)
    assert difference_in("5 K", "degC") == pytest.approx(5.0)
    assert difference_in("0.5 eV", "meV") == 500.0
    with pytest.raises(ValueError, match="cannot be converted"):
        difference_in("5 eV", "K")


@pytest.mark.parametrize(
    ("heading", "unit"),
    [
        ("energy [meV]", "meV"),
        ("energy (meV)", "meV"),
        ("energy [K]", "K"),
        ("energy (K)", None),
        ("energy (per atom)", None),
        ("energy (mean)", None),
        ("energy [best]", None),
        ("[meV]", None),
        ("energy", None),
    ],
)
def test_a_heading_may_end_with_a_unit(heading, unit):
    assert unit_of_heading(heading, "eV") == unit


def test_numbers_are_the_same_in_units_of_one_size():
    assert same_numbers("eV", "eV")
    assert not same_numbers("kPa", "Pa")
    assert same_numbers("mmol/l", "mol/m3")
    assert not same_numbers("degC", "K")
    assert not same_numbers("eV", "GPa")
