"""Hexagonal close-packed crystals, and their symmetric tilt boundaries about an axis in or normal to the basal plane.

A symmetric tilt boundary needs no coincidence lattice: the second grain is the mirror image of the first, so both have the same
lattice in the boundary plane. With an axis in the basal plane, or normal to it, that planar lattice has a rectangular cell for
every c/a, and the crystal has a mirror plane that contains the axis, so that the grains are related by a rotation about it.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Literal

import numpy as np

from tansaku.calculators.structures.coincidence import only_plane, plane_name
from tansaku.calculators.structures.crystal import Rotation, Vector, reduced
from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.pool import FloatArray

if TYPE_CHECKING:
    from ase import Atoms

Indices = tuple[int, int, int, int]
"""Miller-Bravais indices of a direction or of a plane."""

Operation = tuple[Vector, int, int]
"""Operation of the hexagonal lattice: order of the first three indices, their sign, and the sign of the last."""

_SAME = 1e-6
_BASIS = np.array([1.0 / 3.0, 2.0 / 3.0, 0.5])


@dataclass(frozen=True)
class HexagonalCrystal:
    """A hexagonal close-packed crystal, whose lattice points are put on the middle between two neighbouring atoms.

    Attributes:
        lattice_parameter: Edge of the hexagonal cell in the basal plane, a [Å].
        height: Its height, c [Å].
    """

    element: str
    lattice_parameter: float
    height: float

    @property
    def structure(self) -> Literal["hcp"]:
        """Kind of crystal."""
        return "hcp"

    @property
    def parameters(self) -> tuple[float, float]:
        """The numbers that make the crystal, a and c [Å]."""
        return self.lattice_parameter, self.height

    @property
    def atoms_per_point(self) -> int:
        """Atoms of a lattice point."""
        return 2

    @property
    def neighbour_distance(self) -> float:
        """Shortest distance of two atoms [Å]."""
        a, c = self.parameters
        return min(a, math.sqrt(a * a / 3.0 + c * c / 4.0))

    @property
    def atoms_per_volume(self) -> float:
        """[1/Å^3]."""
        return 4.0 / (math.sqrt(3.0) * self.lattice_parameter**2 * self.height)

    @cached_property
    def basis(self) -> FloatArray:
        """Lattice vectors a1, a2 and c as rows, in units of a, shape ``(3, 3)``."""
        return np.array([[1.0, 0.0, 0.0], [-0.5, math.sqrt(0.75), 0.0], [0.0, 0.0, self.height / self.lattice_parameter]])

    @property
    def edges(self) -> FloatArray:
        """Edges of the conventional cell, which is primitive."""
        return self.basis

    @property
    def lattice(self) -> tuple[Rotation, int]:
        """Primitive lattice vectors by their components along the conventional cell's edges, and what these are divided by."""
        return ((1, 0, 0), (0, 1, 0), (0, 0, 1)), 1

    @property
    def point_group(self) -> tuple[FloatArray, ...]:
        """Operations that take the crystal's directions to equivalent ones, in the axes of :attr:`basis`."""
        return turns_about_c()

    @property
    def site_symmetry(self) -> tuple[FloatArray, ...]:
        """Operations of the crystal that keep a lattice point in place, in the axes of :attr:`basis`."""
        half, inverse = self.atoms[1], np.linalg.inv(self.basis)
        apart = ((g, [(g @ half - sign * half) @ inverse for sign in (1.0, -1.0)]) for g in turns_about_c())
        return tuple(g for g, both in apart if min(np.abs(vector - np.rint(vector)).max() for vector in both) < _SAME)

    @property
    def atoms(self) -> FloatArray:
        """Atoms of a lattice point, in units of a, shape ``(2, 3)``."""
        half = 0.5 * _BASIS @ self.basis
        return np.array([-half, half])

    def components(self, indices: Sequence[int]) -> Vector:
        """A direction [u v t w] by its components along a1, a2 and c."""
        return three(indices)

    def direction(self, indices: Sequence[int]) -> FloatArray:
        """Direction [u v t w] in the axes of :attr:`basis` [Å]."""
        return np.asarray(self.lattice_parameter * (np.array(self.components(indices), dtype=np.float64) @ self.basis))

    def normal(self, indices: Sequence[int]) -> FloatArray:
        """Normal of the plane (h k i l) in the axes of :attr:`basis`, of length 1/spacing [1/Å]."""
        h, k, _, l = indices  # noqa: E741 - the indices' usual names
        return np.asarray(np.linalg.inv(self.basis) @ np.array([h, k, l], dtype=np.float64) / self.lattice_parameter)

    def unit_cell(self) -> Atoms:
        """The perfect crystal's rectangular cell of four atoms."""
        from ase import Atoms

        a, c = self.parameters
        places = [(0.0, 1 / 6, 0.25), (0.5, 4 / 6, 0.25), (0.0, 5 / 6, 0.75), (0.5, 2 / 6, 0.75)]
        return Atoms(f"{self.element}4", scaled_positions=places, cell=[a, math.sqrt(3.0) * a, c], pbc=True)


