"""Periodic cells with two equivalent symmetric tilt boundaries."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from tansaku.calculators.structures.coincidence import TiltBoundary
from tansaku.calculators.structures.crystal import CubicCrystal
from tansaku.calculators.structures.perfect_crystal import Crystal
from tansaku.calculators.structures.stacking import Stacking, stacking_of
from tansaku.models.domain.errors import CalculationError, ConfigurationError
from tansaku.models.domain.pool import IntArray

if TYPE_CHECKING:
    from ase import Atoms

HOPELESS_FRACTION = 0.15
"""Two atoms closer than this fraction of the neighbour distance cannot be separated by a relaxation."""

HELD_THICKNESS = 1.0
"""Thickness of the held layer in the middle of a grain, in lattice parameters."""

Translation = tuple[float, float, float]


@dataclass(frozen=True)
class Bicrystal:
    """A boundary of a crystal, with as many planes per grain as the spacing asks for.

    Attributes:
        planes: Lattice planes of a grain before any is removed: whole repeats of the stacking.
    """

    crystal: CubicCrystal
    boundary: TiltBoundary
    planes: int

    @cached_property
    def stacking(self) -> Stacking:
        """Lattice planes parallel to the boundary."""
        return stacking_of(self.crystal, self.boundary)

    def atom_count(self, removed: int) -> int:
        """Atoms of the cell after ``removed`` planes were taken from one grain at each boundary."""
        return 2 * (self.planes - removed) * self.stacking.sites_per_plane * len(self.crystal.motif)

    def thicker(self, factor: float) -> Bicrystal:
        """Returns a cell of the same boundary whose grains are at least ``factor`` times as thick."""
        repeat = self.stacking.repeat
        return replace(self, planes=repeat * math.ceil(factor * self.planes / repeat - 1e-9))

    def thickness(self, removed: int) -> float:
        """Thickness of a grain [Å]."""
        return (self.planes - removed) * self.stacking.plane_spacing

    def height(self, removed: int, opening: float = 0.0) -> float:
        """Height of the cell [Å]."""
        return 2.0 * (self.thickness(removed) + opening)

    def build(self, removed: int = 0, translation: Translation = (0.0, 0.0, 0.0)) -> Atoms:
        """Builds the cell as :meth:`cell` does, unless no relaxation could resolve it.

        Raises:
            ConfigurationError: No plane would be left.
            CalculationError: Two atoms are hopelessly close (reason ``overlap``).
        """
        atoms = self.cell(removed, translation)
        check_distance(atoms, self.crystal)
        return atoms

    def cell(self, removed: int = 0, translation: Translation = (0.0, 0.0, 0.0)) -> Atoms:
        """Builds the cell, however close its atoms are.

        Grain 0 fills the lower half; grain 1 above it is its mirror image in the boundary plane, moved as a whole by
        the in-plane translation. At the lower boundary the removed planes are grain 1's, at the upper one grain 0's: both
        grains keep the same number of planes, which is what makes the two boundaries equivalent for every translation.

        Args:
            removed: Lattice planes removed at each boundary.
            translation: Shift of grain 1 in the plane (perpendicular to and along the tilt axis) and opening of both
                boundaries [Å].

        Returns:
            Atoms with the arrays ``grain``, ``boundary`` and ``held``, periodic in all directions.

        Raises:
            ConfigurationError: No plane would be left.
        """
        if not 0 <= removed < self.planes:
            raise ConfigurationError(
                f"space.removed_planes: {removed} is not between 0 and {self.planes - 1} planes of a grain"
            )
        from ase import Atoms

        stack = self.stacking
        levels = np.arange(self.planes - removed)
        lower = stack.atoms(levels, levels, stack.motif, mirrored=False)
        upper = stack.atoms(self.planes - levels, levels, stack.motif, mirrored=True)
        tx, ty, tz = translation
        upper += np.array([tx, ty, self.height(removed, tz) / 2.0])
        cell = np.array([*stack.lengths, self.height(removed, tz)])
        positions = np.concatenate((lower, upper))
        positions[:, :2] %= cell[:2]
        atoms = Atoms(f"{self.crystal.element}{len(positions)}", positions=positions, cell=cell, pbc=True)
        self._mark(atoms, levels)
        return atoms

    def perfect(self, removed: int = 0) -> Atoms:
        """The crystal without a boundary in a cell of the same width, and of the same height as nearly as whole repeats allow.

        Args:
            removed: Lattice planes removed at each boundary of the cell that it is to be compared with.
        """
        from ase import Atoms

        stack = self.stacking
        repeats = max(1, round(2 * (self.planes - removed) / stack.repeat))
        levels = np.arange(repeats * stack.repeat)
        positions = stack.atoms(levels, levels, stack.motif, mirrored=False)
        cell = np.array([*stack.lengths, len(levels) * stack.plane_spacing])
        return Atoms(f"{self.crystal.element}{len(positions)}", positions=positions, cell=cell, pbc=True)

    def _mark(self, atoms: Atoms, levels: IntArray) -> None:
        per_plane = self.stacking.sites_per_plane * len(self.crystal.motif)
        level = np.repeat(levels, per_plane)
        middle = (len(levels) - 1) / 2.0
        near_bottom = np.tile(level <= middle, 2)
        grain = np.repeat([0, 1], len(level))
        half = HELD_THICKNESS * self.crystal.lattice_parameter / 2.0
        offset = np.abs(level - middle) * self.stacking.plane_spacing
        # At least the plane nearest to the middle is held, however wide the planes are spaced.
        held = (offset <= half) | (offset <= offset.min() + 1e-9)
        atoms.set_array("grain", grain)
        # The bottom of grain 0 and the top of grain 1 meet at boundary 0, across the cell's face.
        atoms.set_array("boundary", np.where(near_bottom == (grain == 0), 0, 1))
        atoms.set_array("held", np.concatenate((held, held)))

    def carried(self, thin: Bicrystal, relaxed: Atoms, removed: int, translation: Translation) -> Atoms:
        """Returns the cell with the displacements of the atoms in the relaxed structure of a thinner cell.

        Atoms closer to a boundary than half of a thin grain take the displacement of the same atom in the thin cell. The atoms
        inserted between them take that of the plane in the middle of the thin grain.

        Args:
            thin: The thinner cell, of the same boundary.
            relaxed: Its relaxed structure, with the atoms in the order in which they were built.
            removed: Lattice planes removed at each boundary.
            translation: As :meth:`cell` takes it.
        """
        before, atoms = thin.cell(removed, translation), self.cell(removed, translation)
        few, many = thin.planes - removed, self.planes - removed
        moved = (relaxed.positions - before.positions).reshape(2, few, -1, 3)
        half, levels = few // 2, np.arange(many)
        below, above = levels < half, levels >= many - (few - half)
        source = np.where(below, levels, np.where(above, levels - (many - few), np.where(levels < many // 2, half - 1, half)))
        source = np.clip(source, 0, few - 1)
        taken = moved[:, source]
        inserted = ~(below | above)
        taken[:, inserted] = taken[:, inserted].mean(axis=2, keepdims=True)
        stretched = relaxed.cell.array - before.cell.array
        atoms.set_cell(atoms.cell.array + stretched)
        atoms.positions += taken.reshape(-1, 3)
        return atoms


def check_distance(atoms: Atoms, crystal: Crystal) -> None:
    """Raises unless a relaxation could resolve a start.

    Raises:
        CalculationError: Two atoms are hopelessly close (reason ``overlap``).
    """
    limit = HOPELESS_FRACTION * crystal.neighbour_distance
    closest = _closest(atoms, limit)
    if closest < limit:
        raise CalculationError(
            "overlap",
            f"two atoms are {closest:.3f} Å apart before relaxation, below {limit:.3f} Å"
            f" ({HOPELESS_FRACTION:g} of the neighbour distance)",
        )


def _closest(atoms: Atoms, limit: float) -> float:
    """Distance of the two closest atoms [Å], where it is below the limit."""
    if atoms.cell[1, 0]:
        from ase.neighborlist import neighbor_list

        return float(neighbor_list("d", atoms, limit).min(initial=math.inf))
    from scipy.spatial import cKDTree

    lengths = atoms.cell.lengths()
    wrapped = atoms.positions % lengths
    # A tiny negative coordinate is rounded up to the full length, which the tree does not take.
    wrapped[wrapped >= lengths] = 0.0
    distances, _ = cKDTree(wrapped, boxsize=lengths).query(wrapped, k=2, distance_upper_bound=limit)
    return float(distances[:, 1].min())


def bicrystal_of(crystal: CubicCrystal, boundary: TiltBoundary, spacing: float, removed: int = 0) -> Bicrystal:
    """A bicrystal whose two boundaries are at least ``spacing`` [Å] apart after ``removed`` planes were taken out."""
    stack = stacking_of(crystal, boundary)
    needed = math.ceil(spacing / stack.plane_spacing - 1e-9) + removed
    return Bicrystal(crystal, boundary, stack.repeat * math.ceil(needed / stack.repeat))
