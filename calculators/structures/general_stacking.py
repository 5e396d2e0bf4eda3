"""Both grains of a boundary in any plane as stacks of lattice planes over their common period."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

import numpy as np
import numpy.typing as npt

from tansaku.calculators.structures.axial_boundary import axial_planes
from tansaku.calculators.structures.crystal import CubicCrystal
from tansaku.calculators.structures.general_boundary import (
    GeneralBoundary,
    PlanarLattice,
    common_period,
    common_translations,
    lattice_points,
    planar_lattice,
)
from tansaku.calculators.structures.perfect_crystal import Crystal
from tansaku.calculators.structures.stacking import PlaneStack, joined
from tansaku.models.domain.pool import FloatArray, IntArray

_SAME = 1e-6


@dataclass(frozen=True, eq=False)
class Grain:
    """Lattice planes of one grain over the common period.

    Attributes:
        vectors: Planar lattice vectors of the common period, rows, integers, shape ``(2, 2)``.
        step: In-plane shift from one plane to the next, in parts of the common period, shape ``(2,)``.
        motif: Atoms of a lattice point in x, y, z [Å], shape ``(n_motif, 3)``.
    """

    vectors: IntArray
    step: FloatArray
    motif: FloatArray
    spacing: float

    @cached_property
    def points(self) -> FloatArray:
        """Lattice points of a plane in parts of the common period, shape ``(n, 2)``."""
        return lattice_points(self.vectors)

    @cached_property
    def ends(self) -> tuple[float, ...]:
        """Heights at which the grain can end, in the middle between planes of atoms [Å]; between lattice planes first."""
        heights = np.round(self.motif[:, 2], 6) % self.spacing
        heights = np.unique(np.where(heights > self.spacing - 1e-5, 0.0, heights).round(6))
        middles = (heights + np.roll(heights, -1) + self.spacing * (np.arange(1, len(heights) + 1) // len(heights))) / 2.0
        return tuple(
            sorted((float(m % self.spacing) - self.spacing for m in middles), key=lambda m: (abs(m + self.spacing / 2), m))
        )

    def atoms(self, planes: IntArray, origin: int, end: int, cell: FloatArray) -> FloatArray:
        """Atoms of some planes, plane after plane; the grain ends at height 0 [Å], shape ``(n_atoms, 3)``.

        Args:
            origin: Number of the plane that has a lattice point at the origin.
            end: Which of ``ends``.
            cell: Vectors of the common period [Å], shape ``(2, 2)``.
        """
        above = self.motif[:, 2] - self.ends[end]
        moved = np.floor((above + _SAME) / self.spacing)
        shifts = (planes - origin)[:, None, None, None] - moved[:, None]
        in_plane = (self.points[:, None, :] + shifts * self.step) @ cell + self.motif[:, :2]
        heights = planes[:, None, None] * self.spacing + (above - moved * self.spacing)
        placed = np.concatenate((in_plane, np.broadcast_to(heights[..., None], (*in_plane.shape[:-1], 1))), axis=-1)
        return np.asarray(placed, dtype=np.float64).reshape(-1, 3)


@dataclass(frozen=True, eq=False)
class GeneralStack(PlaneStack):
    """Two stacks of planes with a common period. Its own planes are those of the upper grain; x is along the shortest period.

    ``removed`` counts terminations: the ways in which both grains can end, of which a crystal with one atom in a lattice point
    has one. A removed plane is a translation.

    Attributes:
        grains: The lower and the upper one.
        cell: Vectors of the common period [Å], rows, the first along x, shape ``(2, 2)``.
        frames: Unit vectors of x, y and z in the axes of each grain, shape ``(2, 3, 3)``.
        strain: Of the upper grain.
    """

    crystal: Crystal
    grains: tuple[Grain, Grain]
    cell: FloatArray
    frames: FloatArray
    strain: float

    @property
    def sites_per_plane(self) -> int:
        """Lattice points of a plane of the upper grain in the common period."""
        return len(self.grains[1].points)

    @property
    def shear(self) -> float:
        """Component of the second period along x [Å]."""
        return float(self.cell[1, 0])

    @cached_property
    def translations(self) -> FloatArray:
        """Two vectors that span all translations which change nothing [Å], the first along x, shape ``(2, 2)``."""
        return common_translations(grain.vectors for grain in self.grains) @ self.cell

    @property
    def irreducible_lengths(self) -> tuple[float, float]:
        """Edges of the smallest rectangle whose points are all different translations [Å]."""
        return float(self.translations[0, 0]), float(self.translations[1, 1])

    def turns(self, offsets: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Offsets in parts of the translations."""
        first, second = np.moveaxis(offsets @ np.linalg.inv(self.translations), -1, 0)
        return np.asarray(first), np.asarray(second)

    def lattice_keys(self, offsets: FloatArray) -> npt.NDArray[np.int64]:
        """As the base class describes, in millionths of the translations."""
        first, second = self.turns(offsets)
        return joined((first + 1e-7) % 1.0 * 1e6, (second + 1e-7) % 1.0 * 1e6)

    @property
    def period(self) -> None:
        """Removed planes are translations."""

    def grid_divisors(self, *, general: bool = False) -> tuple[int, int]:
        """Returns the divisors as the base class describes.

        Raises:
            ValueError: For general positions, which the space refuses.
        """
        if general:
            raise ValueError("general positions are those of symmetric boundaries")
        part = self.translations[1, 0] / self.translations[0, 0]
        return Fraction(float(part)).limit_denominator(12).denominator, 1

    @property
    def half_planes(self) -> tuple[int, ...]:
        """Numbers of all terminations."""
        return tuple(range(len(self.grains[0].ends) * len(self.grains[1].ends)))

    @property
    def endings(self) -> tuple[int, ...]:
        """All have the same number of atoms."""
        return self.half_planes

    @property
    def standard_removals(self) -> tuple[int, ...]:
        """All terminations."""
        return self.half_planes

    @property
    def thickest_motif(self) -> float:
        """Largest distance of the atoms of a lattice point above or below its plane [Å]."""
        return float(max(np.abs(grain.motif[:, 2]).max() for grain in self.grains))

    def motifs(self, _removed: int) -> tuple[FloatArray, FloatArray]:
        """Atoms of a lattice point in both grains [Å]."""
        return self.grains[0].motif, self.grains[1].motif

    def first_plane(self, _removed: int) -> int:
        """Number of the highest plane of grain 0."""
        return -1

    def meeting_offset(self, _removed: int) -> FloatArray:
        """The planes that meet have a lattice point at the origin."""
        return np.zeros(2)

    @property
    def grain_spacings(self) -> tuple[float, float]:
        """Distance of neighbouring planes in both grains [Å]."""
        return self.grains[0].spacing, self.grains[1].spacing

    @property
    def grain_atoms(self) -> tuple[int, int]:
        """Atoms of a plane in both grains."""
        per_point = self.crystal.atoms_per_point
        return len(self.grains[0].points) * per_point, len(self.grains[1].points) * per_point

    def both(self, removed: int, counts: tuple[int, int]) -> tuple[FloatArray, FloatArray]:
        """Atoms of the planes next to the boundary in both grains, as the base class describes."""
        ends = divmod(removed, len(self.grains[1].ends))
        levels = -1 - np.arange(counts[0]), np.arange(counts[1])
        lower, upper = (
            grain.atoms(planes, origin, end, self.cell)
            for grain, planes, origin, end in zip(self.grains, levels, (-1, 0), ends, strict=True)
        )
        return lower, upper

    def sites(self, numbers: IntArray) -> FloatArray:
        """In-plane positions of the lattice points of some planes of the upper grain [Å]."""
        grain = self.grains[1]
        return np.asarray((grain.points[None] + numbers[:, None, None] * grain.step) @ self.cell)

    def offset_operations(self, _removed: int) -> FloatArray:
        """In-plane matrices of the operations that keep both grains; times -1 of those that exchange them."""
        lower, upper = self.frames
        if self.strain:
            return np.eye(2)[None]
        own = np.array(self.crystal.site_symmetry, dtype=np.float64)
        # Takes the lower grain to itself and the upper to itself; or, where both end in one way only, each to the other.
        images = [(lower, upper, 1.0), (upper, lower, -1.0)][: 2 if len(self.half_planes) == 1 else 1]
        found = []
        for (to, other, sign), g in itertools.product(images, own):
            matrix = to @ g @ lower.T
            flat = np.abs(matrix[2] - [0.0, 0.0, sign]).max() < _SAME
            if flat and np.abs(own - other.T @ matrix @ upper).max(axis=(1, 2)).min() < _SAME:
                found.append(sign * matrix[:2, :2])
        return np.array(found)


