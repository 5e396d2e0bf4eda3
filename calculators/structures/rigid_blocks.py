"""Cells with one symmetric tilt boundary, between two rigid blocks of perfect crystal."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from tansaku.calculators.structures.bicrystal import Translation, check_distance
from tansaku.calculators.structures.hexagonal_stacking import Boundary, stack_of
from tansaku.calculators.structures.perfect_crystal import Crystal
from tansaku.calculators.structures.stacking import PlaneStack
from tansaku.models.domain.pool import FloatArray, IntArray

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