@dataclass(frozen=True)
class HexagonalBoundary:
    """A symmetric tilt boundary of a hexagonal crystal.

    Attributes:
        axis: Tilt axis [u v t w] in the standard orientation.
        plane: Boundary plane (h k i l), coprime, perpendicular to the axis.
        sigma: Volume of the coincidence cell in primitive cells, where it is the same for every c/a; None elsewhere.
        angle: Misorientation about the axis [degrees], twice the angle between the plane and the reference plane: the basal
            plane for an axis in it, (1 0 -1 0) for the axis [0 0 0 1].
    """

    axis: Indices
    plane: Indices
    sigma: int | None
    angle: float

    @property
    def folded_angle(self) -> float:
        """90 - abs(90 - angle) [degrees]."""
        return 90.0 - abs(90.0 - self.angle)

    @property
    def name(self) -> str:
        """``hcp-1_0_m1_2``: the plane."""
        return f"hcp-{plane_name(self.plane)}"


@lru_cache(maxsize=1)
def turns_about_c() -> tuple[FloatArray, ...]:
    """The 24 operations of 6/mmm as matrices; c is along z, a1 along x."""
    found = []
    for sixth, mirror, last in itertools.product(range(6), (1.0, -1.0), (1.0, -1.0)):
        x, y = math.cos(sixth * math.pi / 3.0), math.sin(sixth * math.pi / 3.0)
        found.append(np.array([[x, -y * mirror, 0.0], [y, x * mirror, 0.0], [0.0, 0.0, last]]))
    return tuple(found)


def three(indices: Sequence[int]) -> Vector:
    """A direction [u v t w] as the shortest lattice vector along it, by its components along a1, a2 and c."""
    u, v, t, w = indices
    return reduced((u - t, v - t, w))


def hexagonal_axis(given: Sequence[int]) -> Indices:
    """Brings an axis into the standard orientation: [0 0 0 1], [1 -2 1 0] with planes (h 0 -h l), [1 -1 0 0] with (h h -2h l).

    Raises:
        ConfigurationError: The axis is zero, or neither in the basal plane nor normal to it.
    """
    axis = _indices("space.axis", given)
    if axis[3] and any(axis[:3]):
        raise ConfigurationError(
            f"space.axis: {list(given)}; an axis that is neither in the basal plane nor normal to it has no rectangular cell "
            "for most c/a",
            hint="expected [0, 0, 0, 1], or a last index of 0, such as [1, -2, 1, 0] or [1, -1, 0, 0]",
        )
    return min((apply(g, axis) for g in operations()), key=_axis_preference)


