"""Descriptors of network potentials: what turns, shifts and orders nothing may change, their derivatives, and batches."""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import bulk, molecule
from ase.neighborlist import neighbor_list
from pydantic import TypeAdapter, ValidationError

from tansaku.models.domain.errors import FitError
from tansaku.potentials.network.descriptors.contract import features, open_descriptor
from tansaku.potentials.network.descriptors.jacobian import describe
from tansaku.potentials.network.descriptors.neighbours import NeighbourMemory, find_neighbours
from tansaku.potentials.network.descriptors.symmetry import angular_grid, radial_grid
from tansaku.potentials.specs.environment import EnvironmentSpec

pytestmark = pytest.mark.needs("torch", "matscipy")

SPECIES = ("Al", "Cu")
SPECS = {
    "symmetry": {"type": "symmetry_functions", "cutoff": 4.5},
    "symmetry-weighted": {"type": "symmetry_functions", "cutoff": 4.5, "elements": "weighted", "cutoff_function": "polynomial"},
    "symmetry-radial": {"type": "symmetry_functions", "cutoff": 4.5, "angular": 0},
    "bispectrum": {"type": "bispectrum", "cutoff": 4.5, "degree": 5},
    "bispectrum-separate": {"type": "bispectrum", "cutoff": 4.5, "degree": 2, "elements": "separate"},
}


@pytest.fixture(params=list(SPECS))
def descriptor(request):
    return opened(SPECS[request.param])


