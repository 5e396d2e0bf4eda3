"""Boundaries in any plane of crystals with a main axis: hexagonal, tetragonal and rhombohedral ones.

A coincidence lattice of a rotation about the main axis exists for every c/a. About other axes one needs a rational c²/a², which
a crystal has only nearly: planes and directions are those of the rational ratio, and the crystal is strained to the common
period that they would have there.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

import numpy as np

from tansaku.calculators.structures.crystal import Vector, dot, reduced, unimodular
from tansaku.calculators.structures.general_boundary import (
    GeneralBoundary,
    PlanarLattice,
    check_kind,
    coincidence,
    largest_sigma,
    smallest_angle,
)
from tansaku.calculators.structures.perfect_crystal import AxialCrystal
from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.pool import FloatArray
from tansaku.models.domain.specs.grain_boundary import GeneralBoundarySpec

_SAME = 1e-6
_FAR_RATIO = 0.1
"""Relative difference of two c/a, five times the largest strain that is allowed: a ratio this far off is a mistake."""


@dataclass(frozen=True)
class AxialBoundary(GeneralBoundary):
    """A boundary of a crystal with a main axis, with planes and directions in the conventional cell's indices."""

    crystal: AxialCrystal | None = None

    @property
    def own(self) -> AxialCrystal:
        """The crystal."""
        if self.crystal is None:
            raise AssertionError("the boundary of a crystal with a main axis knows it")
        return self.crystal

    @property
    def kind(self) -> str | None:
        """Kind of the boundary by its plane and axis: ``twist``, ``tilt`` or ``mixed``; None without an axis."""
        return _kind(self.own, self.axis, self.plane) if self.axis else None

    @property
    def turn(self) -> float:
        """Angle from a lattice vector in the lower plane to one in the upper, each the first that the plane's indices give."""
        angles = []
        for plane, frame in zip(self.planes, self.frames, strict=True):
            first = np.array(unimodular(_three(plane))[1][0]) @ self.own.edges
            along, across, _ = frame @ first
            angles.append(math.degrees(math.atan2(across, along)))
        return (angles[1] - angles[0]) % 360.0

    @cached_property
    def frames(self) -> FloatArray:
        """Unit vectors along the direction, across it and along the normal in each grain's axes, shape ``(2, 3, 3)``."""
        rows = []
        for plane, direction in zip(self.planes, self.directions, strict=True):
            along, normal = self.own.direction(direction), self.own.normal(plane)
            rows.append((along, np.cross(normal, along), normal))
        found = np.array(rows)
        return np.asarray(found / np.linalg.norm(found, axis=2, keepdims=True))


def axial_boundary(crystal: AxialCrystal, spec: GeneralBoundarySpec, key: str) -> AxialBoundary:
    """The boundary of a spec.

    Args:
        key: Key of the spec, for messages.

    Raises:
        ConfigurationError: The axis has no coincidence lattice of this Σ or angle, the plane is not in the zone of its kind, a
            direction does not lie in its plane, or both grains are one crystal.
    """
    if spec.planes is None or spec.directions is None:
        return _coincidence_boundary(crystal, spec, key)
    (p0, p1), (d0, d1) = ([_indices(item, key) for item in pair] for pair in (spec.planes, spec.directions))
    for plane, direction in ((p0, d0), (p1, d1)):
        if dot(_three(plane), crystal.components(direction)):
            expected = "h·u + k·v + i·t + l·w = 0" if len(plane) == len("hkil") else "h·u + k·v + l·w = 0"
            raise ConfigurationError(
                f"{key}: direction {list(direction)} does not lie in the plane {list(plane)}; expected {expected}"
            )
    pair = AxialBoundary((p0, p1), (d0, d1), (), 0.0, None, spec.max_strain, crystal)
    lower, upper = pair.frames
    turn = lower.T @ upper
    inverse = np.linalg.inv(crystal.basis)
    traces = [float(np.trace(turn @ g)) for g in crystal.point_group if np.linalg.det(g) > 0]
    angle = smallest_angle(traces, key)
    sigma = _sigma(crystal.basis @ turn @ inverse)
    return AxialBoundary(pair.planes, pair.directions, (), angle, sigma, spec.max_strain, crystal)


_LARGEST_SIGMA = 9999


