"""The hexagonal close-packed crystal as a stack of lattice planes parallel to a boundary, and the choice of stacks by crystal.

The shift from one plane to the next is no fraction of the planar lattice for most c/a, so that the stacking never repeats. Each
lattice plane has two planes of atoms. A grain can therefore end in two ways: at the one or at the other gap between planes of
atoms. What ends at the other gap is the same crystal with other pairs of atoms for its lattice points.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from tansaku.calculators.structures.coincidence import TiltBoundary
from tansaku.calculators.structures.crystal import CubicCrystal, Vector, combine, dot, reduced, unimodular
from tansaku.calculators.structures.general_boundary import GeneralBoundary
from tansaku.calculators.structures.general_stacking import general_stacking
from tansaku.calculators.structures.hexagonal import HexagonalBoundary, HexagonalCrystal, Operation, apply, operations, three
from tansaku.calculators.structures.perfect_crystal import Crystal
from tansaku.calculators.structures.stacking import PlaneStack, planar_vector, stacking_of
from tansaku.models.domain.pool import FloatArray, IntArray
from tansaku.models.domain.specs.grain_boundary import MOST_HALF_PLANES


@dataclass(frozen=True)
class HexagonalStacking(PlaneStack):
    """Lattice planes of a hexagonal crystal. ``removed`` counts planes of atoms, which are half lattice planes.

    0: both grains end at the wider gap between planes of atoms. 1: the upper grain has one plane of atoms fewer. 2: both grains
    have one fewer. Removing three planes equals removing one and a translation.

    Attributes:
        frame: Unit vectors of x, y and z in the crystal's axes, as rows.
    """

    crystal: HexagonalCrystal
    x_period: int
    y_period: int
    planar: tuple[int, int]
    boundary: HexagonalBoundary
    frame: tuple[tuple[float, ...], ...]

    @property
    def period(self) -> None:
        """The stacking never repeats."""

    def grid_divisors(self, *, general: bool = False) -> tuple[int, int]:
        """Returns the divisors as the base class describes; across the axis it is 1: no grid there contains all images.

        Raises:
            ValueError: For general positions, which no grid across the axis has.
        """
        if general:
            raise ValueError("no grid over the period of a hexagonal crystal avoids its symmetric positions")
        return 1, self.y_period // math.gcd(self.y_period, 2 * round(self.step[1]), self.planar[1])

    @property
    def half_planes(self) -> tuple[int, ...]:
        """Numbers of removed half planes that are no translation: only 0 if both atoms of a lattice point have one height."""
        return tuple(range(MOST_HALF_PLANES + 1)) if len(self._pairs) > 1 else (0,)

    @property
    def standard_removals(self) -> tuple[int, ...]:
        """Numbers of removed planes of the standard surfaces: all that give different boundaries."""
        return self.half_planes

    @property
    def thickest_motif(self) -> float:
        """Largest distance of the atoms of a lattice point above or below its plane [Å]."""
        return max(float(np.abs(pair[:, 2]).max()) for pair in self._pairs)

    def motifs(self, removed: int) -> tuple[FloatArray, FloatArray]:
        """Pairs of atoms of both grains, before the second is mirrored [Å]."""
        pairs = self._pairs
        return pairs[removed // 2 % len(pairs)], pairs[(removed + 1) // 2 % len(pairs)]

    def first_plane(self, _removed: int) -> int:
        """Number of the highest lattice plane of grain 0: the lattice points move with the pairs of atoms."""
        return -1

    def sites(self, numbers: IntArray) -> FloatArray:
        """In-plane positions of the lattice points of some planes [Å]."""
        planes, shifts = np.asarray(numbers)[:, None], np.arange(self.sites_per_plane)[None, :]
        x = (planes * self.step[0] + shifts * self.planar[0]) % self.x_period
        y = (planes * self.step[1] + shifts * self.planar[1]) % self.y_period
        return np.stack((x * self.x_unit, y * self.y_unit), axis=-1)

    def offset_operations(self, removed: int) -> FloatArray:
        """Returns the operations of both grains; with a sign change too where both end alike, so that a mirror swaps them."""
        first, second = (
            self._operations[removed // 2 % len(self._pairs)],
            self._operations[(removed + 1) // 2 % len(self._pairs)],
        )
        frame, basis = np.array(self.frame), self.crystal.basis
        found = []
        for g in first & second:
            images = np.array([_turned(g, row) for row in np.eye(3, dtype=int)]) @ basis
            matrix = np.linalg.solve(basis, images).T  # of columns in the crystal's axes
            found.append((frame @ matrix @ frame.T)[:2, :2])
        found.sort(key=lambda matrix: matrix.round(9).tolist(), reverse=True)
        matrices = np.array(found)
        return matrices if removed % 2 else np.concatenate((matrices, -matrices))

    @cached_property
    def _sixths(self) -> tuple[int, ...]:
        """Height of a pair's second atom above its first in sixths of the plane spacing, for each way to pair atoms."""
        h, k, _, l = self.boundary.plane  # noqa: E741 - the indices' usual names
        height = (2 * h + 4 * k + 3 * l) % 6
        return tuple(sorted((height, height - 6), key=lambda sixths: (abs(sixths), -sixths))) if height else (0,)

    @cached_property
    def _pairs(self) -> tuple[FloatArray, ...]:
        """Atoms of a lattice point in x, y, z [Å], for each way to pair them, each of shape ``(2, 3)``."""
        frame = np.array(self.frame)
        _, (_, _, up) = unimodular(_plane(self.boundary))
        pairs = []
        for sixths in self._sixths:
            x, y, z = frame @ (self.crystal.lattice_parameter * (self._apart(sixths, up) / 6.0) @ self.crystal.basis)
            # The nearest one of the planar lattice.
            width, depth = self.irreducible_lengths
            cells = math.floor(x / width + 0.5 - 1e-9)
            x, y = x - cells * width, y - cells * self.planar[1] * self.y_unit
            y -= depth * math.floor(y / depth + 0.5 - 1e-9)
            pairs.append(0.5 * np.array([[-x, -y, -z], [x, y, z]]))
        return tuple(pairs)

    def _apart(self, sixths: int, up: Vector) -> IntArray:
        """Vector between the atoms of a pair, in sixths of the lattice vectors."""
        h, k, _, l = self.boundary.plane  # noqa: E741 - the indices' usual names
        planes = (sixths - (2 * h + 4 * k + 3 * l)) // 6
        return np.array([2, 4, 3], dtype=np.intp) + 6 * planes * np.array(up, dtype=np.intp)

    @cached_property
    def _operations(self) -> tuple[frozenset[Operation], ...]:
        """Operations that keep the normal and the crystal around the middle of a pair, for each kind of pair."""
        _, (_, _, up) = unimodular(_plane(self.boundary))
        kept = []
        for sixths in self._sixths:
            apart = self._apart(sixths, up)
            kept.append(
                frozenset(
                    g
                    for g in operations()
                    if apply(g, self.boundary.plane) == self.boundary.plane
                    and any(not ((_turned(g, apart) - sign * apart) % 6).any() for sign in ((1, -1) if sixths == 0 else (1,)))
                )
            )
        return tuple(kept)