def alloy(seed: int = 0, size: tuple[int, int, int] = (2, 1, 1)) -> Atoms:
    rng = np.random.default_rng(seed)
    atoms = bulk("Al", "fcc", a=4.0, cubic=True) * size
    atoms.symbols[rng.permutation(len(atoms))[: len(atoms) // 2]] = "Cu"
    atoms.set_cell(atoms.cell.array @ (np.eye(3) + 0.05 * rng.normal(size=(3, 3))), scale_atoms=True)
    atoms.positions += 0.1 * rng.normal(size=atoms.positions.shape)
    return atoms


def features_of(descriptor, *structures: Atoms) -> np.ndarray:
    return describe(descriptor, structures, SPECIES).features


def opened(keys: dict):
    return open_descriptor(TypeAdapter(EnvironmentSpec).validate_python(keys), SPECIES)


def close(one, other, scale=1.0):
    np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-9 * scale * np.abs(other).max())


def test_size_is_the_number_of_features(descriptor):
    assert features_of(descriptor, alloy()).shape == (8, descriptor.size)


def test_turning_shifting_wrapping_and_mirroring_change_nothing(descriptor):
    atoms = alloy()
    before = features_of(descriptor, atoms)
    moved = atoms.copy()
    moved.rotate(47.0, (1, -2, 3), rotate_cell=True)
    moved.positions += (1.0, -20.0, 3.3)
    moved.positions[3] += moved.cell[0] - 2 * moved.cell[2]
    close(features_of(descriptor, moved), before)
    mirrored = atoms.copy()
    mirrored.set_cell(-atoms.cell.array)
    mirrored.positions = -atoms.positions
    close(features_of(descriptor, mirrored), before)


def test_the_order_of_atoms_changes_the_order_of_rows(descriptor):
    atoms = alloy()
    order = np.random.default_rng(3).permutation(len(atoms))
    close(features_of(descriptor, atoms[order]), features_of(descriptor, atoms)[order])


def test_a_supercell_repeats_the_cell(descriptor):
    atoms = alloy()
    once = features_of(descriptor, atoms)
    close(features_of(descriptor, atoms * (1, 2, 2)), np.tile(once, (4, 1)))


def test_structures_together_are_those_alone(descriptor):
    structures = [alloy(seed, size) for seed, size in enumerate([(1, 1, 1), (2, 1, 1), (2, 2, 1)])] * 3
    together = describe(descriptor, structures, SPECIES)
    alone = [describe(descriptor, [one], SPECIES) for one in structures]
    np.testing.assert_array_equal(together.structure, np.repeat(np.arange(9), [len(one) for one in structures]))
    close(together.features, np.concatenate([one.features for one in alone]))
    close(together.blocks, np.concatenate([one.blocks for one in alone]))
    close(together.strain, np.concatenate([one.strain for one in alone]))
    assert together.volumes == pytest.approx([one.get_volume() for one in structures])
    first = np.cumsum([0, *(len(one) for one in structures)])
    np.testing.assert_array_equal(together.moved, np.concatenate([one.moved + k for one, k in zip(alone, first, strict=False)]))


def test_derivatives_by_positions_are_finite_differences(descriptor):
    atoms, step = alloy(5), 1e-4
    found = describe(descriptor, [atoms], SPECIES)
    derivatives = np.zeros((8, descriptor.size, 8, 3))
    derivatives[found.centre, :, found.moved] = found.blocks
    for atom, axis in ((0, 0), (3, 2), (6, 1)):
        forward, back = atoms.copy(), atoms.copy()
        forward.positions[atom, axis] += step
        back.positions[atom, axis] -= step
        difference = (features_of(descriptor, forward) - features_of(descriptor, back)) / (2 * step)
        np.testing.assert_allclose(derivatives[:, :, atom, axis], difference, rtol=0, atol=1e-6 * np.abs(derivatives).max())


def test_derivatives_by_strain_are_finite_differences(descriptor):
    atoms, step = alloy(6), 1e-5
    found = describe(descriptor, [atoms], SPECIES).strain
    for voigt, (i, j) in enumerate([(0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1)]):
        strained = []
        for sign in (1, -1):
            strain = np.eye(3)
            strain[i, j] += sign * step / 2
            strain[j, i] += sign * step / 2
            copy = atoms.copy()
            copy.set_cell(atoms.cell.array @ strain, scale_atoms=True)
            strained.append(features_of(descriptor, copy))
        difference = (strained[0] - strained[1]) / (2 * step)
        np.testing.assert_allclose(found[:, :, voigt], difference, rtol=0, atol=1e-6 * np.abs(found).max())


def test_torch_s_own_derivatives_are_the_same_once_and_twice(descriptor):
    batch = find_neighbours([alloy(7)], descriptor.cutoff, SPECIES)
    near = batch.centre == 2
    species = torch.tensor(batch.species)
    others = species[torch.tensor(batch.neighbour[near])][:3]
    centre = torch.zeros(3, dtype=torch.int64)

    def of(vectors):
        return features(descriptor, vectors, centre, others, species[2:3])

    vectors = torch.tensor(batch.vectors[near][:3], requires_grad=True)
    assert torch.autograd.gradcheck(of, (vectors,), fast_mode=True)
    assert torch.autograd.gradgradcheck(of, (vectors,), fast_mode=True)


def test_an_atom_fades_out_smoothly_at_the_cutoff(descriptor):
    def at(distance):
        return features_of(descriptor, Atoms("AlCu", [(0, 0, 0), (0, 0, distance)]))[0]

    cutoff, alone = descriptor.cutoff, features_of(descriptor, Atoms("Al", [(0, 0, 0)]))[0]
    scale = np.abs(at(cutoff - 1.0) - alone).max()
    assert np.abs(at(cutoff - 1e-4) - alone).max() < 1e-6 * scale
    np.testing.assert_array_equal(at(cutoff + 1e-4), alone)
    derivative = describe(descriptor, [Atoms("AlCu", [(0, 0, 0), (0, 0, cutoff - 1e-4)])], SPECIES).blocks
    assert np.abs(derivative).max() < 2e-3 * scale


def test_single_precision_is_near_double(descriptor):
    single = open_descriptor(descriptor.spec, SPECIES, dtype=torch.float32)
    found, exact = features_of(single, alloy()), features_of(descriptor, alloy())
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, exact, rtol=0, atol=3e-5 * np.abs(exact).max())


def test_elements_are_told_apart(descriptor):
    atoms = alloy()
    swapped = atoms.copy()
    swapped.numbers = np.where(atoms.numbers == 13, 29, 13)
    assert np.abs(features_of(descriptor, atoms) - features_of(descriptor, swapped)).max() > 1e-2


def test_an_element_that_is_not_known_is_named(descriptor):
    with pytest.raises(FitError, match="Au"):
        describe(descriptor, [bulk("Au")], SPECIES)


