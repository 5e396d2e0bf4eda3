import sys

import pytest

from tansaku.calculators.structures.ion_data import (
    bond_valence_length,
    d_electrons,
    electronegativity,
    ionic_radius,
    load_pymatgen,
    mass,
    period_and_group,
)
from tansaku.models.domain.errors import ConfigurationError, MissingComponentError
from tansaku.models.domain.ions import Ion

pytestmark = pytest.mark.needs("pymatgen")


@pytest.mark.parametrize(
    ("ion", "coordination", "radius"),
    [
        ("V3+", 6, 0.64),
        ("Fe2+", 6, 0.78),  # high spin; low spin is 0.61
        ("Co2+", 6, 0.745),
        ("P5+", 4, 0.17),
        ("Li+", 4, 0.59),
        ("Li+", 5, 0.76),  # tabulated for 4 and 6: the larger of two as near
        ("Cl-", 3, 1.81),  # tabulated for 6 only
        ("OH-", 3, 1.37),
    ],
)
def test_radii_are_shannons(ion, coordination, radius):
    assert ionic_radius(Ion.parse(ion), coordination) == pytest.approx(radius)


def test_an_oxidation_state_that_shannon_lacks_is_refused_with_those_he_has():
    with pytest.raises(ConfigurationError, match=r"'Al2\+'.*no radius for this ion; it has Al3\+"):
        ionic_radius(Ion("Al", 2), 6)
    with pytest.raises(ConfigurationError, match="no element 'Qq'"):
        ionic_radius(Ion("Qq", 2), 6)


@pytest.mark.parametrize(
    ("ion", "count"), [("Fe3+", 5), ("Fe2+", 6), ("Ti4+", 0), ("Cu2+", 9), ("Zn2+", 10), ("Mg2+", 0), ("O2-", 0)]
)
def test_d_electrons(ion, count):
    assert d_electrons(Ion.parse(ion)) == count


def test_properties_of_the_element():
    assert electronegativity(Ion("F", -1)) == pytest.approx(3.98)
    assert electronegativity(Ion("OH", -1)) == electronegativity(Ion("O", -2))
    assert period_and_group(Ion("V", 3)) == (4, 5)
    assert mass(Ion("OH", -1)) == pytest.approx(17.007, abs=1e-3)
    with pytest.raises(ConfigurationError, match="no electronegativity is tabulated for He"):
        electronegativity(Ion("He", 1))


def test_a_bond_of_the_tabulated_length_has_the_valence_one():
    # Published one-electron lengths: Li–O 1.466 and P–O 1.615 Å (Brese & O'Keeffe 1991); the rule is within 0.1 Å.
    assert bond_valence_length(Ion("Li", 1), Ion("O", -2)) == pytest.approx(1.466, abs=0.1)
    assert bond_valence_length(Ion("P", 5), Ion("O", -2)) == pytest.approx(1.615, abs=0.1)
    assert bond_valence_length(Ion("Li", 1), Ion("He", -1)) is None


def test_a_missing_pymatgen_is_named_with_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "pymatgen.core", None)
    with pytest.raises(MissingComponentError, match="composition spaces need pymatgen") as caught:
        load_pymatgen("pymatgen.core")
    assert caught.value.hint == "install it with: pip install 'tansaku[composition]'"
