"""The crystal as a stack of lattice planes parallel to a boundary."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from tansaku.calculators.structures.coincidence import TiltBoundary
from tansaku.calculators.structures.crystal import CubicCrystal, Vector, apply, combine, cross, dot, reduced, unimodular
from tansaku.calculators.structures.perfect_crystal import Crystal
from tansaku.models.domain.pool import FloatArray, IntArray

_KEY_RESOLUTION = 1e-5
_NEXT_SURFACE = 1 << 60

FACING_FRACTION = 0.6
"""Atoms that face each other across the boundary closer than this fraction of the neighbour distance count as overlapping."""


def joined(first: FloatArray, second: FloatArray) -> npt.NDArray[np.int64]:
    """Two numbers, rounded, as one integer."""
    return np.asarray(np.rint(first).astype(np.int64) * (1 << 32) + np.rint(second).astype(np.int64))


@dataclass(frozen=True)
class PlaneStack(ABC):
    """Lattice planes of a crystal, seen along a boundary normal.

    Axes: x in the plane and perpendicular to the tilt axis, y the tilt axis, z the normal. In-plane coordinates, which are
    integers for the planar lattice, times ``x_unit`` and ``y_unit`` are in Å. Plane k holds the planar lattice shifted by k
    times ``step``.

    Attributes:
        x_period: Smallest lattice vector along x, integer units.
        y_period: Smallest lattice vector along y, integer units.
        planar: Planar lattice vector (x, y) that together with (0, y_period) spans the planar lattice.
        step: In-plane shift (x, y) from one plane to the next, in the same units.
        plane_spacing: Distance of neighbouring planes [Å].
        x_unit: [Å]
        y_unit: [Å]
    """

    crystal: Crystal
    x_period: float
    y_period: float
    planar: tuple[float, float]
    step: tuple[float, float]
    plane_spacing: float
    x_unit: float
    y_unit: float

    @property
    def sites_per_plane(self) -> int:
        """Lattice points of one plane in the rectangle x_period by y_period."""
        return int(self.x_period // self.planar[0])

    @property
    def atoms_per_plane(self) -> int:
        """Atoms of one plane in the rectangle."""
        return self.sites_per_plane * self.crystal.atoms_per_point

    @property
    def lengths(self) -> tuple[float, float]:
        """Edges of the rectangle x_period by y_period [Å]."""
        return self.x_period * self.x_unit, self.y_period * self.y_unit

    @property
    def area(self) -> float:
        """Area of the rectangle [Å^2]."""
        x, y = self.lengths
        return x * y

    @property
    def irreducible_lengths(self) -> tuple[float, float]:
        """Edges of the smallest rectangle whose points are all different translations [Å]: planar[0] by y_period."""
        return self.planar[0] * self.x_unit, self.lengths[1]

    @property
    def shear(self) -> float:
        """Component along x of the cell's other edge [Å]: 0 in a rectangle."""
        return 0.0

    @property
    def grain_spacings(self) -> tuple[float, float]:
        """Distance of neighbouring planes in both grains [Å]."""
        return self.plane_spacing, self.plane_spacing

    @property
    def grain_atoms(self) -> tuple[int, int]:
        """Atoms of a plane of both grains in the cell."""
        return self.atoms_per_plane, self.atoms_per_plane

    def both(self, removed: int, counts: tuple[int, int]) -> tuple[FloatArray, FloatArray]:
        """Atoms of the planes next to the boundary in the lower and the upper grain, from the boundary on [Å].

        Args:
            removed: Planes removed at the boundary.
            counts: Planes of both grains.
        """
        below, above = self.motifs(removed)
        first, second = (np.arange(count) for count in counts)
        lower = self.atoms(self.first_plane(removed) - first, -1 - first, below, mirrored=False)
        return lower, self.atoms(-second, second, above, mirrored=True)

    def turns(self, offsets: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Offsets [Å], shape ``(..., 2)``, in parts of the two periods of :attr:`irreducible_lengths`."""
        width, depth = self.irreducible_lengths
        across = offsets[..., 0] / width
        return across, (offsets[..., 1] - across * self.planar[1] * self.y_unit) / depth

    def lattice_keys(self, offsets: FloatArray) -> npt.NDArray[np.int64]:
        """One integer per class of offsets [Å], shape ``(..., 2)``, modulo the translations that change nothing."""
        width, depth = self.irreducible_lengths
        tolerance = _KEY_RESOLUTION / 10.0
        cells = np.floor((offsets[..., 0] + tolerance) / width)
        x = offsets[..., 0] - cells * width
        y = (offsets[..., 1] - cells * self.planar[1] * self.y_unit + tolerance) % depth - tolerance
        return joined(x / _KEY_RESOLUTION, y / _KEY_RESOLUTION)

    def plane_shift(self, planes: int) -> tuple[float, float]:
        """Shift of the planar lattice after a number of planes [Å]."""
        return planes * self.step[0] * self.x_unit, planes * self.step[1] * self.y_unit

    @property
    @abstractmethod
    def period(self) -> int | None:
        """Planes after which the stacking repeats without shift; None: it never does."""

    @abstractmethod
    def grid_divisors(self, *, general: bool = False) -> tuple[int, int]:
        """Returns two integers: a grid whose numbers of steps along x and y are their multiples contains its points' images.

        Args:
            general: The grid also contains all symmetric positions, so that one half a step away contains none.
        """

    @property
    @abstractmethod
    def standard_removals(self) -> tuple[int, ...]:
        """Numbers of removed planes of the standard surfaces."""

    @property
    def half_planes(self) -> tuple[int, ...]:
        """Numbers of removed planes that are no translation."""
        return (0,)

    @property
    def endings(self) -> tuple[int, ...]:
        """The half planes with which both grains keep their number of atoms."""
        return (0, 2) if 2 in self.half_planes else (0,)

    @property
    @abstractmethod
    def thickest_motif(self) -> float:
        """Largest distance of the atoms of a lattice point above or below its plane [Å]."""

    @abstractmethod
    def motifs(self, removed: int) -> tuple[FloatArray, FloatArray]:
        """Atoms of a lattice point in both grains, before the second is mirrored [Å], each of shape ``(n_motif, 3)``.

        Args:
            removed: Planes removed at the boundary.
        """

    @abstractmethod
    def first_plane(self, removed: int) -> int:
        """Number of the highest plane of grain 0 below a boundary with removed planes. Grain 1 begins with plane 0."""

    @abstractmethod
    def sites(self, numbers: IntArray) -> FloatArray:
        """In-plane positions [Å] of the lattice points of some planes in the rectangle, shape ``(n, sites_per_plane, 2)``."""

    @abstractmethod
    def offset_operations(self, removed: int) -> FloatArray:
        """In-plane matrices under which offsets of the two planes that meet are equivalent, shape ``(n, 2, 2)``."""

    def meeting_offset(self, removed: int) -> FloatArray:
        """Offset of the first atoms of the two planes that meet in the unmoved boundary [Å], shape ``(2,)``."""
        below, above = self.motifs(removed)
        offset: FloatArray = np.array(self.plane_shift(-self.first_plane(removed))) + (above[0] - below[0])[:2]
        return offset

    def atoms(self, numbers: IntArray, levels: IntArray, motif: FloatArray, *, mirrored: bool) -> FloatArray:
        """Atoms of some planes of the stack, plane after plane [Å], shape ``(n_atoms, 3)``.

        Args:
            levels: Heights that they are put at, in plane spacings.
            motif: Atoms of a lattice point [Å], shape ``(n_motif, 3)``.
            mirrored: Whether each plane is its mirror image.
        """
        motif = motif * np.array([1.0, 1.0, -1.0 if mirrored else 1.0])
        sites = self.sites(numbers)
        heights = np.broadcast_to((levels * self.plane_spacing)[:, None, None], (*sites.shape[:2], 1))
        lattice = np.concatenate((sites, heights), axis=-1).reshape(-1, 1, 3)
        return np.asarray(lattice + motif, dtype=np.float64).reshape(-1, 3)


@dataclass(frozen=True)
class Stacking(PlaneStack):
    """Lattice planes of a cubic crystal: in-plane coordinates are scalar products of half-edge lattice vectors.

    Attributes:
        directions: Integer directions of x, y and z, in the crystal's own indices.
        repeat: Planes after which the stacking repeats without shift.
    """

    crystal: CubicCrystal
    directions: tuple[Vector, Vector, Vector]
    x_period: int
    y_period: int
    planar: tuple[int, int]
    step: tuple[int, int]
    repeat: int

    @property
    def period(self) -> int:
        """Planes after which the stacking repeats without shift."""
        return self.repeat

    def grid_divisors(self, *, general: bool = False) -> tuple[int, int]:
        """Returns the divisors as the base class describes.

        Where planes that meet are offset by zero or half a period along an axis, the boundary is symmetric. Twice the shift
        from plane to plane is a whole number of steps; for general positions that shift itself is, and so is half a period.
        """
        half = 1 if general else 2
        across = self.planar[0] // math.gcd(self.planar[0], half * self.step[0])
        along = self.y_period // math.gcd(self.y_period, half * self.step[1], self.planar[1])
        return (math.lcm(2, across), math.lcm(2, along)) if general else (across, along)

    @property
    def standard_removals(self) -> tuple[int, ...]:
        """Numbers of removed planes of the standard surfaces.

        In the mirror boundary the atoms of the k-th planes face each other at 2k plane spacings. As many planes are removed as
        have atoms facing each other closer than 0.6 neighbour distances, and, as the second surface, one more; where none is
        that close the mirror boundary itself is the only surface.
        """
        close = math.floor(FACING_FRACTION * self.crystal.neighbour_distance / (2.0 * self.plane_spacing))
        return (close, close + 1) if close else (0,)

    @cached_property
    def motif(self) -> FloatArray:
        """Atoms of a lattice point in x, y, z [Å], shape ``(n_motif, 3)``."""
        edge = self.crystal.lattice_parameter / 8.0
        return np.array(
            [[edge * dot(axis, atom) / math.sqrt(dot(axis, axis)) for axis in self.directions] for atom in self.crystal.motif]
        )

    @property
    def thickest_motif(self) -> float:
        """Largest distance of the atoms of a lattice point above or below its plane [Å]."""
        return float(np.abs(self.motif[:, 2]).max())

    def motifs(self, _removed: int) -> tuple[FloatArray, FloatArray]:
        """The same in both grains, however many planes are removed."""
        return self.motif, self.motif

    def first_plane(self, removed: int) -> int:
        """Number of the highest plane of grain 0."""
        return -1 - removed

    @cached_property
    def site_table(self) -> FloatArray:
        """In-plane positions [Å] of the lattice points in the rectangle, shape ``(repeat, sites_per_plane, 2)``.

        Row k holds the sites of every plane whose number is k modulo ``repeat``.
        """
        planes = np.arange(self.repeat)[:, None]
        shifts = np.arange(self.sites_per_plane)[None, :]
        x = (planes * self.step[0] + shifts * self.planar[0]) % self.x_period
        y = (planes * self.step[1] + shifts * self.planar[1]) % self.y_period
        order = np.argsort(x * self.y_period + y, axis=1)
        sites = np.stack((x * self.x_unit, y * self.y_unit), axis=-1)
        return np.asarray(np.take_along_axis(sites, order[..., None], axis=1), dtype=np.float64)

    def sites(self, numbers: IntArray) -> FloatArray:
        """In-plane positions of the lattice points of some planes [Å]."""
        return np.asarray(self.site_table[numbers % self.repeat])

    @cached_property
    def point_operations(self) -> FloatArray:
        """In-plane matrices of the crystal's operations that keep a lattice point and the normal, shape ``(n, 2, 2)``."""
        x_axis, y_axis, normal = self.directions
        matrices = []
        for g in self.crystal.site_symmetry:
            if apply(g, normal) == normal:
                matrices.append(
                    [
                        [dot(a, apply(g, b)) / math.sqrt(dot(a, a) * dot(b, b)) for b in (x_axis, y_axis)]
                        for a in (x_axis, y_axis)
                    ]
                )
        return np.array(matrices)

    def offset_operations(self, _removed: int) -> FloatArray:
        """The point operations, and their products with a sign change: the mirror in the boundary plane swaps the grains."""
        return np.concatenate((self.point_operations, -self.point_operations))


def stacking_of(crystal: CubicCrystal, boundary: TiltBoundary) -> Stacking:
    """Derives the stack of planes of a boundary in integers."""
    normal, axis = boundary.plane, boundary.axis
    across = reduced(cross(axis, normal))
    a, b, c = crystal.primitive
    height, coefficients = unimodular((dot(normal, a), dot(normal, b), dot(normal, c)))
    first, second, up = (combine(row, crystal.primitive) for row in coefficients)
    x1, y1, x2, y2 = dot(across, first), dot(axis, first), dot(across, second), dot(axis, second)
    determinant = abs(x1 * y2 - x2 * y1)
    x_period = determinant // math.gcd(y1, y2)
    y_period = determinant // math.gcd(x1, x2)
    planar = planar_vector((x1, y1), (x2, y2), y_period)
    step = (dot(across, up), dot(axis, up))
    edge = crystal.lattice_parameter / 2.0
    return Stacking(
        crystal=crystal,
        directions=(across, axis, normal),
        x_period=x_period,
        y_period=y_period,
        planar=planar,
        step=(step[0] % x_period, step[1] % y_period),
        repeat=_repeat(step, planar, y_period),
        plane_spacing=height * edge / math.sqrt(dot(normal, normal)),
        x_unit=edge / math.sqrt(dot(across, across)),
        y_unit=edge / math.sqrt(dot(axis, axis)),
    )


def planar_vector(first: tuple[int, int], second: tuple[int, int], y_period: int) -> tuple[int, int]:
    """The vector that spans a planar lattice together with (0, y_period), from two that span it."""
    (x1, y1), (x2, y2) = first, second
    while x2:
        factor = x1 // x2
        x1, y1, x2, y2 = x2, y2, x1 - factor * x2, y1 - factor * y2
    return (x1, y1 % y_period) if x1 > 0 else (-x1, -y1 % y_period)


def _repeat(step: tuple[int, int], planar: tuple[int, int], y_period: int) -> int:
    planes = 1
    while True:
        cells, rest = divmod(planes * step[0], planar[0])
        if rest == 0 and (planes * step[1] - cells * planar[1]) % y_period == 0:
            return planes
        planes += 1


def translation_keys(stack: PlaneStack, removed: int, shifts: FloatArray) -> npt.NDArray[np.int64]:
    """One integer per class of equivalent in-plane translations, comparable between surfaces of one boundary.

    The structure of a boundary is fixed by its opening and by the offset between the two planes that meet there,
    ``(removed + 1) step + shift`` modulo the planar lattice. Offsets are equivalent under the crystal's operations that
    keep the normal, and under their product with a sign change: the mirror in the boundary plane swaps the grains and
    so inverts the offset.

    Args:
        stack: Lattice planes parallel to the boundary.
        removed: Lattice planes removed at the boundary.
        shifts: Translations (x, y) [Å], shape ``(n, 2)``.

    Returns:
        Keys, shape ``(n,)``.
    """
    offsets = shifts + stack.meeting_offset(removed)
    images = np.einsum("gij,nj->gni", stack.offset_operations(removed), offsets)
    keys = np.asarray(stack.lattice_keys(images).min(axis=0), dtype=np.int64)
    # Where removed planes are no translation, surfaces have nothing in common.
    return keys if stack.first_plane(removed) == -1 - removed else keys + removed * _NEXT_SURFACE
