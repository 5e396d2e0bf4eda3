"""Grids of an ion's positions, folded by the host's space group."""

from __future__ import annotations

import numpy as np
import pytest
from ase import Atom, Atoms
from ase.build import bulk
from ase.spacegroup import crystal

from tansaku.calculators.structures.ion_grid import (
    host_symmetry,
    invariant_waves,
    ion_grid,
    nearest_distances,
    surroundings,
    with_grid,
)
from tansaku.models.domain.errors import ConfigurationError


def rutile() -> Atoms:
    return crystal(["Ti", "O"], [(0, 0, 0), (0.3053, 0.3053, 0)], spacegroup=136, cellpar=[4.594, 4.594, 2.959, 90, 90, 90])


def perovskite() -> Atoms:
    return crystal(
        ["Ba", "Zr", "O"], [(0.5, 0.5, 0.5), (0, 0, 0), (0.5, 0, 0)], spacegroup=221, cellpar=[4.2, 4.2, 4.2, 90, 90, 90]
    )


KINDS = (("distance to", " [Å]"), ("ln bond sum with", ""))
HOSTS = {"rutile": rutile, "perovskite": perovskite, "fcc": lambda: bulk("Pd", "fcc", a=3.89), "hcp": lambda: bulk("Mg")}


@pytest.mark.parametrize("host", HOSTS)
def test_the_space_group_maps_the_grid_on_itself(host):
    atoms = HOSTS[host]()
    symmetry = host_symmetry(atoms)
    found = ion_grid(atoms, 0.4, {}, symmetry)
    members = found.grid.members.reshape(found.grid.shape)
    assert found.multiplicity.sum() == members.size
    sizes = np.array(found.grid.shape)
    for rotation, translation in zip(symmetry.rotations, symmetry.translations, strict=True):
        image = (np.indices(found.grid.shape).reshape(3, -1).T / sizes) @ rotation.T + translation
        there = np.rint(image * sizes)
        np.testing.assert_allclose(there, image * sizes, atol=1e-4)
        np.testing.assert_array_equal(members[tuple((there.astype(int) % sizes).T)], members.ravel())


@pytest.mark.parametrize("host", HOSTS)
def test_a_host_that_was_turned_and_moved_has_the_positions_of_the_host(host):
    atoms = HOSTS[host]()
    exclusion = dict.fromkeys(set(atoms.symbols), 1.0)
    other = atoms.copy()
    other.rotate(33, (1, 2, 3), rotate_cell=True)
    other.positions += [0.31, 0.77, 0.13]
    moved, symmetry, shape = with_grid(other, 0.4)
    found = ion_grid(moved, 0.4, exclusion, symmetry)
    assert found.grid.shape == shape
    # Only the frame is another one.
    np.testing.assert_allclose(moved.get_all_distances(mic=True), atoms.get_all_distances(mic=True), atol=1e-9)
    assert len(symmetry.rotations) == len(host_symmetry(atoms).rotations)
    for rotation, translation in zip(symmetry.rotations, symmetry.translations, strict=True):
        images = surroundings(moved, found.fractions @ rotation.T + translation)[0]
        np.testing.assert_allclose(images, surroundings(moved, found.fractions)[0], atol=1e-4)
    if host == "fcc":  # whose origin is the only one that the tables could choose
        same = ion_grid(atoms, 0.4, exclusion, host_symmetry(atoms))
        assert sorted(found.multiplicity) == sorted(same.multiplicity)
        assert sorted(found.grid.room) == pytest.approx(sorted(same.grid.room))


def test_rounded_and_noisy_positions_have_a_grid():
    atoms = bulk("Mg")
    rounded, noisy = atoms.copy(), atoms.copy()
    rounded.set_scaled_positions(np.round(atoms.get_scaled_positions(), 4))
    noisy.positions += np.random.default_rng(0).normal(0.0, 1e-4, (2, 3))
    for host in (rounded, noisy):
        moved, symmetry, shape = with_grid(host, 0.4)
        assert len(symmetry.rotations) == 24
        assert int(ion_grid(moved, 0.4, {}, symmetry).multiplicity.sum()) == np.prod(shape)


def test_a_host_that_a_grid_fits_stays_where_it_is():
    atoms = bulk("Mg")
    assert with_grid(atoms, 0.4)[0] is atoms