def hexagonal_stacking(crystal: HexagonalCrystal, boundary: HexagonalBoundary) -> HexagonalStacking:
    """Derives the stack of planes of a boundary; the planar lattice in integers."""
    plane, axis = _plane(boundary), three(boundary.axis)
    _, (first, second, up) = unimodular(plane)
    across = _across(plane, axis)
    # What is perpendicular to the axis in the basal plane measures x, the axis itself measures y.
    gauge = across if axis[2] else (2 * axis[1] - axis[0], axis[1] - 2 * axis[0], 0)
    y = crystal.direction(boundary.axis)
    z = crystal.normal(boundary.plane)
    frame = np.array([np.cross(y, z), y, z])
    frame /= np.linalg.norm(frame, axis=1)[:, None]

    def length(vector: Vector, direction: FloatArray) -> float:
        return float(crystal.lattice_parameter * (np.array(vector) @ crystal.basis) @ direction)

    x_unit = length(across, frame[0]) / _product(across, gauge)
    if x_unit < 0:
        x_unit, gauge = -x_unit, (-gauge[0], -gauge[1], -gauge[2])
    y_unit = length(axis, frame[1]) / (1 if axis[2] else _product(axis, axis))

    def place(vector: Vector) -> tuple[int, int]:
        return _product(vector, gauge), vector[2] * axis[2] if axis[2] else _product(vector, axis)

    (x1, y1), (x2, y2) = place(first), place(second)
    determinant = abs(x1 * y2 - x2 * y1)
    x_period, y_period = determinant // math.gcd(y1, y2), determinant // math.gcd(x1, x2)
    return HexagonalStacking(
        crystal=crystal,
        x_period=x_period,
        y_period=y_period,
        planar=planar_vector((x1, y1), (x2, y2), y_period),
        step=((length(up, frame[0]) / x_unit) % x_period, place(up)[1] % y_period),
        plane_spacing=length(up, frame[2]),
        x_unit=x_unit,
        y_unit=y_unit,
        boundary=boundary,
        frame=tuple(tuple(float(x) for x in row) for row in frame),
    )


def _across(plane: Vector, axis: Vector) -> Vector:
    """Shortest lattice vector in the plane and perpendicular to the axis."""
    if axis[2]:
        return reduced((plane[1], -plane[0], 0))
    perpendicular = (2 * axis[1] - axis[0], axis[1] - 2 * axis[0], 0)
    return reduced(combine((plane[2], -dot(plane, perpendicular), 0), (perpendicular, (0, 0, 1), (0, 0, 0))))


def _product(first: Vector, second: Vector) -> int:
    """Scalar product of the basal parts of two lattice vectors, in a²/2."""
    (p, q, _), (u, v, _) = first, second
    return 2 * p * u + 2 * q * v - p * v - q * u


def _plane(boundary: HexagonalBoundary) -> Vector:
    h, k, _, l = boundary.plane  # noqa: E741 - the indices' usual names
    return h, k, l


def _turned(operation: Operation, vector: IntArray) -> IntArray:
    """Image of a vector by its components along a1, a2 and c."""
    p, q, r = (int(x) for x in vector)
    first, second, third, last = apply(operation, (p, q, 0, r))
    return np.array([first - third, second - third, last])


Boundary = TiltBoundary | HexagonalBoundary | GeneralBoundary


def stack_of(crystal: Crystal, boundary: Boundary) -> PlaneStack:
    """Derives the stack of planes of a boundary of the crystal."""
    if isinstance(crystal, CubicCrystal) and isinstance(boundary, TiltBoundary):
        return stacking_of(crystal, boundary)
    if isinstance(crystal, HexagonalCrystal) and isinstance(boundary, HexagonalBoundary):
        return hexagonal_stacking(crystal, boundary)
    if isinstance(boundary, GeneralBoundary):
        return general_stacking(crystal, boundary)
    raise AssertionError("a boundary is one of its crystal's")
