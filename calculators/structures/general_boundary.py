"""Boundaries of a cubic crystal in any plane: two planes meet, and a direction in one is parallel to a direction in the other.

A boundary given by axis, Σ and plane is brought into this form by pymatgen's coincidence matrices. The common period of the two
planar lattices is found in rational numbers where it exists; elsewhere the upper grain is strained to a period close to one.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

import numpy as np

from tansaku.calculators.structures.coincidence import plane_name
from tansaku.calculators.structures.crystal import (
    CubicCrystal,
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
from tansaku.models.domain.pool import FloatArray, IntArray
from tansaku.models.domain.specs.grain_boundary import GeneralBoundarySpec

_KEY = "space.boundaries"

_EXACT = 1e-8
"""A smaller strain is rounding."""

_SMALLEST_ANGLE = 1e-4
"""Grains that are turned by less are one crystal [degrees]: the cosine of an angle leaves its error of rounding."""

_NEAR_SIGMA = 30
"""Up to which Σ the coincidence lattices of an axis are named in messages."""

_LARGEST_BY_ANGLE = 99
"""Largest Σ that an angle may mean."""

_SAME_ANGLE = 0.1
"""Angles that differ by less are the same [degrees]."""

LONGEST_PERIOD = 60.0
"""Periods of strained pairs of planes are looked for up to here [Å]."""

Rows = tuple[tuple[Fraction, Fraction], tuple[Fraction, Fraction]]
"""Two vectors of a planar lattice."""


@dataclass(frozen=True)
class GeneralBoundary:
    """Two planes that meet, each with a direction in it; the directions are parallel.

    Attributes:
        planes: Normals of the lower and the upper grain's plane in the grain's own axes, both along z.
        directions: Directions in these planes.
        axis: Axis of the rotation; empty if the boundary was given by two planes.
        angle: About that axis; of two planes, the smallest angle of a rotation between the grains [degrees].
        sigma: None: the grains have no coincidence lattice.
        max_strain: Largest strain of the upper grain.
    """

    planes: tuple[tuple[int, ...], tuple[int, ...]]
    directions: tuple[tuple[int, ...], tuple[int, ...]]
    axis: tuple[int, ...]
    angle: float
    sigma: int | None
    max_strain: float = 0.0

    @property
    def plane(self) -> tuple[int, ...]:
        """The plane of the lower grain."""
        return self.planes[0]

    @property
    def folded_angle(self) -> float:
        """90 - abs(90 - angle) [degrees]."""
        return 90.0 - abs(90.0 - self.angle)

    @property
    def name(self) -> str:
        """``s005-001-001-t3687``: Σ, both planes, and the angle in hundredths of a degree.

        The planes and the smallest angle leave several ways to turn two planes against each other; a pair of planes has the
        letter d and its angle in the plane.
        """
        begin = "pair" if self.sigma is None else f"s{self.sigma:03d}"
        end = f"t{round(100 * self.angle):04d}" if self.axis else f"d{round(100 * self.turn) % 36_000:05d}"
        return f"{begin}-{plane_name(self.planes[0])}-{plane_name(self.planes[1])}-{end}"

    @property
    def turn(self) -> float:
        """Angle from a lattice vector in the lower plane to one in the upper, each the first that the plane's indices give."""
        angles = []
        for plane, frame in zip(self.planes, self.frames, strict=True):
            along, across, _ = frame @ np.array(unimodular(_vector(plane, _KEY))[1][0])
            angles.append(math.degrees(math.atan2(across, along)))
        return (angles[1] - angles[0]) % 360.0

    @property
    def kind(self) -> str | None:
        """Kind of the boundary by its plane and axis: ``twist``, ``tilt`` or ``mixed``; None without an axis."""
        return None if not self.axis else kind_of(_vector(self.axis, _KEY), _vector(self.plane, _KEY))

    @property
    def cubic_planes(self) -> tuple[Vector, Vector]:
        """Normals of the planes of a cubic crystal."""
        return _vector(self.planes[0], _KEY), _vector(self.planes[1], _KEY)

    @property
    def cubic_directions(self) -> tuple[Vector, Vector]:
        """Directions in the planes of a cubic crystal."""
        return _vector(self.directions[0], _KEY), _vector(self.directions[1], _KEY)

    @cached_property
    def frames(self) -> FloatArray:
        """Unit vectors along the direction, across it and along the normal in each grain's axes, shape ``(2, 3, 3)``."""
        pairs = zip(self.cubic_planes, self.cubic_directions, strict=True)
        rows = np.array([(d, cross(n, d), n) for n, d in pairs], dtype=np.float64)
        return np.asarray(rows / np.linalg.norm(rows, axis=2, keepdims=True))


