"""Symmetric tilt boundaries of cubic crystals, exactly: planes of a zone, Σ and misorientation from integers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

from tansaku.calculators.structures.crystal import (
    Rotation,
    Vector,
    apply,
    combine,
    cross,
    cubic_operations,
    dot,
    reduced,
    unimodular,
)
from tansaku.models.domain.errors import ConfigurationError

_MIRRORS: tuple[Vector, ...] = tuple(
    sorted(
        {apply(g, m) for g in cubic_operations() for m in ((1, 0, 0), (1, 1, 0))}, key=lambda m: (dot(m, m), [-x for x in m])
    )
)
_Plane = TypeVar("_Plane", bound=tuple[int, ...])


@dataclass(frozen=True)
class TiltAxis:
    """A tilt axis in the standard orientation of all boundaries of its family.

    Zeros come last, and the last non-zero component is negative, so that the planes of the zone have few minus signs:
    [1 -1 0] with planes (h h l), [1 1 -1], [1 1 -2]; the cube axis is [0 0 1] with planes (h k 0).

    Attributes:
        given: The axis as the user wrote it.
        direction: The axis in the standard orientation.
        reference: Normal of the crystal mirror plane from which misorientations count, perpendicular to the axis.
    """

    given: Vector
    direction: Vector
    reference: Vector

    @cached_property
    def operations(self) -> tuple[Rotation, ...]:
        """Operations of the cube that keep the axis, up to its sign."""
        opposite = tuple(-x for x in self.direction)
        return tuple(g for g in cubic_operations() if apply(g, self.direction) in (self.direction, opposite))

    @cached_property
    def period(self) -> float:
        """The next misorientation above 0 at which both grains are one crystal [degrees], such as 180 for [1 -1 0]."""
        return 360.0 if self._next_mirror is None else misorientation(self, self._next_mirror)

    @cached_property
    def symmetric(self) -> bool:
        """Whether an angle and the period minus that angle are the same boundary: both mirror planes are of one kind."""
        mirror = self._next_mirror
        return mirror is None or dot(mirror, mirror) == dot(self.reference, self.reference)

    @cached_property
    def _next_mirror(self) -> Vector | None:
        """The mirror plane of the zone that is nearest to the reference, which is another one."""
        others = [m for m in _MIRRORS if dot(m, self.direction) == 0 and any(cross(m, self.reference))]
        return min(others, key=lambda m: misorientation(self, m), default=None)


@dataclass(frozen=True)
class TiltBoundary:
    """A symmetric tilt boundary: the second grain is the mirror image of the first in the boundary plane.

    Attributes:
        axis: Tilt axis in the standard orientation.
        plane: Boundary plane (h, k, l), coprime, perpendicular to the axis.
        sigma: Volume of the coincidence cell in primitive cells.
        angle: Misorientation about the axis [degrees], twice the angle between the plane and the reference plane.
    """

    axis: Vector
    plane: Vector
    sigma: int
    angle: float

    @property
    def folded_angle(self) -> float:
        """90 - abs(90 - angle) [degrees]."""
        return 90.0 - abs(90.0 - self.angle)

    @property
    def name(self) -> str:
        """``s011-113``: Σ with at least three digits, then the plane."""
        return f"s{self.sigma:03d}-{plane_name(self.plane)}"


def plane_name(plane: Sequence[int]) -> str:
    """A plane in letters that are safe in file names: ``113``; ``7_7_10`` and ``m1_3_2`` where digits alone are ambiguous."""
    if all(0 <= x <= 9 for x in plane):
        return "".join(str(x) for x in plane)
    return "_".join(f"m{-x}" if x < 0 else str(x) for x in plane)


def tilt_axis(given: Sequence[int], key: str = "space.axis") -> TiltAxis:
    """Brings an axis into the standard orientation.

    Args:
        key: Key of the spec, for messages.

    Raises:
        ConfigurationError: The axis is zero, or no mirror plane of the cube contains it: a mirrored pair of grains is then
            not related by a rotation about the axis, so the axis has no symmetric tilt boundary.
    """
    axis = _vector(key, given)
    lengths = sorted(abs(x) for x in reduced(axis) if x)
    if len(lengths) == 1:
        direction: Vector = (0, 0, 1)
    else:
        lengths[-1] = -lengths[-1]
        padded = [*lengths, 0][:3]
        direction = (padded[0], padded[1], padded[2])
    mirrors = [m for m in _MIRRORS if dot(m, direction) == 0]
    if not mirrors:
        raise ConfigurationError(
            f"{key}: {list(given)} lies in no mirror plane of a cubic crystal: no symmetric tilt boundary has this axis",
            hint="expected an axis with a zero or with two components of equal size, such as [0, 0, 1], [1, 1, 0] or [1, 1, 2]",
        )
    smallest = dot(mirrors[0], mirrors[0])
    reference = min((m for m in mirrors if dot(m, m) == smallest), key=_preference)
    return TiltAxis(axis, direction, reference)


def coincidence_sigma(plane: Vector) -> int:
    """Σ of the mirror twin on a plane: h² + k² + l² of the coprime indices, halved where it is even.

    The same for the three cubic lattices (Grimmer, Bollmann and Warrington 1974, doi:10.1107/S056773947400043X).
    """
    square = dot(plane, plane)
    return square if square % 2 else square // 2


def boundary_on(axis: TiltAxis, plane: Sequence[int]) -> TiltBoundary:
    """The boundary on one plane of the axis's zone.

    A plane that is perpendicular to the axis as given is taken literally; otherwise as a family, as the literature writes
    "[110] (113)".

    Raises:
        ConfigurationError: No member of the family lies in the zone, more than one kind does, or the plane is a mirror
            plane of the crystal (no boundary).
    """
    normal = reduced(_vector("space.boundaries.planes", plane))
    if dot(normal, axis.given) == 0:
        turn = next(g for g in cubic_operations() if apply(g, reduced(axis.given)) == axis.direction)
        found = {_representative(axis, apply(turn, normal))}
    else:
        family = {apply(g, normal) for g in cubic_operations()}
        found = {_representative(axis, member) for member in family if dot(member, axis.direction) == 0}
    normal = only_plane(found, plane, axis.given, "(h, k, l) with h·u + k·v + l·w = 0")
    sigma = coincidence_sigma(normal)
    if sigma == 1:
        raise ConfigurationError(f"space.boundaries.planes: {list(plane)} is a mirror plane of the crystal: Σ 1 is no boundary")
    return TiltBoundary(axis.direction, normal, sigma, misorientation(axis, normal))


def only_plane(found: set[_Plane], plane: Sequence[int], axis: Sequence[int], expected: str) -> _Plane:
    """The plane of a family that is perpendicular to an axis.

    Args:
        found: The planes of the family that are, each kind once.
        plane: As the user wrote it.
        axis: As the user wrote it.
        expected: What a plane of the axis fulfils.

    Raises:
        ConfigurationError: There is none, or more than one kind.
    """
    if len(found) != 1:
        what = "no plane of this family is" if not found else f"{len(found)} different planes of this family are"
        raise ConfigurationError(
            f"space.boundaries.planes: {list(plane)}: {what} perpendicular to the axis {list(axis)}",
            hint=f"expected {expected}",
        )
    return next(iter(found))


def misorientation(axis: TiltAxis, plane: Vector) -> float:
    """Rotation about the axis that takes one grain into the other [degrees], from 0 up to 180.

    Two mirrors make a rotation: the one in the boundary plane and the crystal's own in the reference plane.
    """
    normal = cross(axis.reference, plane)
    return math.degrees(2.0 * math.atan2(math.sqrt(dot(normal, normal)), dot(axis.reference, plane)))


def boundaries_up_to(axis: TiltAxis, max_sigma: int) -> tuple[TiltBoundary, ...]:
    """All symmetric tilt boundaries of an axis with Σ up to a limit, each kind once, by rising angle."""
    planes = {_representative(axis, plane) for plane in _zone(axis.direction, 2 * max_sigma)}
    found = []
    for plane in planes:
        sigma = coincidence_sigma(plane)
        if 1 < sigma <= max_sigma:
            found.append(TiltBoundary(axis.direction, plane, sigma, misorientation(axis, plane)))
    return tuple(sorted(found, key=lambda boundary: (boundary.angle, boundary.sigma, boundary.plane)))


def _zone(axis: Vector, max_square: int) -> list[Vector]:
    _, (first, second, _) = unimodular(axis)
    # Gauss reduction makes the bound on the coefficients below tight.
    while True:
        if dot(first, first) > dot(second, second):
            first, second = second, first
        factor = round(dot(first, second) / dot(first, first))
        if factor == 0:
            break
        second = combine((1, -factor, 0), (second, first, (0, 0, 0)))
    planes = []
    # For a reduced basis |i·a + j·b|² is at least half of i²a² + j²b².
    most_i = math.isqrt(2 * max_square // dot(first, first)) + 1
    most_j = math.isqrt(2 * max_square // dot(second, second)) + 1
    for i in range(-most_i, most_i + 1):
        for j in range(-most_j, most_j + 1):
            plane = combine((i, j, 0), (first, second, (0, 0, 0)))
            if math.gcd(*plane) == 1 and dot(plane, plane) <= max_square:
                planes.append(plane)
    return planes


def _representative(axis: TiltAxis, plane: Vector) -> Vector:
    members = {apply(g, plane) for g in axis.operations}
    members |= {(-x, -y, -z) for x, y, z in members}
    return min(members, key=lambda member: (-dot(axis.reference, member), _preference(member)))


def _preference(vector: Vector) -> tuple[int, tuple[int, ...]]:
    return sum(x < 0 for x in vector), tuple(-x for x in vector)


def _vector(key: str, given: Sequence[int]) -> Vector:
    if len(given) != 3 or not any(given):
        raise ConfigurationError(f"{key}: {list(given)} is not a direction; expected three integers that are not all zero")
    return (int(given[0]), int(given[1]), int(given[2]))