def _sigma(numbers: FloatArray) -> int | None:
    """Smallest integer that makes a rotation and its inverse whole in the primitive lattice; None if there is none.

    Grimmer, Acta Cryst. A 32, 783 (1976).
    """
    parts = [_fraction(float(x)) for x in (*numbers.ravel(), *np.linalg.inv(numbers).ravel())]
    known = [part.denominator for part in parts if part is not None]
    sigma = math.lcm(*known)
    return sigma if len(known) == len(parts) and sigma <= _LARGEST_SIGMA else None


def _fraction(number: float) -> Fraction | None:
    found = Fraction(number).limit_denominator(_LARGEST_SIGMA)
    return found if abs(float(found) - number) < 1e-9 else None


def _check_ratio(crystal: AxialCrystal, ratio: tuple[int, int] | None, axis: Sequence[int], key: str) -> None:
    """Raises ConfigurationError if a ratio is missing, or far from the crystal's."""
    own = (crystal.height / crystal.lattice_parameter) ** 2
    near = Fraction(own).limit_denominator(12)
    such = f"such as [{near.numerator}, {near.denominator}]"
    if ratio is None:
        raise ConfigurationError(
            f"{key}.ratio: null; about {list(axis)} a coincidence lattice needs a rational c²/a², expected two whole numbers, "
            f"{such} and a max_strain"
        )
    if abs(math.sqrt(ratio[0] / ratio[1] / own) - 1.0) > _FAR_RATIO:
        raise ConfigurationError(f"{key}.ratio: {list(ratio)}; c²/a² of the crystal is {own:.4f}, expected one near it, {such}")


def _coincidence_boundary(crystal: AxialCrystal, spec: GeneralBoundarySpec, key: str) -> AxialBoundary:
    axis, plane = _indices(spec.axis or (), key), _indices(spec.plane or (), key)
    u, v, w = crystal.components(axis)
    ratio = spec.ratio if u or v else None
    if u or v:
        _check_ratio(crystal, ratio, axis, key)
    shown = f"{key}: axis {list(axis)}"
    sigma, angle = coincidence(shown, _known(crystal, (u, v, w), ratio, largest_sigma(spec)), spec)
    shown = f"{shown}, sigma {sigma}"
    check_kind(shown, spec, _kind(crystal, axis, plane))
    turned = _turned_by(_at_ratio(crystal, ratio), (u, v, w), angle)
    first = _written(unimodular(_three(plane))[1][0], len(plane))
    # The upper grain's own indices of what the lower one has there: a plane's are those of a row vector.
    upper_plane = _whole(np.asarray(np.array(_three(plane), dtype=np.float64) @ np.linalg.inv(turned)), shown)
    upper_first = _whole(turned @ np.array(crystal.components(first), dtype=np.float64), shown)
    planes, directions = (plane, _hkil(upper_plane, len(plane))), (first, _written(upper_first, len(plane)))
    return AxialBoundary(planes, directions, axis, angle, sigma, spec.max_strain, crystal)


def _known(crystal: AxialCrystal, axis: Vector, ratio: tuple[int, int] | None, most: int) -> dict[int, list[float]]:
    """Coincidence lattices of an axis up to a Σ: angles [degrees]."""
    from pymatgen.core.interface import GrainBoundaryGenerator

    if crystal.structure == "hcp":
        found = GrainBoundaryGenerator.enum_sigma_hex(most, axis, ratio)  # type: ignore[arg-type]
    elif crystal.structure == "rhombohedral":
        u, v, w = axis
        square = None if ratio is None else Fraction(*ratio)
        alpha = None if square is None else 6 * square / (2 * square - 3)
        own = None if alpha is None else (alpha.numerator, alpha.denominator)
        # Along the rhombohedral edges.
        found = GrainBoundaryGenerator.enum_sigma_rho(most, reduced((u + w, v + w - u, w - v)), own)  # type: ignore[arg-type]
    else:
        found = _centred(crystal, axis, ratio, GrainBoundaryGenerator.enum_sigma_tet(2 * most, axis, ratio))  # type: ignore[arg-type]
    return {number: sorted({float(angle) for angle in angles}) for number, angles in found.items()}


