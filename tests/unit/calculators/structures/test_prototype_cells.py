"""Cells of named crystals, deformations and compact supercells."""

from __future__ import annotations

import numpy as np
import pytest
from ase.build import bulk

from tansaku.calculators.structures.prototype_cells import (
    check_distances,
    conventional_axes,
    conventional_cell,
    deformed,
    primitive_cell,
    sheared,
    strained,
    supercell,
)
from tansaku.models.domain.errors import CalculationError, ConfigurationError
from tansaku.models.domain.specs.crystals import PrototypeSpec

ELEMENTS = {
    "sc": ["Po"],
    "fcc": ["Al"],
    "bcc": ["Fe"],
    "hcp": ["Ti"],
    "diamond": ["Si"],
    "rocksalt": ["Mg", "O"],
    "cesiumchloride": ["Cs", "Cl"],
    "zincblende": ["Zn", "S"],
    "wurtzite": ["Zn", "O"],
    "fluorite": ["Ca", "F"],
}
NEIGHBOURS = {"sc": 6, "fcc": 12, "bcc": 8, "hcp": 12, "diamond": 4, "rocksalt": 6, "cesiumchloride": 8, "zincblende": 4}


def crystal(structure: str, **keys: object) -> PrototypeSpec:
    return PrototypeSpec(structure=structure, elements=ELEMENTS[structure], lattice_parameter=4.0, **keys)


@pytest.mark.parametrize("structure", ELEMENTS)
def test_primitive_and_conventional_cell_are_one_crystal(structure):
    spec = crystal(structure)
    small, large = primitive_cell(spec), conventional_cell(spec)
    assert small.get_volume() / len(small) == pytest.approx(large.get_volume() / len(large))
    assert set(small.get_chemical_symbols()) == set(ELEMENTS[structure])
    assert not small.get_initial_magnetic_moments().any()
    # Its axes are where those of the conventional cell are: these are translations of the crystal.
    steps = large.cell.array @ np.linalg.inv(small.cell.array)
    np.testing.assert_allclose(steps, np.round(steps), atol=1e-9)


@pytest.mark.parametrize(("structure", "count"), NEIGHBOURS.items())
def test_atoms_have_the_neighbours_of_their_structure(structure, count):
    atoms = primitive_cell(crystal(structure)) * (3, 3, 3)
    distances = np.sort(atoms.get_distances(0, range(1, len(atoms)), mic=True))
    assert np.isclose(distances, distances[0], rtol=1e-6).sum() == count


def test_hexagonal_cells_are_close_packed_unless_told_otherwise():
    assert conventional_axes(crystal("hcp"))[2] == pytest.approx(4.0 * np.sqrt(8 / 3))
    assert conventional_axes(crystal("hcp", c_over_a=1.5)).tolist() == pytest.approx([4, 4, 6, 90, 90, 120])


@pytest.mark.parametrize("structure", ["fcc", "bcc", "hcp"])
@pytest.mark.parametrize(("axes", "change"), [("one", 7.0), ("all", -5.0)])
def test_a_shear_changes_angles_and_keeps_lengths(structure, axes, change):
    spec = crystal(structure)
    before = conventional_axes(spec)
    after = deformed(conventional_cell(spec), sheared(spec, axes, change)).cell.cellpar()
    np.testing.assert_allclose(after[:3], before[:3], rtol=1e-9)
    np.testing.assert_allclose(after[3:] - before[3:], [0, 0, change] if axes == "one" else [change] * 3, atol=1e-7)


def test_a_shear_that_leaves_no_cell_is_refused():
    with pytest.raises(ConfigurationError, match="leaves no cell of hcp"):
        sheared(crystal("hcp"), "all", 25.0)


@pytest.mark.parametrize("kind", ["tetragonal", "orthorhombic"])
def test_strains_keep_the_volume(kind):
    gradient = strained(kind, 8.0)
    assert np.linalg.det(gradient) == pytest.approx(1.0)
    assert gradient[2, 2] == pytest.approx(1.08 if kind == "tetragonal" else 1.0)
    assert gradient[0, 0] == pytest.approx(1.08**-0.5 if kind == "tetragonal" else 1.08)


def test_a_tetragonal_strain_takes_bcc_to_fcc():
    bain = deformed(primitive_cell(crystal("bcc")), strained("tetragonal", 100 * (2 ** (1 / 3) - 1)))
    many = bain * (3, 3, 3)
    distances = np.sort(many.get_distances(0, range(1, len(many)), mic=True))
    assert np.isclose(distances, distances[0], rtol=1e-6).sum() == 12


@pytest.mark.parametrize(("structure", "atoms"), [("fcc", 8), ("fcc", 32), ("bcc", 16), ("hcp", 8), ("rocksalt", 16)])
def test_supercells_are_the_crystal_and_the_most_compact(structure, atoms):
    spec = crystal(structure)
    primitive, large = primitive_cell(spec), supercell(spec, atoms)
    assert len(large) == atoms
    assert large.get_volume() == pytest.approx(primitive.get_volume() * atoms / len(primitive))
    steps = large.cell.array @ np.linalg.inv(primitive.cell.array)
    np.testing.assert_allclose(steps, np.round(steps), atol=1e-9)
    # No shorter period than a plain multiple of either cell with as many atoms has.
    shortest = min(np.linalg.norm(large.cell.array.T @ np.array(step)) for step in np.ndindex(3, 3, 3) if any(step))
    side = round((atoms / len(primitive)) ** (1 / 3))
    if side**3 * len(primitive) == atoms:
        assert shortest > side * np.linalg.norm(primitive.cell.array, axis=1).min() - 1e-9


def test_a_size_that_no_supercell_has_is_refused():
    with pytest.raises(ConfigurationError, match="9 is not a multiple of the 2 atoms in a cell of hcp"):
        supercell(crystal("hcp"), 9)


def test_atoms_that_are_hopelessly_close_are_refused():
    spec = crystal("fcc")
    atoms = bulk("Al", "fcc", a=4.0, cubic=True)
    check_distances(atoms, spec)
    atoms.positions[1] = atoms.positions[0] + 0.45 * np.array([2.0, 2.0, 0.0])
    with pytest.raises(CalculationError, match=r"1\.27 Å apart, in the crystal 2\.83 Å") as refused:
        check_distances(atoms, spec)
    assert refused.value.reason == "overlap"
