import numpy as np
import pytest
from ase.calculators.emt import EMT
from ase.neighborlist import neighbor_list
from hypothesis import given, settings
from hypothesis import strategies as st

from tansaku.calculators.structures.bicrystal import HOPELESS_FRACTION, bicrystal_of
from tansaku.calculators.structures.coincidence import boundaries_up_to, boundary_on, tilt_axis
from tansaku.calculators.structures.crystal import CubicCrystal
from tansaku.calculators.structures.stacking import stacking_of
from tansaku.models.domain.errors import CalculationError, ConfigurationError

AL = CubicCrystal("fcc", "Al", 4.0)
TEST_BED = [b for b in boundaries_up_to(tilt_axis((1, 1, 0)), 99) if 20 <= b.angle <= 160]
SHIFTS = st.floats(-6.0, 6.0)


def boundary(axis, plane):
    return boundary_on(tilt_axis(axis), plane)


CASES = [
    (AL, boundary((1, 1, 0), (1, 1, 1))),
    (AL, boundary((1, 1, 0), (1, 1, 3))),
    (AL, boundary((1, 1, 0), (1, 1, 2))),
    (AL, boundary((1, 1, 0), (2, 2, 1))),
    (AL, boundary((0, 0, 1), (2, 1, 0))),
    (AL, boundary((1, 1, 1), (1, 2, -3))),
    (CubicCrystal("bcc", "Al", 3.2), boundary((0, 0, 1), (3, 1, 0))),
    (CubicCrystal("bcc", "Al", 3.2), boundary((1, 1, 0), (1, 1, 2))),
]


def excess(atoms):
    """Energy of each boundary against the same number of atoms far from both [eV]."""
    atoms.calc = EMT()
    energies = atoms.get_potential_energies()
    return [float(energies[atoms.arrays["boundary"] == number].sum()) for number in (0, 1)]


@pytest.mark.parametrize(("crystal", "bound"), CASES)
def test_the_stack_of_planes_is_the_crystal(crystal, bound):
    stack = stacking_of(crystal, bound)
    assert stack.sites_per_plane / (stack.area * stack.plane_spacing) == pytest.approx(
        crystal.atoms_per_volume / len(crystal.motif)
    )
    assert 0 <= stack.planar[1] < stack.y_period
    # Repeat planes up, the stack has come back to itself along the normal, and not before.
    normal = stack.directions[2]
    assert stack.repeat * stack.plane_spacing == pytest.approx(
        min(f * np.linalg.norm(normal) * crystal.lattice_parameter for f in (0.5, 1.0) if _in_lattice(crystal, f, normal))
    )


def _in_lattice(crystal, factor, vector):
    coefficients = np.linalg.solve(np.array(crystal.primitive, dtype=float).T, 2 * factor * np.array(vector, dtype=float))
    return bool(np.allclose(coefficients, np.round(coefficients)))


@pytest.mark.parametrize(("crystal", "bound"), CASES)
def test_inside_the_grains_is_the_perfect_crystal(crystal, bound):
    atoms = bicrystal_of(crystal, bound, 14.0, 1).cell(1, (0.4, 0.3, 0.5))
    first, distances = neighbor_list("id", atoms, 1.15 * crystal.neighbour_distance)
    perfect = neighbor_list("d", crystal.unit_cell(), 1.15 * crystal.neighbour_distance)
    for atom in np.flatnonzero(atoms.arrays["held"]):
        np.testing.assert_allclose(np.sort(distances[first == atom]), np.sort(perfect)[:: len(crystal.unit_cell())], atol=1e-9)


def test_grain_1_is_the_mirror_image_of_grain_0():
    """The mirror in the upper boundary's plane of sites, which belongs to grain 1, exchanges the grains."""
    atoms = bicrystal_of(AL, boundary((1, 1, 0), (1, 1, 4)), 10.0).cell()
    mirrored = atoms.copy()
    mirrored.positions[:, 2] = (-mirrored.positions[:, 2]) % atoms.cell[2, 2]
    for one in mirrored.positions:
        delta = atoms.positions - one
        delta -= np.round(delta / atoms.cell.lengths()) * atoms.cell.lengths()
        assert np.linalg.norm(delta, axis=1).min() < 1e-9


