"""Pairs within a cutoff: those that ASE finds, in any cell."""

import sys

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, molecule
from ase.neighborlist import neighbor_list

from tansaku.models.domain.errors import MissingComponentError
from tansaku.models.domain.specs.descriptors import RadialDescriptorSpec
from tansaku.models.features.atomic_environment import check_descriptors
from tansaku.models.features.neighbours import distances_within, pairs_within


def slab() -> Atoms:
    """Periodic in the plane alone, with atoms beyond the cell."""
    atoms = bulk("Cu", cubic=True) * (2, 1, 2)
    atoms.pbc = (True, True, False)
    atoms.positions += (0.0, 0.0, 30.0)
    return atoms


def skewed() -> Atoms:
    cell = [(3.1, 0.0, 0.0), (2.4, 2.9, 0.0), (-1.7, 4.0, 3.3)]
    return Atoms("CuAuCu", np.random.default_rng(1).uniform(-9, 9, (3, 3)), cell=cell, pbc=True)


@pytest.mark.parametrize("make", [lambda: molecule("CH3CH2OH"), lambda: bulk("Al"), slab, skewed, lambda: Atoms("Cu")])
def test_pairs_and_distances_are_those_of_ase(require, make):
    require("matscipy")
    atoms = make()
    first, second, shifts = pairs_within(atoms, 5.0)
    expected = {(i, j, *shift) for i, j, shift in zip(*neighbor_list("ijS", atoms, 5.0), strict=True)}
    assert {(i, j, *shift) for i, j, shift in zip(first, second, shifts, strict=True)} == expected
    assert len(first) == len(expected)
    assert (np.diff(first) >= 0).all()
    again, other, distances = distances_within(atoms, 5.0)
    assert (np.array_equal(again, first), np.array_equal(other, second)) == (True, True)
    vectors = atoms.positions[second] - atoms.positions[first] + shifts @ atoms.cell.array
    assert distances == pytest.approx(np.linalg.norm(vectors, axis=1))


def test_a_missing_package_is_named_before_anything_is_spent(monkeypatch):
    monkeypatch.setitem(sys.modules, "matscipy.neighbours", None)
    with pytest.raises(MissingComponentError, match="need the package matscipy"):
        check_descriptors([RadialDescriptorSpec()])