def general_stacking(crystal: Crystal, boundary: GeneralBoundary) -> GeneralStack:
    """Derives both stacks of planes of a boundary, and their common period.

    Raises:
        ConfigurationError: There is no common period within the strain that is allowed.
    """
    lattices = _lattices(crystal, boundary)
    *vectors, strain = common_period(boundary, lattices[0], lattices[1])
    cell = vectors[0] @ lattices[0].positions[:2]
    x, y = cell[0] / np.linalg.norm(cell[0])
    turn = np.array([[x, y], [-y, x]])
    frames = np.array([_turned(frame, turn) for frame in boundary.frames])
    cell = cell @ turn.T
    cell[np.abs(cell) < _SAME] = 0.0
    grains = [_grain(crystal, lattice, own, frame) for lattice, own, frame in zip(lattices, vectors, frames, strict=True)]
    return GeneralStack(
        crystal=crystal,
        x_period=float(cell[0, 0]),
        y_period=float(cell[1, 1]),
        planar=(float(cell[0, 0]), 0.0),
        step=(0.0, 0.0),
        plane_spacing=lattices[1].spacing,
        x_unit=1.0,
        y_unit=1.0,
        grains=(grains[0], grains[1]),
        cell=cell,
        frames=frames,
        strain=strain,
    )


def _lattices(crystal: Crystal, boundary: GeneralBoundary) -> tuple[PlanarLattice, PlanarLattice]:
    if isinstance(crystal, CubicCrystal):
        pairs = zip(boundary.cubic_planes, boundary.cubic_directions, strict=True)
        lower, upper = (planar_lattice(crystal, plane, direction) for plane, direction in pairs)
    else:
        own = zip(boundary.planes, boundary.directions, strict=True)
        lower, upper = (axial_planes(crystal, plane, direction) for plane, direction in own)
    return lower, upper


def _turned(frame: FloatArray, turn: FloatArray) -> FloatArray:
    """A frame turned about its z axis."""
    return np.vstack((turn @ frame[:2], frame[2:]))


def _grain(crystal: Crystal, lattice: PlanarLattice, vectors: IntArray, frame: FloatArray) -> Grain:
    step = lattice.positions[2] @ np.linalg.inv(lattice.positions[:2]) @ np.linalg.inv(vectors)
    motif = crystal.lattice_parameter * crystal.atoms @ frame.T
    return Grain(vectors, step, motif, lattice.spacing)
