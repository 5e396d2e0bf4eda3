"""Units as figures and pages show them."""

import pytest

from tansaku.models.domain.wording import names_unit, pretty_unit


@pytest.mark.parametrize(
    ("unit", "shown"),
    [
        ("mJ/m2", "mJ/m²"),
        ("J/m^2", "J/m²"),
        ("g/cm3", "g/cm³"),
        ("degC", "°C"),
        ("Angstrom", "Å"),
        ("eV/Å^3", "eV/Å³"),
        ("1/K", "1/K"),
        ("m^2.5", "m^2.5"),
        ("degree", "degree"),
        ("%", "%"),
    ],
)
def test_units_have_raised_powers_and_signs(unit, shown):
    assert pretty_unit(unit) == shown


def test_a_column_may_have_its_unit_in_its_name():
    assert [names_unit(name) for name in ("C (wt%)", "T [K]", "x", "")] == [True, True, False, False]
