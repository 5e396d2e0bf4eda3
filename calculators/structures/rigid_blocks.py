"""Cells with one boundary, between two rigid blocks of perfect crystal."""

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
from tansaku.calculators.structures.stacking import FACING_FRACTION, PlaneStack
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

    @property
    def regions(self) -> IntArray:
        """Region of each plane of the upper grain, counted from the boundary."""
        return self.grain_regions[1]

    @cached_property
    def grain_regions(self) -> tuple[IntArray, IntArray]:
        """Region of each plane of both grains, counted from the boundary."""
        first, second = self.stacking.grain_spacings
        return self._regions(first), self._regions(second)

    def _regions(self, spacing: float) -> IntArray:
        # The atoms of a lattice point may stand above and below its plane.
        reach = self.reach + 2.0 * self.stacking.thickest_motif
        inner, outer = math.floor(reach / spacing + 1e-9), math.ceil(2.0 * reach / spacing - 1e-9)
        counts = (math.ceil(self.relaxed / spacing - 1e-9), inner, 1, max(1, outer - inner - 1))
        return np.repeat(np.array([RELAXED, COUNTED, WITNESS, OUTER]), counts)

    @property
    def atoms_per_plane(self) -> int:
        """Atoms of one plane of the upper grain."""
        return self.stacking.atoms_per_plane

    @cached_property
    def grain_counts(self) -> tuple[int, int]:
        """Atoms of both grains."""
        first, second = (len(regions) * n for regions, n in zip(self.grain_regions, self.stacking.grain_atoms, strict=True))
        return first, second

    def atom_count(self, _removed: int) -> int:
        """Atoms of the cell, however many planes were removed."""
        return sum(self.grain_counts)

    def thickness(self, _removed: int) -> float:
        """Thickness of a slab [Å], however many planes were removed."""
        return int((self.regions == RELAXED).sum()) * self.stacking.plane_spacing

    def height(self, _removed: int, opening: float = 0.0) -> float:
        """Height of the cell [Å], however many planes were removed."""
        pairs = zip(self.grain_regions, self.stacking.grain_spacings, strict=True)
        crystal = sum((len(regions) - 0.5) * spacing for regions, spacing in pairs)
        return crystal + 2.0 * self.stacking.thickest_motif + opening + VACUUM * self.reach

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

        stack, regions = self.stacking, self.grain_regions
        lower, upper = stack.both(removed, (len(regions[0]), len(regions[1])))
        positions = np.concatenate((lower, upper + np.array(translation)))
        positions[:, 2] += VACUUM * self.reach / 2.0 - positions[:, 2].min()
        cell = np.diag([*stack.lengths, self.height(removed, translation[2])])
        cell[1, 0] = stack.shear
        positions[:, 0] -= positions[:, 1] // cell[1, 1] * stack.shear
        positions[:, :2] %= np.diag(cell)[:2]
        atoms = Atoms(f"{self.crystal.element}{len(positions)}", positions=positions, cell=cell, pbc=True)
        region = np.concatenate([np.repeat(own, n) for own, n in zip(regions, stack.grain_atoms, strict=True)])
        grain = np.repeat([0, 1], self.grain_counts)
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
        atoms.positions += self.taken(thin, (relaxed.positions - before.positions)[None])[0]
        return atoms

    def taken(self, thin: BlockCell, moved: FloatArray) -> FloatArray:
        """Displacements that atoms take over from a thinner cell [Å], shape ``(replicas, n_atoms, 3)``.

        Args:
            thin: The cell with thinner slabs.
            moved: Displacements of its atoms [Å], shape ``(replicas, n_atoms, 3)``.
        """
        parts = []
        for grain, found in enumerate(np.split(moved, [thin.grain_counts[0]], axis=1)):
            regions, per_plane = thin.grain_regions[grain], self.stacking.grain_atoms[grain]
            by_plane = found.reshape(len(moved), len(regions), per_plane, 3)
            own = np.flatnonzero(regions == RELAXED)
            wide = np.empty((len(moved), len(self.grain_regions[grain]), per_plane, 3))
            wide[:] = by_plane[:, regions != RELAXED].mean(axis=(0, 1, 2))
            wide[:, own] = by_plane[:, own]
            parts.append(wide.reshape(len(moved), -1, 3))
        return np.concatenate(parts, axis=1)


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
        taken = self.block.taken(thin.block, moved.reshape(self.replicas, -1, 3))
        atoms.positions += taken.reshape(-1, 3)
        return atoms[self._kept(removed)]

    def overlaps(self, translation: Translation) -> tuple[int, IntArray]:
        """Atoms of both grains that are close before any is removed.

        Args:
            translation: As :meth:`build` takes it.

        Returns:
            Pairs across the boundary closer than 0.6 neighbour distances; and the sites by rising distance from the lower
            grain, shape ``(sites,)``.
        """
        from ase.neighborlist import neighbor_list

        atoms, neighbours = self._full(translation), self.block.crystal.neighbour_distance
        upper = np.asarray(atoms.arrays["grain"]) == 1
        heights = atoms.positions[:, 2]
        edges = heights[upper].min() - 2.0 * neighbours, heights[~upper].max() + 2.0 * neighbours
        near = np.flatnonzero((heights > edges[0]) & (heights < edges[1]))
        first, second, distances = neighbor_list("ijd", atoms[near], 2.0 * neighbours)
        across = upper[near][first] & ~upper[near][second]
        nearest = np.full(len(atoms), np.inf)
        np.minimum.at(nearest, near[first[across]], distances[across])
        pairs = int((distances[across] < FACING_FRACTION * neighbours).sum())
        return pairs, np.argsort(nearest[self._removable].round(6), kind="stable")

    def _full(self, translation: Translation) -> Atoms:
        """The cell with all atoms: replica after replica, in each of them in the order of the cell that is repeated."""
        wide: Atoms = self.block.cell(self.removed_planes, translation).repeat((*self.repeats, 1))
        return wide

    @cached_property
    def _removable(self) -> IntArray:
        """Places in the full cell of the atoms that may be removed, from the lowest plane of grain 1 on."""
        upper = np.arange(self.atom_count).reshape(self.replicas, -1)[:, self.block.grain_counts[0] :]
        places = upper.reshape(self.replicas, len(self.block.regions), -1)
        return np.swapaxes(places[:, : self.layer_planes], 0, 1).ravel()

    def _kept(self, removed: Sequence[int]) -> BoolArray:
        kept = np.ones(self.atom_count, dtype=np.bool_)
        kept[self._removable[list(removed)]] = False
        return kept
