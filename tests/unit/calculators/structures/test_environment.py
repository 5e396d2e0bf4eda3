import numpy as np
import pytest
from ase.neighborlist import neighbor_list

from tansaku.calculators.structures.bicrystal import bicrystal_of
from tansaku.calculators.structures.coincidence import boundary_on, tilt_axis
from tansaku.calculators.structures.crystal import CubicCrystal
from tansaku.calculators.structures.environment import radial_difference
from tansaku.calculators.structures.stacking import stacking_of
from tansaku.models.features.radial import RadialGrid

GRID = RadialGrid()


def distribution(atoms, crystal):
    distances = neighbor_list("d", atoms, GRID.reach)
    return GRID.distribution(distances, None, len(atoms), crystal.atoms_per_volume)


@pytest.mark.parametrize(
    ("structure", "axis", "plane", "removed", "spacing"),
    [
        ("fcc", (1, 1, 0), (1, 1, 3), 0, 12.0),
        ("fcc", (1, 1, 0), (2, 2, 1), 1, 12.0),
        ("fcc", (1, 1, 0), (2, 2, 1), 1, 25.0),
        ("fcc", (1, 1, 0), (1, 1, 1), 1, 15.0),
        ("bcc", (0, 0, 1), (3, 1, 0), 1, 14.0),
        ("diamond", (1, 1, 0), (1, 1, 1), 0, 14.0),
        ("diamond", (0, 0, 1), (2, 1, 0), 1, 14.0),
    ],
)
def test_it_is_the_cells_distribution_less_the_crystals(structure, axis, plane, removed, spacing):
    crystal = CubicCrystal(structure, "Al", 4.05)
    pair = bicrystal_of(crystal, boundary_on(tilt_axis(axis), plane), spacing, removed)
    cell = distribution(pair.cell(removed), crystal) - distribution(crystal.unit_cell(), crystal)
    expected = cell * pair.height(removed) / 2.0 / GRID.cutoff
    found = radial_difference(pair.stacking, removed, GRID)
    assert np.abs(found).max() > 0.1
    np.testing.assert_allclose(found, expected, atol=1e-10)


def test_symmetric_surfaces_of_the_twin_have_one_descriptor_and_others_differ():
    twin = stacking_of(CubicCrystal("fcc", "Al", 4.05), boundary_on(tilt_axis((1, 1, 0)), (1, 1, 1)))
    np.testing.assert_allclose(radial_difference(twin, 0, GRID), radial_difference(twin, 1, GRID), atol=1e-12)
    # With two planes removed the stacking goes on as in the crystal but for the mirror: atoms face each other.
    assert np.abs(radial_difference(twin, 2, GRID) - radial_difference(twin, 0, GRID)).max() > 0.1


def test_the_lattice_parameter_matters_only_through_lengths():
    """The same boundary of a crystal twice as large, on a grid twice as long, has the same g(r)."""
    bound = boundary_on(tilt_axis((1, 1, 0)), (1, 1, 3))
    small = radial_difference(stacking_of(CubicCrystal("fcc", "Al", 4.0), bound), 0, RadialGrid(10.0, 100, 0.1))
    large = radial_difference(stacking_of(CubicCrystal("fcc", "Al", 8.0), bound), 0, RadialGrid(20.0, 100, 0.2))
    np.testing.assert_allclose(small, large, atol=1e-10)