@pytest.mark.parametrize("bound", TEST_BED, ids=lambda bound: bound.name)
def test_atoms_of_the_test_bed(bound):
    """One more removed plane takes two atoms from the cell, four when h, h, l are all odd."""
    pair = bicrystal_of(AL, bound, 16.0, 6)
    all_odd = all(x % 2 for x in bound.plane)
    repeats = pair.planes // pair.stacking.repeat
    assert pair.atom_count(0) == 4 * bound.sigma * repeats
    assert pair.atom_count(2) - pair.atom_count(3) == (4 if all_odd else 2)
    assert len(pair.cell(3)) == pair.atom_count(3)
    assert pair.height(6) / 2.0 >= 16.0


def test_the_standard_surfaces_of_the_test_bed():
    counts = [len(stacking_of(AL, bound).standard_removals) for bound in TEST_BED]
    assert set(counts) == {1, 2}
    assert sum(counts) == 73
    assert stacking_of(AL, boundary((1, 1, 0), (1, 1, 1))).standard_removals == (0,)
    assert stacking_of(AL, boundary((1, 1, 0), (1, 1, 3))).standard_removals == (0,)
    assert stacking_of(AL, boundary((1, 1, 0), (7, 7, 10))).standard_removals == (5, 6)


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(CASES), st.integers(0, 2), SHIFTS, SHIFTS, st.floats(0.0, 0.8))
def test_both_boundaries_are_equal_for_every_translation(case, removed, x, y, opening):
    crystal, bound = case
    # Odd and even numbers of planes: the middle plane must not break the balance.
    atoms = bicrystal_of(crystal, bound, 13.0, removed).cell(removed, (x, y, opening))
    if neighbor_list("d", atoms, 0.5).size:
        return
    assert np.bincount(atoms.arrays["boundary"])[0] == np.bincount(atoms.arrays["boundary"])[1]
    assert np.bincount(atoms.arrays["grain"])[0] == np.bincount(atoms.arrays["grain"])[1]
    lower, upper = excess(atoms)
    assert lower == pytest.approx(upper, abs=1e-8, rel=1e-9)


@settings(max_examples=20, deadline=None)
@given(st.sampled_from(CASES), SHIFTS, SHIFTS, st.integers(-2, 2), st.integers(-2, 2))
def test_a_whole_period_changes_nothing(case, x, y, i, j):
    crystal, bound = case
    pair = bicrystal_of(crystal, bound, 13.0, 0)
    width, depth = pair.stacking.irreducible_lengths
    atoms = pair.cell(0, (x, y, 0.4))
    if neighbor_list("d", atoms, 0.5).size:
        return
    shifted = pair.cell(0, (x + i * width, y + i * pair.stacking.planar[1] * pair.stacking.y_unit + j * depth, 0.4))
    assert excess(atoms) == pytest.approx(excess(shifted), abs=1e-8, rel=1e-9)


def test_a_removed_plane_is_a_translation_by_one_step_of_the_stacking():
    pair = bicrystal_of(AL, boundary((1, 1, 0), (2, 2, 1)), 16.0, 3)
    dx, dy = pair.stacking.plane_shift(1)
    for removed in (1, 2):
        thick, thin = excess(pair.cell(removed, (0.3 + dx, 0.2 + dy, 0.3))), excess(pair.cell(removed + 1, (0.3, 0.2, 0.3)))
        bulk = AL.unit_cell()
        bulk.calc = EMT()
        per_plane = bulk.get_potential_energy() / 4 * pair.stacking.sites_per_plane
        assert thick[0] == pytest.approx(thin[0] + per_plane, abs=1e-8)