def test_symmetry_functions_are_the_published_sums():
    spec = TypeAdapter(EnvironmentSpec).validate_python(SPECS["symmetry"])
    atoms = alloy(2)
    found = features_of(open_descriptor(spec, SPECIES), atoms)[0]
    owner, other, distance, vectors = neighbor_list("ijdD", atoms, spec.cutoff)
    mine = owner == 0
    other, distance, vectors = other[mine], distance[mine], vectors[mine]
    codes = np.array([SPECIES.index(atoms[place].symbol) for place in other])
    fade = 0.5 * (1 + np.cos(math.pi * distance / spec.cutoff))
    radial = [[(np.exp(-e * (distance - c) ** 2) * fade)[codes == k].sum() for e, c in radial_grid(spec)] for k in range(2)]
    angular = []
    for pair in ((0, 0), (0, 1), (1, 1)):
        two = [(j, k) for j, k in combinations(range(len(other)), 2) if tuple(sorted((codes[j], codes[k]))) == pair]
        j, k = np.array(two).T
        cosine = (vectors[j] * vectors[k]).sum(axis=1) / (distance[j] * distance[k])
        for e, c in angular_grid(spec):
            weight = np.exp(-e * ((distance[j] - c) ** 2 + (distance[k] - c) ** 2)) * fade[j] * fade[k]
            angular += [2 ** (1 - z) * ((1 + sign * cosine) ** z * weight).sum() for z in spec.zetas for sign in (-1, 1)]
    np.testing.assert_allclose(found, [*radial[0], *radial[1], *angular], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(
    "changes",
    [
        {"cutoff": 5.0},
        {"angular_cutoff": 3.5},
        {"cutoff_function": "polynomial"},
        {"shortest": 2.0},
        {"radial": 6},
        {"angular": 2},
        {"zetas": [1, 3]},
        {"elements": "weighted"},
    ],
    ids=str,
)
def test_every_key_of_the_symmetry_functions_matters(changes):
    base = {"type": "symmetry_functions", "cutoff": 4.5}
    one, other = (
        open_descriptor(TypeAdapter(EnvironmentSpec).validate_python(keys), SPECIES) for keys in (base, base | changes)
    )
    before, after = features_of(one, alloy()), features_of(other, alloy())
    assert before.shape != after.shape or np.abs(before - after).max() > 1e-3


@pytest.mark.parametrize("changes", [{"cutoff": 5.0}, {"degree": 4}, {"angle": 0.9}, {"elements": "separate"}], ids=str)
def test_every_key_of_the_bispectrum_matters(changes):
    base = {"type": "bispectrum", "cutoff": 4.5, "degree": 3}
    one, other = (
        open_descriptor(TypeAdapter(EnvironmentSpec).validate_python(keys), SPECIES) for keys in (base, base | changes)
    )
    before, after = features_of(one, alloy()), features_of(other, alloy())
    assert before.shape != after.shape or np.abs(before - after).max() > 1e-3


@pytest.mark.parametrize(
    ("keys", "word"),
    [({"cutoff": 4.0, "angular_cutoff": 4.5}, "angular_cutoff"), ({"cutoff": 2.0, "shortest": 2.0}, "shortest")],
)
def test_grids_that_make_no_sense_are_refused(keys, word):
    with pytest.raises(ValidationError, match=word):
        TypeAdapter(EnvironmentSpec).validate_python({"type": "symmetry_functions", **keys})


@pytest.mark.parametrize("atoms", [molecule("CH3CH2OH"), bulk("Al") * (1, 2, 1), alloy()], ids=["molecule", "thin", "alloy"])
def test_pairs_are_those_of_ase(atoms):
    batch = find_neighbours([atoms], 5.0, ("Al", "C", "Cu", "H", "O"))
    owner, other, shifts = neighbor_list("ijS", atoms, 5.0)
    found = {(i, j, *shift) for i, j, shift in zip(batch.centre, batch.neighbour, map(tuple, batch.shifts), strict=True)}
    assert found == {(i, j, *shift) for i, j, shift in zip(owner, other, map(tuple, shifts), strict=True)}
    assert (np.diff(batch.centre) >= 0).all()


def test_remembered_pairs_are_looked_for_anew_when_they_must_be():
    atoms = alloy(1, (2, 2, 2))
    memory = NeighbourMemory(4.0, 0.6, SPECIES)
    first = memory.of(atoms)
    rng = np.random.default_rng(0)
    atoms.positions += rng.uniform(-0.15, 0.15, atoms.positions.shape)
    second = memory.of(atoms)
    assert second.centre is first.centre
    fresh = find_neighbours([atoms], 4.0, SPECIES)
    near = np.linalg.norm(second.vectors, axis=1) < 4.0
    assert near.sum() == len(fresh.centre)
    assert np.sort(np.linalg.norm(second.vectors[near], axis=1)) == pytest.approx(
        np.sort(np.linalg.norm(fresh.vectors, axis=1))
    )
    for change in ("far", "cell", "element"):
        if change == "far":
            atoms.positions[0] += 0.31
        if change == "cell":
            atoms.set_cell(atoms.cell.array * 1.001, scale_atoms=False)
        if change == "element":
            atoms.symbols[0] = "Cu" if atoms.symbols[0] == "Al" else "Al"
        third = memory.of(atoms)
        assert third.centre is not second.centre
        second = third