def kind_of(axis: Vector, plane: Vector) -> str:
    """Returns ``twist``, ``tilt`` or ``mixed``."""
    if not any(cross(axis, plane)):
        return "twist"
    return "mixed" if dot(axis, plane) else "tilt"


_NORMALS = {"twist": "parallel", "tilt": "perpendicular", "mixed": "neither parallel nor perpendicular"}


def check_kind(shown: str, spec: GeneralBoundarySpec, kind: str) -> None:
    """Raises ConfigurationError if a boundary is of another kind than its spec expects.

    Args:
        shown: The boundary, for messages.
        kind: Its kind.
    """
    if spec.kind not in (None, kind):
        raise ConfigurationError(
            f"{shown}: plane {list(spec.plane or ())} makes a {kind} boundary; a {spec.kind} boundary needs a normal "
            f"{_NORMALS[spec.kind]} to the axis"
        )


def general_boundary(spec: GeneralBoundarySpec, key: str = f"{_KEY}.general") -> GeneralBoundary:
    """The boundary of a spec.

    Args:
        key: Key of the spec, for messages.

    Raises:
        ConfigurationError: The axis has no coincidence lattice of this Σ or angle, the plane is not in the zone of its kind, a
            direction does not lie in its plane, or both grains are one crystal.
    """
    if spec.planes is None or spec.directions is None:
        return _coincidence_boundary(spec, key)
    planes, directions = (tuple(reduced(_vector(item, key)) for item in pair) for pair in (spec.planes, spec.directions))
    for plane, direction in zip(planes, directions, strict=True):
        if dot(plane, direction):
            raise ConfigurationError(
                f"{key}: direction {list(direction)} does not lie in the plane {list(plane)}; expected h·u + k·v + l·w = 0"
            )
    pair = GeneralBoundary((planes[0], planes[1]), (directions[0], directions[1]), (), 0.0, None, spec.max_strain)
    lower, upper = pair.frames
    turn = lower.T @ upper
    traces = [float(np.trace(turn @ np.array(g))) for g in cubic_operations() if round(np.linalg.det(np.array(g))) == 1]
    return GeneralBoundary(pair.planes, pair.directions, (), smallest_angle(traces, key), _sigma(pair), spec.max_strain)


def smallest_angle(traces: Sequence[float], key: str) -> float:
    """The smallest angle of the equal rotations between two grains [degrees].

    Args:
        traces: Of their matrices.
        key: Of the boundary, for messages.

    Raises:
        ConfigurationError: It is zero: the grains are one crystal.
    """
    angle = math.degrees(math.acos(min(1.0, (max(traces) - 1.0) / 2.0)))
    if angle < _SMALLEST_ANGLE:
        raise ConfigurationError(
            f"{key}: both grains have the same orientation; expected planes and directions with a boundary between them"
        )
    return angle


def _sigma(pair: GeneralBoundary) -> int | None:
    """Smallest number that makes the rotation between the grains an integer matrix; None if it is not rational."""
    (d0, d1), (n0, n1) = pair.cubic_directions, pair.cubic_planes
    along, normal = _root(Fraction(1, dot(d0, d0) * dot(d1, d1))), _root(Fraction(1, dot(n0, n0) * dot(n1, n1)))
    if along is None or normal is None:
        return None
    m0, m1 = cross(n0, d0), cross(n1, d1)
    parts = ((d0, d1, along), (m0, m1, along * normal), (n0, n1, normal))
    return math.lcm(*(sum(a[i] * b[j] * w for a, b, w in parts).denominator for i in range(3) for j in range(3)))


