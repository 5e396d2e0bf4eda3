"""The crystal as a stack of lattice planes parallel to a boundary."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from tansaku.calculators.structures.coincidence import TiltBoundary
from tansaku.calculators.structures.crystal import CubicCrystal, Vector, apply, combine, cross, dot, reduced, unimodular
from tansaku.models.domain.pool import FloatArray, IntArray


@dataclass(frozen=True)
class Stacking:
    """Lattice planes of a crystal, seen along a boundary normal.

    Axes: x in the plane and perpendicular to the tilt axis, y the tilt axis, z the normal. In-plane integer coordinates are
    scalar products of half-edge lattice vectors with the integer directions; ``x_unit`` and ``y_unit`` turn them into Å.
    Plane k holds the planar lattice shifted by k times ``step``.

    Attributes:
        directions: Integer directions of x, y and z.
        x_period: Smallest lattice vector along x, integer units.
        y_period: Smallest lattice vector along y, integer units.
        planar: Planar lattice vector (x, y) that together with (0, y_period) spans the planar lattice.
        step: In-plane shift (x, y) from one plane to the next.
        repeat: Planes after which the stacking repeats without shift.
        plane_spacing: Distance of neighbouring planes [Å].
        x_unit: [Å]
        y_unit: [Å]
    """

    crystal: CubicCrystal
    directions: tuple[Vector, Vector, Vector]
    x_period: int
    y_period: int
    planar: tuple[int, int]
    step: tuple[int, int]
    repeat: int
    plane_spacing: float
    x_unit: float
    y_unit: float

    @property
    def sites_per_plane(self) -> int:
        """Lattice points of one plane in the rectangle x_period by y_period."""
        return self.x_period // self.planar[0]

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

    @cached_property
    def motif(self) -> FloatArray:
        """Atoms of a lattice point in x, y, z [Å], shape ``(n_motif, 3)``."""
        edge = self.crystal.lattice_parameter / 8.0
        return np.array(
            [[edge * dot(axis, atom) / math.sqrt(dot(axis, axis)) for axis in self.directions] for atom in self.crystal.motif]
        )

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

    def plane_shift(self, planes: int) -> tuple[float, float]:
        """Shift of the planar lattice after a number of planes [Å]."""
        return planes * self.step[0] * self.x_unit, planes * self.step[1] * self.y_unit

    def atoms(self, numbers: IntArray, levels: IntArray, *, mirrored: bool) -> FloatArray:
        """Atoms of some planes of the stack, plane after plane [Å], shape ``(n_atoms, 3)``.

        Args:
            numbers: Of the planes.
            levels: Heights that they are put at, in plane spacings.
            mirrored: Whether each plane is its mirror image.
        """
        motif = self.motif * np.array([1.0, 1.0, -1.0 if mirrored else 1.0])
        sites = self.site_table[numbers % self.repeat]
        heights = np.broadcast_to((levels * self.plane_spacing)[:, None, None], (*sites.shape[:2], 1))
        lattice = np.concatenate((sites, heights), axis=-1).reshape(-1, 1, 3)
        return np.asarray(lattice + motif, dtype=np.float64).reshape(-1, 3)

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
    planar = _planar_vector((x1, y1), (x2, y2), y_period)
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


def _planar_vector(first: tuple[int, int], second: tuple[int, int], y_period: int) -> tuple[int, int]:
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