@pytest.mark.parametrize("host", HOSTS)
def test_features_are_the_same_for_all_images_and_tell_positions_apart(host):
    atoms = HOSTS[host]()
    symmetry = host_symmetry(atoms)
    found = ion_grid(atoms, 0.5, {}, symmetry)
    images = found.fractions @ symmetry.rotations[-1].T + symmetry.translations[-1] + [1, -2, 0]
    for features in (
        lambda points: invariant_waves(atoms, points, symmetry, 1.2),
        lambda points: surroundings(atoms, points)[0],
    ):
        np.testing.assert_allclose(features(images), features(found.fractions), atol=1e-4)
    waves = invariant_waves(atoms, found.fractions, symmetry, 1.2)
    assert len(np.unique(np.round(waves, 6), axis=0)) == len(found.fractions)


def test_distances_of_features_grow_as_those_of_positions_do():
    # Without symmetry but translations, near a point in no special place.
    atoms = Atoms("HHe", cell=[6.0, 7.0, 8.0], scaled_positions=[[0.1, 0.2, 0.3], [0.37, 0.61, 0.83]], pbc=True)
    symmetry = host_symmetry(atoms)
    assert len(symmetry.rotations) == 1
    rng = np.random.default_rng(1)
    points = np.vstack([np.full(3, 0.4), 0.4 + rng.uniform(-0.05, 0.05, (40, 3))])
    rows = invariant_waves(atoms, points, symmetry, 2.0)
    apart = np.linalg.norm((points[1:] - points[0]) @ atoms.cell.array, axis=1)
    ratio = np.linalg.norm(rows[1:] - rows[0], axis=1) / apart
    assert ratio.std() / ratio.mean() < 0.05


def test_distances_agree_with_those_of_ase():
    atoms = rutile()
    fractions = np.array([[0.13, 0.52, 0.77], [0.5, 0.0, 0.5]])
    for element in ("Ti", "O"):
        found = nearest_distances(atoms, fractions, element, 3)
        for row, fraction in zip(found, fractions, strict=True):
            large = atoms.repeat(3)
            large.append(Atom("H", (fraction + 1) @ atoms.cell.array))
            others = [i for i, symbol in enumerate(large.get_chemical_symbols()) if symbol == element]
            np.testing.assert_allclose(row, sorted(large.get_distances(-1, others))[:3], atol=1e-9)


def test_the_surroundings_are_distances_and_bond_sums():
    atoms = perovskite()
    found, columns = surroundings(atoms, np.array([[0.5, 0.25, 0.25]]))
    assert columns == tuple(f"{name} {element}{unit}" for element in ("Ba", "O", "Zr") for name, unit in KINDS)
    # By hand: the twelve nearest atoms count; all others together add half a percent.
    shifts = np.array([[i, j, k] for i in range(-3, 4) for j in range(-3, 4) for k in range(-3, 4)])
    for place, element in enumerate(("Ba", "O", "Zr")):
        own = atoms.get_scaled_positions()[atoms.symbols == element]
        apart = 4.2 * np.linalg.norm((own[:, None] + shifts).reshape(-1, 3) - [0.5, 0.25, 0.25], axis=1)
        expected = [apart.min(), np.log(np.exp(-np.sort(apart)[:12] / 0.37).sum())]
        assert found[0, 2 * place : 2 * place + 2] == pytest.approx(expected)


def test_points_inside_atoms_are_walls_and_a_host_without_room_is_refused():
    atoms = perovskite()
    symmetry = host_symmetry(atoms)
    everywhere = ion_grid(atoms, 0.4, {}, symmetry)
    outside = ion_grid(atoms, 0.4, {"Ba": 1.5, "O": 0.6}, symmetry)
    assert len(outside.fractions) < len(everywhere.fractions)
    assert (outside.grid.members == -1).sum() == outside.grid.members.size - outside.multiplicity.sum() > 0
    assert nearest_distances(atoms, outside.fractions, "Ba").min() >= 1.5
    with pytest.raises(ConfigurationError, match="every grid point is inside an atom"):
        ion_grid(atoms, 0.4, {"Ba": 9.0}, symmetry)


def test_the_octahedral_hole_of_fcc_has_the_most_room():
    atoms = bulk("Pd", "fcc", a=4.0)
    found = ion_grid(atoms, 0.3, {"Pd": 0.8}, host_symmetry(atoms))
    assert found.grid.room is not None
    place = int(np.argmax(found.grid.room))
    assert found.fractions[place] == pytest.approx([0.5, 0.5, 0.5])
    assert found.grid.room[place] == pytest.approx(2.0 / 0.8)
    assert found.grid.room.min() >= 1.0


def test_the_volume_of_the_excluded_spheres_is_theirs():
    atoms = Atoms("Ar", cell=[5.0, 5.0, 5.0], pbc=True)
    found = ion_grid(atoms, 0.1, {"Ar": 2.0}, host_symmetry(atoms))
    assert (found.grid.members == -1).mean() * 125.0 == pytest.approx(4 / 3 * np.pi * 8, rel=0.01)
