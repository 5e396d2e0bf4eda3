"""Cells with one symmetric tilt boundary, between two rigid blocks of perfect crystal."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from tansaku.calculators.structures.bicrystal import Translation, check_distance
from tansaku.calculators.structures.hexagonal_stacking import Boundary, stack_of
from tansaku.calculators.structures.perfect_crystal import Crystal
from tansaku.calculators.structures.stacking import PlaneStack
from tansaku.models.domain.pool import BoolArray, FloatArray, IntArray

if TYPE_CHECKING:
    from ase import Atoms


VACUUM = 2.0
"""Vacuum between the free surfaces of the two blocks, in multiples of the potential's reach."""

RELAXED, COUNTED, WITNESS, OUTER = range(4)
"""Values of the array ``region``: atoms that relax; atoms of a block within reach of them, whose energies count too; the next
plane, which is within reach of neither relaxed atoms nor the surface; the rest of the block."""


@dataclass(frozen=True)
class BlockCell:
    """A boundary between two slabs that relax, each on a block that moves only as a whole.

    Attributes:
        relaxed: Thickness of each slab [Å], at least.
        reach: How far an atom's energy depends on other atoms [Å], at most. A block is twice as thick: its inner half is what
            the slab can see, its outer half keeps the free surface out of sight of the inner one.
    """

    crystal: Crystal
    boundary: Boundary
    relaxed: float
    reach: float

    @cached_property
    def stacking(self) -> PlaneStack:
        """Lattice planes parallel to the boundary."""
        return stack_of(self.crystal, self.boundary)

    @cached_property
    def regions(self) -> IntArray:
        """Region of each plane of a grain, counted from the boundary."""
        spacing = self.stacking.plane_spacing
        # The atoms of a lattice point may stand above and below its plane.
        reach = self.reach + 2.0 * self.stacking.thickest_motif
        inner, outer = math.floor(reach / spacing + 1e-9), math.ceil(2.0 * reach / spacing - 1e-9)
        counts = (math.ceil(self.relaxed / spacing - 1e-9), inner, 1, max(1, outer - inner - 1))
        return np.repeat(np.array([RELAXED, COUNTED, WITNESS, OUTER]), counts)

    @property
    def atoms_per_plane(self) -> int:
        """Atoms of one plane."""
        return self.stacking.atoms_per_plane

    def atom_count(self, _removed: int) -> int:
        """Atoms of the cell, however many planes were removed."""
        return 2 * len(self.regions) * self.atoms_per_plane

    def thickness(self, _removed: int) -> float:
        """Thickness of a slab [Å], however many planes were removed."""
        return int((self.regions == RELAXED).sum()) * self.stacking.plane_spacing

    def height(self, _removed: int, opening: float = 0.0) -> float:
        """Height of the cell [Å], however many planes were removed."""
        crystal = (2 * len(self.regions) - 1) * self.stacking.plane_spacing + 2.0 * self.stacking.thickest_motif
        return crystal + opening + VACUUM * self.reach

    def build(self, removed: int = 0, translation: Translation = (0.0, 0.0, 0.0)) -> Atoms:
        """Builds the cell as :meth:`cell` does, unless no relaxation could resolve it.

        Raises:
            CalculationError: Two atoms are hopelessly close (reason ``overlap``).
        """
        atoms = self.cell(removed, translation)
        check_distance(atoms, self.crystal)
        return atoms

    def cell(self, removed: int = 0, translation: Translation = (0.0, 0.0, 0.0)) -> Atoms:
        """Builds the cell, however close its atoms are.

        The planes that meet are those that meet at the boundaries of a periodic cell. Grain 0 lies below the boundary; grain 1,
        above it, is its mirror image, without its first ``removed`` planes and moved as a whole by the translation. Each
        grain ends in its block, and there is empty space above and below.

        Args:
            removed: Lattice planes removed at the boundary.
            translation: Shift of grain 1 in the plane (perpendicular to and along the tilt axis) and opening of the boundary
                [Å].

        Returns:
            Atoms with the arrays ``grain``, ``boundary``, ``region``, ``block`` and ``held``, grain after grain and in each
            plane after plane from the boundary on.
        """
        from ase import Atoms

        stack, count = self.stacking, len(self.regions)
        levels = np.arange(count)
        below, above = stack.motifs(removed)
        lower = stack.atoms(stack.first_plane(removed) - levels, -1 - levels, below, mirrored=False)
        upper = stack.atoms(-levels, levels, above, mirrored=True) + np.array(translation)
        positions = np.concatenate((lower, upper))
        positions[:, 2] += VACUUM * self.reach / 2.0 - positions[:, 2].min()
        cell = np.array([*stack.lengths, self.height(removed, translation[2])])
        positions[:, :2] %= cell[:2]
        atoms = Atoms(f"{self.crystal.element}{len(positions)}", positions=positions, cell=cell, pbc=True)
        region = np.tile(np.repeat(self.regions, self.atoms_per_plane), 2)
        grain = np.repeat([0, 1], count * self.atoms_per_plane)
        atoms.set_array("grain", grain)
        atoms.set_array("region", region)
        atoms.set_array("boundary", np.where(region <= COUNTED, 0, -1))
        atoms.set_array("block", np.where(region == RELAXED, 0, 1 + grain))
        atoms.set_array("held", region != RELAXED)
        return atoms

    def carried(self, thin: BlockCell, relaxed: Atoms, removed: int, translation: Translation) -> Atoms:
        """The cell with the displacements of the atoms of a thinner one's relaxed structure.

        Args:
            thin: The cell with thinner slabs, of the same boundary.
            relaxed: Its relaxed structure, with the atoms in the order in which they were built.
            removed: Lattice planes removed at the boundary.
            translation: As :meth:`cell` takes it.
        """
        before, atoms = thin.cell(removed, translation), self.cell(removed, translation)
        moved: FloatArray = (relaxed.positions - before.positions).reshape(2, len(thin.regions), -1, 3)
        own = np.flatnonzero(thin.regions == RELAXED)
        rigid = moved[:, thin.regions != RELAXED].mean(axis=(1, 2))
        taken = np.empty((2, len(self.regions), self.atoms_per_plane, 3))
        taken[:] = rigid[:, None, None, :]
        taken[:, own] = moved[:, own]
        atoms.positions += taken.reshape(-1, 3)
        return atoms


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
