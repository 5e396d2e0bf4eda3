"""Cells with one boundary, repeated in the plane, from whose upper grain some atoms at the boundary are removed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from tansaku.calculators.structures.bicrystal import Translation, check_distance
from tansaku.calculators.structures.rigid_blocks import RELAXED, BlockCell
from tansaku.models.domain.pool import BoolArray, FloatArray, IntArray

if TYPE_CHECKING:
    from ase import Atoms


@dataclass(frozen=True)
class ReplicatedBlocks:
    """A boundary between rigid blocks in a wider cell.

    The fraction of a plane that is left, n = (N mod N_plane) / N_plane, is the density of the boundary: a whole plane less is a
    translation (Frolov, Olmsted, Asta and Mishin 2013, doi:10.1038/ncomms2919).

    Attributes:
        block: The cell that is repeated.
        repeats: How often perpendicular to the tilt axis and along it.
        removed_planes: As :meth:`BlockCell.cell` takes them, without a change of the number of atoms.
        layer: Height above the lowest plane of the upper grain [Å] up to which atoms may be removed, below ``block.relaxed``.
    """

    block: BlockCell
    repeats: tuple[int, int]
    layer: float
    removed_planes: int = 0

    @property
    def replicas(self) -> int:
        """Cells in the wider one."""
        return self.repeats[0] * self.repeats[1]

    @property
    def atoms_per_plane(self) -> int:
        """Atoms of a full plane."""
        return self.replicas * self.block.atoms_per_plane

    @property
    def area(self) -> float:
        """Area of the boundary [Å^2]."""
        return self.replicas * self.block.stacking.area

    @property
    def atom_count(self) -> int:
        """Atoms of the cell before any is removed."""
        return self.replicas * self.block.atom_count(0)

    @property
    def layer_planes(self) -> int:
        """Planes that atoms may be removed from."""
        return 1 + math.floor(self.layer / self.block.stacking.plane_spacing + 1e-9)

    @property
    def sites(self) -> int:
        """Atoms that may be removed. They count the same in cells with thicker grains."""
        return self.layer_planes * self.atoms_per_plane

    def rows(self, planes: int) -> IntArray:
        """Sites in rows along the side with more repeats, in which they are one period apart.

        Args:
            planes: How many of the lowest planes, ``layer_planes`` at most.

        Returns:
            Numbers below ``sites``, shape ``(n_rows, repeats of that side)``.
        """
        across, along = self.repeats
        numbers = np.arange(planes * self.atoms_per_plane).reshape(planes, across, along, self.block.atoms_per_plane)
        side = 2 if along >= across else 1
        return np.moveaxis(numbers, side, -1).reshape(-1, self.repeats[side - 1])

    def build(self, removed: Sequence[int], translation: Translation) -> Atoms:
        """Builds the cell, unless no relaxation could resolve it.

        Args:
            removed: Atoms that are left out: numbers below ``sites``.
            translation: Shift of grain 1 and opening, as :meth:`BlockCell.cell` takes it [Å].

        Raises:
            CalculationError: Two atoms are hopelessly close (reason ``overlap``).
        """
        atoms = self._full(translation)[self._kept(removed)]
        check_distance(atoms, self.block.crystal)
        return atoms

    def carried(self, thin: ReplicatedBlocks, relaxed: Atoms, removed: Sequence[int], translation: Translation) -> Atoms:
        """The cell with the displacements of the atoms of a thinner one's relaxed structure.

        Args:
            thin: The cell with thinner slabs, of the same boundary and as wide.
            relaxed: Its relaxed structure, with the atoms in the order in which they were built.
            removed: As :meth:`build` takes it.
            translation: As :meth:`build` takes it.
        """
        before, atoms = thin._full(translation), self._full(translation)
        kept = thin._kept(removed)
        moved = np.zeros((len(before), 3))
        moved[kept] = relaxed.positions - before.positions[kept]
        by_plane: FloatArray = moved.reshape(self.replicas, 2, len(thin.block.regions), -1, 3)
        own = np.flatnonzero(thin.block.regions == RELAXED)
        rigid = by_plane[:, :, thin.block.regions != RELAXED].mean(axis=(0, 2, 3))
        taken = np.empty((self.replicas, 2, len(self.block.regions), self.block.atoms_per_plane, 3))
        taken[:] = rigid[None, :, None, None, :]
        taken[:, :, own] = by_plane[:, :, own]
        atoms.positions += taken.reshape(-1, 3)
        return atoms[self._kept(removed)]

    def _full(self, translation: Translation) -> Atoms:
        """The cell with all atoms: replica after replica, in each of them in the order of the cell that is repeated."""
        wide: Atoms = self.block.cell(self.removed_planes, translation).repeat((*self.repeats, 1))
        return wide

    @cached_property
    def _removable(self) -> IntArray:
        """Places in the full cell of the atoms that may be removed, from the lowest plane of grain 1 on."""
        places = np.arange(self.atom_count).reshape(self.replicas, 2, len(self.block.regions), -1)
        return np.swapaxes(places[:, 1, : self.layer_planes], 0, 1).ravel()

    def _kept(self, removed: Sequence[int]) -> BoolArray:
        kept = np.ones(self.atom_count, dtype=np.bool_)
        kept[self._removable[list(removed)]] = False
        return kept
