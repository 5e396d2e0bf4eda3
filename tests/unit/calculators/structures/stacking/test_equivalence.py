import numpy as np
import pytest
from ase.neighborlist import neighbor_list

from tansaku.calculators.structures.bicrystal import bicrystal_of
from tansaku.calculators.structures.coincidence import boundary_on, tilt_axis
from tansaku.calculators.structures.crystal import CubicCrystal
from tansaku.calculators.structures.stacking import translation_keys

CASES = [
    ("fcc", (1, 1, 0), (1, 1, 1), 0),
    ("fcc", (1, 1, 0), (1, 1, 3), 0),
    ("fcc", (1, 1, 0), (1, 1, 2), 1),
    ("fcc", (0, 0, 1), (3, 1, 0), 1),
    ("fcc", (1, 1, 1), (1, 2, -3), 1),
    ("bcc", (0, 0, 1), (2, 1, 0), 1),
    ("bcc", (1, 1, 0), (1, 1, 2), 0),
    ("diamond", (1, 1, 0), (1, 1, 1), 0),
    ("diamond", (1, 1, 0), (1, 1, 2), 1),
    ("diamond", (0, 0, 1), (3, 1, 0), 1),
]


def pair_energy(atoms):
    """A smooth pair potential, for every crystal alike; per cell."""
    distances = neighbor_list("d", atoms, 7.0)
    return float(np.sum(np.exp(-distances) * (1.0 - distances / 7.0) ** 3))


def grid(stack, step_x, step_y):
    width, depth = stack.irreducible_lengths
    x, y = np.meshgrid(np.arange(step_x) * width / step_x, np.arange(step_y) * depth / step_y, indexing="ij")
    return np.column_stack((x.ravel(), y.ravel()))


@pytest.mark.parametrize(("structure", "axis", "plane", "removed"), CASES)
def test_equivalent_translations_have_equal_energies(structure, axis, plane, removed):
    pair = bicrystal_of(CubicCrystal(structure, "Al", 4.05), boundary_on(tilt_axis(axis), plane), 12.0, removed)
    shifts = grid(pair.stacking, 2 * pair.stacking.repeat if pair.stacking.repeat < 12 else pair.stacking.repeat, 4)
    keys = translation_keys(pair.stacking, removed, shifts)
    classes, members = np.unique(keys, return_inverse=True)
    assert len(classes) < len(shifts)
    rng = np.random.default_rng(0)
    for number in rng.choice(len(classes), size=min(6, len(classes)), replace=False):
        energies = [pair_energy(pair.cell(removed, (x, y, 0.4))) for x, y in shifts[members == number]]
        np.testing.assert_allclose(energies, energies[0], rtol=1e-9)


def test_translations_of_different_classes_have_different_energies():
    pair = bicrystal_of(CubicCrystal("fcc", "Al", 4.05), boundary_on(tilt_axis((1, 1, 0)), (1, 1, 3)), 12.0)
    shifts = grid(pair.stacking, 22, 6)
    _, first = np.unique(translation_keys(pair.stacking, 0, shifts), return_index=True)
    energies = np.sort([pair_energy(pair.cell(0, (x, y, 0.4))) for x, y in shifts[first]])
    assert np.diff(energies).min() > 1e-6


def test_keys_compare_between_numbers_of_removed_planes():
    pair = bicrystal_of(CubicCrystal("fcc", "Al", 4.05), boundary_on(tilt_axis((1, 1, 0)), (2, 2, 1)), 12.0, 3)
    stack = pair.stacking
    shift = np.array([[0.37, 0.21]])
    assert translation_keys(stack, 2, shift) == translation_keys(stack, 1, shift + stack.plane_shift(1))
    assert translation_keys(stack, 2, shift) != translation_keys(stack, 1, shift)


def test_shifts_by_a_rounding_error_are_the_same():
    pair = bicrystal_of(CubicCrystal("fcc", "Al", 4.05), boundary_on(tilt_axis((1, 1, 0)), (1, 1, 4)), 12.0)
    shifts = grid(pair.stacking, 36, 4)
    exact = translation_keys(pair.stacking, 1, shifts)
    for noise in (1e-12, -1e-12):
        np.testing.assert_array_equal(exact, translation_keys(pair.stacking, 1, shifts + noise))


def test_the_threefold_axis_of_the_twin_is_used():
    stack = bicrystal_of(CubicCrystal("fcc", "Al", 4.05), boundary_on(tilt_axis((1, 1, 0)), (1, 1, 1)), 12.0).stacking
    assert len(stack.point_operations) == 6
