"""Cells of oxides against crystals that everybody has measured, and against the rule that they are fitted to."""

import numpy as np
import pytest

from tansaku.calculators.structures.oxide_cells import BOND_LENGTHS, oxide_cell, valence_sums
from tansaku.calculators.structures.oxide_prototypes import OXIDE_PROTOTYPES
from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.ions import Ion

MEASURED = {
    ("rocksalt", "Mg2+"): 18.7,
    ("wurtzite", "Zn2+"): 47.6,
    ("rutile", "Ti4+"): 62.4,
    ("fluorite", "Zr4+"): 32.8,
    ("corundum", "Al3+"): 84.9,
    ("perovskite", "Sr2+", "Ti4+"): 59.5,
    ("scheelite", "Ca2+", "W6+"): 156.3,
    ("zircon", "Zr4+", "Si4+"): 130.4,
    ("spinel", "Mg2+", "Al3+"): 132.0,
    ("lithium-niobate", "Li+", "Nb5+"): 106.1,
}
"""Volumes of primitive cells [Å^3] at room temperature."""


def ions(*texts):
    return [Ion.parse(text) for text in texts]


def sums(atoms, cations):
    charges = {ion.element: float(ion.charge) for ion in cations}
    return valence_sums(atoms, charges, {ion.element: BOND_LENGTHS[str(ion)] for ion in cations})


@pytest.mark.parametrize(("told", "volume"), MEASURED.items(), ids=lambda one: one[0] if isinstance(one, tuple) else "")
def test_volumes_are_those_of_measured_crystals_within_a_few_percent(told, volume):
    name, *cations = told
    assert oxide_cell(name, ions(*cations)).get_volume() == pytest.approx(volume, rel=0.05)


@pytest.mark.parametrize("name", OXIDE_PROTOTYPES)
def test_every_structure_is_neutral_and_has_the_atoms_that_it_says(name):
    prototype = OXIDE_PROTOTYPES[name]
    for charges in zip(*(site.charges for site in prototype.cations), strict=True):
        assert np.dot(charges, prototype.counts[:-1]) == 2 * prototype.counts[-1]
    some = ions("Mg2+", "Al3+", "Ti4+")[: len(prototype.cations)]
    atoms = oxide_cell(name, some)
    symbols = atoms.get_chemical_symbols()
    assert (*(symbols.count(ion.element) for ion in some), symbols.count("O")) == prototype.counts
    distances = atoms.get_all_distances(mic=True) + 9.0 * np.eye(len(atoms))
    assert distances.min() > 1.2


def test_bond_valences_add_up_where_one_length_decides():
    for name, cations in (("rocksalt", ions("Ca2+")), ("rutile", ions("Sn4+")), ("fluorite", ions("Hf4+"))):
        atoms = oxide_cell(name, cations)
        metal = [symbol != "O" for symbol in atoms.get_chemical_symbols()]
        assert sums(atoms, cations)[metal].mean() == pytest.approx(cations[0].charge, rel=0.01)


def test_free_coordinates_bring_the_sums_closer_to_the_charges():
    cations = ions("Y3+", "P5+")
    atoms = oxide_cell("zircon", cations)
    found = dict(zip(atoms.get_chemical_symbols(), sums(atoms, cations), strict=True))
    # With the coordinates of ZrSiO4 they are 3.56 and 4.44.
    assert found["P"] == pytest.approx(5.0, abs=0.75)
    assert found["Y"] == pytest.approx(3.0, abs=0.5)


def test_a_volume_scales_the_cell():
    plain, larger = (oxide_cell("rutile", ions("Ti4+"), volume) for volume in (1.0, 1.1))
    assert larger.get_volume() == pytest.approx(1.1 * plain.get_volume())
    np.testing.assert_allclose(larger.get_scaled_positions(), plain.get_scaled_positions(), atol=1e-12)


def test_unknown_structures_and_ions_are_refused():
    with pytest.raises(ConfigurationError, match="'garnet' is not the structure of an oxide; expected antifluorite"):
        oxide_cell("garnet", ions("Mg2+"))
    with pytest.raises(ConfigurationError, match=r"Fe3\+: no bond length"):
        oxide_cell("corundum", ions("Fe3+"))
