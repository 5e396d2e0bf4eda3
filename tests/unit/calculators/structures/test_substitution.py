import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tansaku.calculators.structures.ion_data import ionic_radius
from tansaku.calculators.structures.parent import Parent
from tansaku.calculators.structures.substitution import length_factor, substitute
from tansaku.models.domain.ions import HYDROXIDE, Ion

pytestmark = pytest.mark.needs("pymatgen")


def rock_salt(edge: float = 5.64) -> Parent:
    corners = np.array([[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]])
    return Parent(
        name="halite",
        cell=edge * np.eye(3),
        fractions=np.concatenate((corners, (corners + 0.5) % 1.0)),
        sites=("M",) * 4 + ("X",) * 4,
        ions={"M": Ion("Na", 1), "X": Ion("Cl", -1)},
        mobile="M",
    )


def test_the_parent_is_its_own_substitution():
    parent = rock_salt()
    assert length_factor(parent, parent.ions) == 1.0
    assert substitute(parent, parent.ions).get_volume() == pytest.approx(5.64**3)


@given(metal=st.sampled_from(["Li", "Na", "K", "Rb"]), halide=st.sampled_from(["F", "Cl", "Br", "I"]))
def test_a_salt_grows_as_the_sum_of_its_radii(metal, halide):
    parent, ions = rock_salt(), {"M": Ion(metal, 1), "X": Ion(halide, -1)}
    expected = sum(ionic_radius(ion, 6) for ion in ions.values()) / sum(ionic_radius(ion, 6) for ion in parent.ions.values())
    assert length_factor(parent, ions) == pytest.approx(expected)


def test_guessed_edges_are_near_those_of_the_salts():
    for metal, halide, edge in (("Li", "F", 4.03), ("K", "Cl", 6.29), ("Na", "F", 4.63), ("K", "Br", 6.60)):
        atoms = substitute(rock_salt(), {"M": Ion(metal, 1), "X": Ion(halide, -1)})
        assert atoms.cell[0, 0] == pytest.approx(edge, rel=0.04)


def test_sites_charges_and_the_mobile_ion_are_told():
    atoms = substitute(rock_salt(), {"M": Ion("Li", 1), "X": Ion("F", -1)})
    assert atoms.arrays["site"].tolist() == ["M"] * 4 + ["X"] * 4
    assert atoms.arrays["oxidation_state"].tolist() == [1] * 4 + [-1] * 4
    assert atoms.info == {"parent": "halite", "mobile_site": "M", "mobile_ion": "Li+"}


def test_a_hydrogen_goes_where_the_cations_are_not():
    atoms = substitute(rock_salt(), {"M": Ion("Na", 1), "X": HYDROXIDE})
    assert atoms.get_chemical_formula() == "H4Na4O4"
    assert atoms.arrays["oxidation_state"].sum() == 0
    hydrogens = np.flatnonzero(atoms.arrays["site"] == "H")
    distances = atoms.get_all_distances(mic=True)[hydrogens]
    assert distances[:, 4:8].min(axis=1) == pytest.approx(np.full(4, 0.97))
    # Between the cations, not on the way to one: 0.97 Å along a bond would leave 1.6 Å.
    assert distances[:, :4].min() > 1.7