def test_the_opening_and_the_removed_planes_set_the_height():
    pair = bicrystal_of(AL, boundary((1, 1, 0), (1, 1, 3)), 16.0, 2)
    spacing = pair.stacking.plane_spacing
    atoms = pair.cell(2, (0.0, 0.0, 0.35))
    assert atoms.cell[2, 2] == pytest.approx(2 * (pair.planes - 2) * spacing + 2 * 0.35)
    heights = np.unique(np.round(atoms.positions[:, 2], 9))
    gaps = np.diff([*heights, heights[0] + atoms.cell[2, 2]])
    assert np.sum(np.isclose(gaps, spacing + 0.35)) == 2
    assert np.sum(np.isclose(gaps, spacing)) == len(gaps) - 2


def test_axes_of_the_cell():
    atoms = bicrystal_of(AL, boundary((1, 1, 0), (1, 1, 3)), 16.0).cell()
    np.testing.assert_allclose(atoms.cell.angles(), 90.0)
    assert atoms.cell.lengths()[1] == pytest.approx(4.0 / np.sqrt(2))
    assert atoms.pbc.all()


@pytest.mark.parametrize(("crystal", "bound"), CASES)
def test_held_atoms_are_the_middle_of_each_grain(crystal, bound):
    pair = bicrystal_of(crystal, bound, 16.0)
    atoms = pair.cell()
    for grain in (0, 1):
        mine = atoms.arrays["grain"] == grain
        z = atoms.positions[mine, 2]
        held = atoms.arrays["held"][mine]
        centre = (z.min() + z.max()) / 2.0
        assert 0 < held.sum() < mine.sum() / 2
        assert np.abs(z[held] - centre).max() <= crystal.lattice_parameter / 2.0 + 1e-9
        assert np.abs(z[~held] - centre).min() > np.abs(z[held] - centre).max()


def test_the_coherent_twin_of_diamond_keeps_every_bond():
    crystal = CubicCrystal("diamond", "Si", 5.43)
    pair = bicrystal_of(crystal, boundary((1, 1, 0), (1, 1, 1)), 12.0)
    atoms = pair.build()
    assert len(atoms) == pair.atom_count(0)
    first, distances = neighbor_list("id", atoms, 1.1 * crystal.neighbour_distance)
    np.testing.assert_allclose(distances, crystal.neighbour_distance)
    assert (np.bincount(first) == 4).all()


def test_hopeless_starts_are_failures_and_close_ones_are_not():
    pair = bicrystal_of(AL, boundary((1, 1, 0), (7, 7, 10)), 16.0, 5)
    closest = neighbor_list("d", pair.cell(0), 2.0).min()
    assert closest < HOPELESS_FRACTION * AL.neighbour_distance
    with pytest.raises(CalculationError, match="before relaxation") as caught:
        pair.build(0)
    assert caught.value.reason == "overlap"
    close = neighbor_list("d", pair.build(5), 2.5).min()
    assert HOPELESS_FRACTION * AL.neighbour_distance < close < 0.7 * AL.neighbour_distance


@pytest.mark.parametrize("removed", [-1, 18, 40])
def test_a_grain_must_keep_a_plane(removed):
    pair = bicrystal_of(AL, boundary((1, 1, 0), (2, 2, 1)), 10.0)
    assert pair.planes == 18
    with pytest.raises(ConfigurationError, match=r"space\.removed_planes"):
        pair.build(removed)


def test_overlap_is_found_across_the_faces_of_the_cell():
    """Equal atoms on both sides of a face, a rounding error below zero, one image away."""
    pair = bicrystal_of(AL, boundary((1, 1, 0), (7, 7, 10)), 16.0, 6)
    for removed in range(3):
        for shift in (0.0, -1e-17, pair.stacking.lengths[0]):
            closest = neighbor_list("d", pair.cell(removed, (shift, 0.0, 0.0)), 2.0).min()
            if closest < HOPELESS_FRACTION * AL.neighbour_distance:
                with pytest.raises(CalculationError, match=f"{closest:.3f} Å apart"):
                    pair.build(removed, (shift, 0.0, 0.0))
            else:
                pair.build(removed, (shift, 0.0, 0.0))