def _coincidence_boundary(spec: GeneralBoundarySpec, key: str) -> GeneralBoundary:
    from pymatgen.core.interface import GrainBoundaryGenerator

    axis, plane = reduced(_vector(spec.axis or (), key)), reduced(_vector(spec.plane or (), key))
    known = GrainBoundaryGenerator.enum_sigma_cubic(largest_sigma(spec), axis)
    shown = f"{key}: axis {list(axis)}"
    sigma, angle = coincidence(shown, known, spec)
    shown = f"{shown}, sigma {sigma}"
    check_kind(shown, spec, kind_of(axis, plane))
    lower, upper = GrainBoundaryGenerator.get_trans_mat(axis, angle, trans_cry=np.eye(3), lat_type="c", quick_gen=True)
    _, (direction, _, _) = unimodular(plane)
    planes, directions = (
        (vector, _turned(_integers(lower), _integers(upper), vector)) for vector in (plane, reduced(direction))
    )
    return GeneralBoundary(planes, directions, axis, angle, sigma)


def largest_sigma(spec: GeneralBoundarySpec) -> int:
    """Up to which Σ coincidence lattices of a boundary's axis are listed."""
    return _LARGEST_BY_ANGLE if spec.sigma is None else max(spec.sigma, _NEAR_SIGMA)


def coincidence(shown: str, known: Mapping[int, Sequence[float]], spec: GeneralBoundarySpec) -> tuple[int, float]:
    """Σ and angle [degrees] of the coincidence lattice that is meant.

    Args:
        known: Those of the axis: angles by Σ.
        spec: Gives Σ, the angle or both.

    Raises:
        ConfigurationError: There is none, or none within 0.1 degrees.
    """
    sigma, wanted = spec.sigma, spec.angle
    if sigma is not None and sigma not in known:
        listed = sorted(known, key=lambda number: (abs(number - sigma), number))[:6]
        near = ", ".join(map(str, listed)) or f"above {_NEAR_SIGMA}"
        raise ConfigurationError(f"{shown}, sigma {sigma}: no coincidence lattice; the nearest Σ of this axis are {near}")
    found = sorted((number, float(angle)) for number in ([sigma] if sigma is not None else known) for angle in known[number])
    if wanted is None:
        return found[0]
    close = [(number, angle) for number, angle in found if abs(angle - wanted) <= _SAME_ANGLE]
    if not close:
        # Rounding must not order angles at the same distance, as 21.79 and 38.21 degrees are from 30.
        nearest = sorted(found, key=lambda pair: (round(abs(pair[1] - wanted), 6), pair))[:6]
        near = ", ".join(f"{angle:.2f} (Σ{number})" for number, angle in nearest)
        raise ConfigurationError(f"{shown}, angle {wanted:g}: no coincidence lattice; the nearest are {near or 'none'}")
    return min(close, key=lambda pair: (pair[0], abs(pair[1] - wanted)))


def _integers(rows: Sequence[Sequence[float]]) -> Rotation:
    a, b, c = ((round(x), round(y), round(z)) for x, y, z in rows)
    return a, b, c


def _turned(lower: Rotation, upper: Rotation, vector: Vector) -> Vector:
    """A direction of the lower grain in the upper grain's axes; row i of both matrices is one lattice vector."""
    a, b, c = upper
    products = apply(lower, vector)
    image = combine(products, (cross(b, c), cross(c, a), cross(a, b)))
    sign = 1 if dot(a, cross(b, c)) > 0 else -1
    return reduced((sign * image[0], sign * image[1], sign * image[2]))


def _vector(given: Sequence[int], key: str) -> Vector:
    if not any(given):
        raise ConfigurationError(f"{key}: {list(given)} is not a direction; expected three integers that are not all zero")
    return given[0], given[1], given[2]


def _root(square: Fraction) -> Fraction | None:
    """Square root of a rational number; None if it is irrational."""
    parts = math.isqrt(square.numerator), math.isqrt(square.denominator)
    return Fraction(*parts) if (parts[0] ** 2, parts[1] ** 2) == (square.numerator, square.denominator) else None


@dataclass(frozen=True, eq=False)
class PlanarLattice:
    """Lattice planes of one grain, by two vectors that span the planar lattice, and one that leads to the next plane.

    Attributes:
        coordinates: Of these vectors along the direction and across it, integers; None: c/a makes them irrational.
        positions: The same [Å], shape ``(3, 2)``.
    """

    coordinates: tuple[tuple[int, int], ...] | None
    positions: FloatArray
    spacing: float