def hexagonal_boundary(crystal: HexagonalCrystal, given: Sequence[int], plane: Sequence[int]) -> HexagonalBoundary:
    """The boundary on one plane of an axis's zone.

    A plane that is perpendicular to the axis as given is taken literally; otherwise as a family.

    Args:
        crystal: Its c/a sets the angle.
        given: The axis as the user wrote it.
        plane: (h k i l).

    Raises:
        ConfigurationError: No member of the family lies in the zone, more than one kind does, or the plane is a mirror plane
            of the crystal (no boundary).
    """
    direction = hexagonal_axis(given)
    written, normal = _indices("space.axis", given), _indices("space.boundaries.planes", plane)
    if _dot(normal, written) == 0:
        turns = [g for g in operations() if apply(g, written) == direction]
        found = {_representative(direction, apply(turns[0], normal))}
    else:
        family = {apply(g, normal) for g in operations()}
        found = {_representative(direction, member) for member in family if _dot(member, direction) == 0}
    normal = only_plane(found, plane, given, "(h, k, i, l) with h·u + k·v + i·t + l·w = 0")
    h, k, _, l = normal  # noqa: E741 - the indices' usual names
    basal = direction[3] == 0
    square = h * h + h * k + k * k
    if (basal and not (square and l)) or (square in (1, 3) and not basal):
        raise ConfigurationError(
            f"space.boundaries.planes: {list(plane)} is "
            + ("parallel or normal to the basal plane" if basal else "a mirror plane of the crystal")
            + f": no boundary of the axis {list(given)}",
            hint="planes normal to the basal plane belong to the axis [0, 0, 0, 1]" if basal and square else None,
        )
    sigma = None if basal else square // 3 if square % 3 == 0 else square
    unit, reference = crystal.normal(normal), crystal.normal((0, 0, 0, 1) if basal else (1, 0, -1, 0))
    sine = float(np.linalg.norm(np.cross(unit, reference)))
    return HexagonalBoundary(direction, normal, sigma, math.degrees(2.0 * math.atan2(sine, float(unit @ reference))))


@lru_cache(maxsize=1)
def operations() -> tuple[Operation, ...]:
    """The 24 operations of 6/mmm."""
    orders = [(0, 1, 2), (1, 2, 0), (2, 0, 1), (1, 0, 2), (0, 2, 1), (2, 1, 0)]
    return tuple((order, sign, last) for order in orders for sign in (1, -1) for last in (1, -1))


def apply(operation: Operation, indices: Indices) -> Indices:
    """Image of a direction or plane."""
    (i, j, k), sign, last = operation
    return sign * indices[i], sign * indices[j], sign * indices[k], last * indices[3]


def _representative(direction: Indices, plane: Indices) -> Indices:
    """The equivalent plane that is nearest to the reference plane, with the fewest minus signs."""
    opposite = tuple(-x for x in direction)
    members = {apply(g, plane) for g in operations() if apply(g, direction) in (direction, opposite)}
    members |= {(-first, -second, -third, -last) for first, second, third, last in members}
    if direction[3] == 0:
        return min(members, key=lambda member: (member[3] < 0, _preference(member)))
    # (1 0 -1 0) · (h k i 0) is in proportion to 2 h + k.
    return min(members, key=lambda member: (-(2 * member[0] + member[1]), _preference(member)))


def _preference(indices: Indices) -> tuple[int, tuple[int, ...]]:
    return sum(x < 0 for x in indices), tuple(-x for x in indices)


def _axis_preference(indices: Indices) -> tuple[int, int, tuple[int, ...]]:
    return sum(x < 0 for x in indices), indices[1], tuple(-x for x in indices)


def _dot(first: Indices, second: Indices) -> int:
    return sum(x * y for x, y in zip(first, second, strict=True))


def _indices(key: str, given: Sequence[int]) -> Indices:
    if len(given) != 4 or not any(given) or given[0] + given[1] + given[2]:
        raise ConfigurationError(
            f"{key}: {list(given)} are no Miller-Bravais indices; expected four integers of which the first three add up to 0"
        )
    divisor = math.gcd(*given)
    first, second, third, last = (int(x) // divisor for x in given)
    return first, second, third, last