def _centred(
    crystal: AxialCrystal, axis: Vector, ratio: tuple[int, int] | None, known: Mapping[int, Sequence[float]]
) -> dict[int, list[float]]:
    """Coincidence lattices of the body-centred lattice: pymatgen gives Σ of the primitive tetragonal one."""
    vectors, parts = crystal.lattice
    own = np.array(vectors).T / parts
    edges = _at_ratio(crystal, ratio)
    found: dict[int, list[float]] = {}
    for angle in itertools.chain(*known.values()):
        sigma = _sigma(np.linalg.inv(own) @ _turned_by(edges, axis, angle) @ own)
        if sigma is not None and sigma > 1:
            found.setdefault(sigma, []).append(angle)
    return found


def _at_ratio(crystal: AxialCrystal, ratio: tuple[int, int] | None) -> FloatArray:
    """Edges of the conventional cell, with another c²/a² where one is given."""
    edges = crystal.edges.copy()
    if ratio is not None:
        edges[2] = [0.0, 0.0, math.sqrt(ratio[0] / ratio[1])]
    return edges


def _turned_by(edges: FloatArray, axis: Vector, angle: float) -> FloatArray:
    """Matrix that takes components along the lower grain's edges to those along the upper's, shape ``(3, 3)``."""
    from scipy.spatial.transform import Rotation

    along = np.array(axis, dtype=np.float64) @ edges
    turn = Rotation.from_rotvec(-math.radians(angle) * along / np.linalg.norm(along)).as_matrix()
    columns = edges.T
    return np.asarray(np.linalg.solve(columns, turn @ columns))


def _whole(vector: FloatArray, shown: str) -> Vector:
    """The shortest integer vector along a rational one."""
    scaled = vector / np.abs(vector).max()
    parts = [Fraction(float(x)).limit_denominator(_LARGEST_SIGMA) for x in scaled]
    if max(abs(float(part) - x) for part, x in zip(parts, scaled, strict=True)) > 1e-8:
        raise ConfigurationError(f"{shown}: the upper grain has no indices below {_LARGEST_SIGMA} there; expected a smaller Σ")
    times = math.lcm(*(part.denominator for part in parts))
    x, y, z = (int(part * times) for part in parts)
    return reduced((x, y, z))


def _kind(crystal: AxialCrystal, axis: Sequence[int], plane: Sequence[int]) -> str:
    if not dot(_three(plane), crystal.components(axis)):
        return "tilt"
    across = np.cross(crystal.direction(axis), crystal.normal(plane))
    return "twist" if np.abs(across).max() < _SAME else "mixed"


def _three(plane: Sequence[int]) -> Vector:
    return plane[0], plane[1], plane[-1]


def _hkil(plane: Vector, length: int) -> tuple[int, ...]:
    return (plane[0], plane[1], -plane[0] - plane[1], plane[2]) if length == len("hkil") else plane


def _written(components: Vector, length: int) -> tuple[int, ...]:
    """A direction by its components in the indices that the user writes."""
    if length == len("uvw"):
        return components
    u, v, w = components
    indices = (2 * u - v, 2 * v - u, -u - v, 3 * w)
    divisor = math.gcd(*indices)
    return tuple(index // divisor for index in indices)


def _indices(given: Sequence[int], key: str) -> tuple[int, ...]:
    if not any(given):
        raise ConfigurationError(f"{key}: {list(given)} is not a direction; expected integers that are not all zero")
    divisor = math.gcd(*given)
    return tuple(index // divisor for index in given)


def axial_planes(crystal: AxialCrystal, plane: Sequence[int], direction: Sequence[int]) -> PlanarLattice:
    """Derives the lattice planes parallel to a plane; their positions are no integers, because c/a is not."""
    vectors, parts = crystal.lattice
    own = _three(plane)
    a, b, c = vectors
    _, coefficients = unimodular((dot(own, a), dot(own, b), dot(own, c)))
    along, normal = crystal.direction(direction), crystal.normal(plane)
    frame = np.array([along, np.cross(normal, along), normal])
    frame /= np.linalg.norm(frame, axis=1)[:, None]
    rows = np.array(coefficients) @ np.array(vectors) / parts
    placed = crystal.lattice_parameter * rows @ crystal.edges @ frame.T
    if placed[2, 2] < 0:
        placed[2] *= -1
    return PlanarLattice(None, placed[:, :2], float(placed[2, 2]))