def planar_lattice(crystal: CubicCrystal, plane: Vector, direction: Vector) -> PlanarLattice:
    """Derives the lattice planes parallel to a plane in integers."""
    a, b, c = crystal.primitive
    height, coefficients = unimodular((dot(plane, a), dot(plane, b), dot(plane, c)))
    first, second, up = (combine(row, crystal.primitive) for row in coefficients)
    across, edge = cross(plane, direction), crystal.lattice_parameter / 2.0
    coordinates = tuple((dot(v, direction), dot(v, across)) for v in (first, second, up))
    units = (edge / math.sqrt(dot(direction, direction)), edge / math.sqrt(dot(across, across)))
    return PlanarLattice(coordinates, np.array(coordinates) * np.array(units), height * edge / math.sqrt(dot(plane, plane)))


def common_period(boundary: GeneralBoundary, lower: PlanarLattice, upper: PlanarLattice) -> tuple[IntArray, IntArray, float]:
    """Two shortest vectors that both planar lattices have.

    Returns:
        The vectors in the basis of the lower and of the upper planar lattice, rows, each of shape ``(2, 2)``; and the strain of
        the upper grain, 0 where the lattices coincide.

    Raises:
        ConfigurationError: There is no common period within the strain that is allowed.
    """
    if lower.coordinates is None or upper.coordinates is None:
        return _strained_period(boundary, lower, upper)
    (n0, n1), (d0, d1) = boundary.cubic_planes, boundary.cubic_directions
    along = _root(Fraction(dot(d0, d0), dot(d1, d1)))
    across = _root(Fraction(dot(n0, n0) * dot(d0, d0), dot(n1, n1) * dot(d1, d1)))
    if along is None or across is None:
        return _strained_period(boundary, lower, upper)
    scaled = tuple((x * along, y * across) for x, y in upper.coordinates[:2])
    map_up = _times(scaled, _inverse(_rational(lower.coordinates[:2])))
    # The dual of the intersection is the sum of the duals.
    dual = _transposed(_inverse(map_up))
    own = shortest_basis(lower.positions[:2], _whole(_transposed(_inverse(spanned(((1, 0), (0, 1), *dual))))))
    return own, _whole(_times(_rational(own.tolist()), _inverse(map_up))), 0.0


def _strained_period(boundary: GeneralBoundary, lower: PlanarLattice, upper: PlanarLattice) -> tuple[IntArray, IntArray, float]:
    allowed = boundary.max_strain + _EXACT
    found = _strained_pair(lower, upper, allowed, allowed)
    if found is None or found[2] > allowed:
        nearest = _strained_pair(lower, upper, 0.02, allowed) or (None, None, 1.0)
        shown = f"{nearest[2]:.4f}" if nearest[2] < 0.02 else "above 0.02"
        raise ConfigurationError(
            f"{_KEY}: planes {[list(n) for n in boundary.planes]} have no common period up to {LONGEST_PERIOD:g} Å within "
            f"max_strain {boundary.max_strain:g}; the smallest strain found is {shown}"
        )
    own, into, strain = found
    return own, into, strain if strain > _EXACT else 0.0


def _strained_pair(
    lower: PlanarLattice, upper: PlanarLattice, near: float, allowed: float
) -> tuple[IntArray, IntArray, float] | None:
    """Two vectors that both planar lattices nearly have: with the smallest area whose strain is allowed, else the least strain.

    Args:
        near: Vectors that differ by more than this share of their length are not compared.
    """
    basis, other = lower.positions[:2], upper.positions[:2]
    most = math.ceil(LONGEST_PERIOD * float(np.linalg.norm(np.linalg.inv(basis), axis=0).max()))
    numbers = np.array(list(itertools.product(range(-most, most + 1), repeat=2)))
    vectors = numbers @ basis
    lengths = np.linalg.norm(vectors, axis=1)
    images = np.rint(vectors @ np.linalg.inv(other)).astype(np.intp)
    off = np.linalg.norm(images @ other - vectors, axis=1)
    close = np.flatnonzero((lengths > 1e-9) & (lengths <= LONGEST_PERIOD) & (off <= near * lengths))
    close = close[np.argsort(lengths[close].round(6), kind="stable")][:200]
    first, second = np.triu_indices(len(close), k=1)
    pairs = close[np.stack((first, second), axis=1)]
    areas = np.abs(np.linalg.det(vectors[pairs]))
    kept = (areas > 1e-6) & (np.abs(np.linalg.det(images[pairs])) > 0.5)
    pairs, areas = pairs[kept], areas[kept]
    if not len(pairs):
        return None
    stretches = np.linalg.svd(np.linalg.solve(images[pairs] @ other, vectors[pairs]), compute_uv=False)
    strains = np.abs(stretches - 1.0).max(axis=1)
    fitting = np.flatnonzero(strains <= allowed)
    chosen = fitting[np.argmin(areas[fitting].round(6))] if len(fitting) else int(strains.argmin())
    found = numbers[pairs[chosen]]
    own = shortest_basis(basis, found)
    into = np.rint(own @ np.linalg.inv(found) @ images[pairs[chosen]]).astype(np.intp)
    return own, into, float(strains[chosen])


