"""Sites of a defect: counted by hand around a missing atom, in crystals, and after a rotation."""

import numpy as np
import pytest
from ase.build import bulk

from tansaku.calculators.engines.motion import BLOCK
from tansaku.calculators.structures import sites
from tansaku.calculators.structures.perfect_crystal import crystal_of

EDGE = 3.6
CU = crystal_of("fcc", "Cu", EDGE).unit_cell()


def hole(repeat=4):
    """Copper without one atom."""
    atoms = bulk("Cu", "fcc", a=EDGE, cubic=True).repeat(repeat)
    del atoms[0]
    return atoms


@pytest.mark.parametrize(
    ("structure", "element", "parameters", "coordination", "voids"),
    [
        # Octahedral and tetrahedral voids touch atoms at a/2 and √3 a/4; those of bcc at √5 a/4.
        ("fcc", "Cu", 3.6, 12, {(1.8, 6), (1.5588, 4)}),
        ("bcc", "Fe", 2.8553, 14, {(1.5962, 4)}),
        ("hcp", "Mg", (3.2, 3.2 * np.sqrt(8 / 3)), 12, {(2.2627, 6), (1.9596, 4)}),
        ("diamond", "Si", 5.431, 4, {(2.3517, 4), (2.2516, 6)}),
    ],
)
def test_crystals_have_their_coordination_and_voids(structure, element, parameters, coordination, voids):
    crystal = crystal_of(structure, element, parameters).unit_cell()
    found = sites.crystal_surroundings(crystal, 5.5)
    assert (found.distances[0] < found.shell).sum() == coordination
    inside = sites.crystal_surroundings(crystal, 5.5, voids=True)
    touched = {(round(float(row[0]), 4), int((row < row[0] + 1e-3).sum())) for row in inside.distances}
    assert touched == voids


@pytest.mark.parametrize("structure", ["fcc", "bcc"])
def test_a_crystal_has_no_site(structure):
    crystal = crystal_of(structure, "Cu", EDGE).unit_cell()
    atoms = crystal.repeat(2)
    for voids, find in ((False, sites.atom_sites), (True, sites.void_sites)):
        assert find(atoms, sites.crystal_surroundings(crystal, 5.5, voids=voids), 0.01, 0.02) == []


def test_the_neighbours_of_a_missing_atom_are_three_kinds_of_sites():
    found = sites.atom_sites(hole(), sites.crystal_surroundings(CU, 5.0), 0.1, 0.02)
    assert [site.members for site in sorted(found, key=lambda site: site.members)] == [6, 12, 24]
    by_count = {site.members: site for site in found}
    assert {members: site.coordination for members, site in by_count.items()} == {6: 12, 12: 11, 24: 12}
    assert by_count[12].distances[:11] == pytest.approx(EDGE / np.sqrt(2))
    assert by_count[12].distances[11] == pytest.approx(EDGE)
    for site in found:
        assert site.position == pytest.approx(hole().positions[site.place])


def test_kinds_do_not_depend_on_order_orientation_or_origin():
    atoms = hole()
    other = atoms[np.random.default_rng(1).permutation(len(atoms))]
    other.rotate(33.0, (1, 2, 3), rotate_cell=True)
    other.translate((0.7, 0.4, -1.0))
    crystal = sites.crystal_surroundings(CU, 5.0)
    first, second = (sites.atom_sites(item, crystal, 0.1, 0.02) for item in (atoms, other))
    assert sorted(site.members for site in first) == sorted(site.members for site in second)
    assert sorted(site.change for site in first) == pytest.approx(sorted(site.change for site in second))


def test_atoms_that_no_symmetry_exchanges_are_one_site_if_their_neighbours_are_alike():
    atoms = hole()
    # A far atom that moves a little takes the symmetry away.
    atoms.positions[120] += 0.005
    assert len(set(sites.equivalent_atoms(atoms, 1e-3).tolist())) > 20
    found = sites.atom_sites(atoms, sites.crystal_surroundings(CU, 5.0), 0.1, 0.02)
    assert sorted(site.members for site in found) == [6, 12, 24]
    apart = sites.atom_sites(atoms, sites.crystal_surroundings(CU, 5.0), 0.1, 1e-4)
    assert len(apart) > 3
    assert sum(site.members for site in apart) == 42


def test_atoms_of_rigid_blocks_are_no_sites():
    atoms = hole()
    atoms.set_array(BLOCK, (atoms.positions[:, 2] > EDGE).astype(int))
    found = sites.atom_sites(atoms, sites.crystal_surroundings(CU, 5.0), 0.1, 1e-4)
    assert all(site.position[2] <= EDGE for site in found)
    assert 0 < sum(site.members for site in found) < 42


def test_a_missing_atom_is_a_void_and_its_neighbours_voids_are_sites():
    crystal = sites.crystal_surroundings(CU, 5.0, voids=True)
    found = sites.void_sites(hole(3), crystal, 0.1, 0.02)
    roomy = max(found, key=lambda site: site.distances[0])
    assert roomy.distances[:12] == pytest.approx(EDGE / np.sqrt(2))
    assert roomy.members == 1


@pytest.mark.parametrize(
    ("cell", "axes", "expected"),
    [
        (np.diag([4.0, 6.0, 50.0]), (0, 1), (4, 3, 1)),
        (np.diag([4.0, 6.0, 50.0]), (0, 1, 2), (4, 3, 1)),
        # Vectors at 60 degrees are 3.46 Å apart.
        ([[4.0, 0, 0], [2.0, 2 * np.sqrt(3), 0], [0, 0, 9.0]], (0, 1), (5, 5, 1)),
    ],
)
def test_cells_are_repeated_until_images_are_far_enough(cell, axes, expected):
    assert sites.repeats_for(np.array(cell), 16.0, axes) == expected


def test_distances_are_sorted_and_what_is_too_far_is_at_the_reach():
    pair = bulk("Cu", "sc", a=20.0).repeat((1, 1, 1))
    found = sites.distances_around(pair, np.array([[1.0, 0.0, 0.0]]), 3, 5.0)
    assert found.tolist() == [[1.0, 5.0, 5.0]]