def spanned(vectors: Iterable[Sequence[Fraction | int]]) -> Rows:
    """Basis ((a, b), (0, c)) of the lattice that rational vectors span, by Euclid's algorithm."""
    first, last = (Fraction(0), Fraction(0)), Fraction(0)
    for vector in vectors:
        x, y = Fraction(vector[0]), Fraction(vector[1])
        while x:
            factor = first[0] // x
            first, (x, y) = (x, y), (first[0] - factor * x, first[1] - factor * y)
        while y:
            last, y = y, last % y
    first = first if first[0] > 0 else (-first[0], -first[1])
    return (first[0], first[1] % abs(last)), (Fraction(0), abs(last))


def lattice_points(vectors: IntArray) -> FloatArray:
    """Points of a planar lattice in one period, in parts of the period, shape ``(n, 2)``.

    Args:
        vectors: Of the period in the lattice's basis, rows, integers, shape ``(2, 2)``.
    """
    (a, _), (_, c) = spanned(vectors.tolist())
    numbers = np.array(list(itertools.product(range(int(a)), range(int(c)))))
    return np.asarray(numbers @ np.linalg.inv(vectors))


def common_translations(periods: Iterable[IntArray]) -> FloatArray:
    """Two vectors that span what two planar lattices span together, in parts of their common period, shape ``(2, 2)``.

    These are the translations of one grain that change nothing; the first lies along the first vector of the period.

    Args:
        periods: The common period in the basis of each lattice, rows, integers, shape ``(2, 2)``.
    """
    rows = []
    for period in periods:
        (a, b), (c, d) = ((int(x), int(y)) for x, y in period)
        det = a * d - b * c
        rows += [(Fraction(-b, det), Fraction(d, det)), (Fraction(a, det), Fraction(-c, det))]
    (second, part), (_, first) = spanned(rows)
    return np.array([[float(first), 0.0], [float(part), float(second)]])


def shortest_basis(metric: FloatArray, rows: IntArray | None = None) -> IntArray:
    """Shortest right-handed basis of a planar lattice, the shorter vector first (Gauss's reduction).

    Args:
        metric: Two vectors that span a planar lattice [Å], shape ``(2, 2)``.
        rows: Two combinations of them that span the lattice that is meant, integers, shape ``(2, 2)``; None: they do.
    """
    first, second = np.eye(2, dtype=np.intp) if rows is None else rows
    while True:
        lengths = [float(((v @ metric) ** 2).sum()) for v in (first, second)]
        if lengths[1] < lengths[0] - 1e-9:
            first, second = second, first
            lengths.reverse()
        factor = round(float((first @ metric) @ (second @ metric)) / lengths[0] - 1e-9)
        if factor == 0:
            break
        second = second - factor * first
    placed = np.array([first, second])
    return placed if np.linalg.det(placed @ metric) > 0 else np.array([first, -second])


def _rational(rows: Sequence[Sequence[int]]) -> Rows:
    (a, b), (c, d) = rows
    return (Fraction(a), Fraction(b)), (Fraction(c), Fraction(d))


def _whole(rows: Rows) -> IntArray:
    if any(x.denominator != 1 for row in rows for x in row):
        raise AssertionError("a common period is a vector of both lattices")
    return np.array([[int(x) for x in row] for row in rows], dtype=np.intp)


def _inverse(rows: Rows) -> Rows:
    (a, b), (c, d) = rows
    det = a * d - b * c
    return (d / det, -b / det), (-c / det, a / det)


def _transposed(rows: Rows) -> Rows:
    (a, b), (c, d) = rows
    return (a, c), (b, d)


def _times(first: Sequence[Sequence[Fraction]], second: Rows) -> Rows:
    (a, b), (c, d) = second
    (p, q), (r, s) = first
    return (p * a + q * c, p * b + q * d), (r * a + s * c, r * b + s * d)
