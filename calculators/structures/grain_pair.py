"""Planes of a crystal of any elements that meet in a boundary, over their common period.

A boundary is symmetric (the upper grain is the lower one turned by 180 degrees about the normal), or two planes meet, each with
a direction in it, which are parallel. Where both planar lattices have no common period, both grains are strained to one that
they nearly have, each by half of the misfit.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from tansaku.calculators.structures.compound_crystal import CompoundCrystal, LatticePlanes
from tansaku.calculators.structures.crystal import Vector, dot, reduced, unimodular
from tansaku.calculators.structures.general_boundary import (
    GeneralBoundary,
    PlanarLattice,
    common_period,
    common_translations,
    general_boundary,
    shortest_basis,
    smallest_angle,
)
from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.pool import FloatArray
from tansaku.models.domain.specs.grain_boundary import GeneralBoundarySpec

ROUNDED = 1e-5
"""Misfit that a coincidence lattice may have by the digits of its crystal's file."""

RIGID = 1e-4
"""Misfit below which grains count as not strained: their strain changes energies of boundaries by less than 0.1 mJ/m^2."""

_CUBE = 24
"""Rotations of a cube."""


@dataclass(frozen=True)
class CrystalBoundary(GeneralBoundary):
    """Two planes of a crystal that meet, with planes and directions by the cell of its file."""

    crystal: CompoundCrystal | None = None

    @property
    def own(self) -> CompoundCrystal:
        """The crystal."""
        if self.crystal is None:
            raise AssertionError("the boundary of a crystal knows it")
        return self.crystal

    @cached_property
    def frames(self) -> FloatArray:
        """Unit vectors along the direction, across it and along the normal in each grain's axes, shape ``(2, 3, 3)``."""
        edges, rows = self.own.edges @ self.own.cell, []
        for plane, direction in zip(self.planes, self.directions, strict=True):
            along, normal = np.array(direction) @ edges, np.linalg.inv(edges) @ np.array(plane)
            rows.append((along, np.cross(normal, along), normal))
        found = np.array(rows)
        return np.asarray(found / np.linalg.norm(found, axis=2, keepdims=True))

    @property
    def turn(self) -> float:
        """Angle from a lattice vector in the lower plane to one in the upper, each the first that the plane's indices give."""
        edges, angles = self.own.edges @ self.own.cell, []
        for plane, frame in zip(self.planes, self.frames, strict=True):
            along, across, _ = frame @ (np.array(unimodular(_three(plane))[1][0]) @ edges)
            angles.append(math.degrees(math.atan2(across, along)))
        return (angles[1] - angles[0]) % 360.0


def crystal_boundary(crystal: CompoundCrystal, spec: GeneralBoundarySpec, key: str) -> CrystalBoundary:
    """The boundary of a spec.

    Args:
        key: Key of the spec, for messages.

    Raises:
        ConfigurationError: The axis has no coincidence lattice of this Σ or angle, the crystal has none about it, the plane is
            not in the zone of its kind, a direction does not lie in its plane, or both grains are one crystal.
    """
    if spec.planes is None or spec.directions is None:
        axis = _three(spec.axis or (0, 0, 0))
        if not (crystal.cubic or (crystal.square and not any(axis[:2]))):
            raise ConfigurationError(
                f"{key}.axis: {list(axis)}; coincidence lattices are known of crystals whose file has a cube as its cell, "
                "and about [0, 0, 1] where that stands on a square: expected planes and directions"
            )
        found = general_boundary(spec, key)
        return CrystalBoundary(found.planes, found.directions, found.axis, found.angle, found.sigma, ROUNDED, crystal)
    planes, directions = (tuple(_indices(item, key) for item in pair) for pair in (spec.planes, spec.directions))
    for plane, direction in zip(planes, directions, strict=True):
        if dot(plane, direction):
            raise ConfigurationError(
                f"{key}: direction {list(direction)} does not lie in the plane {list(plane)}; expected h·u + k·v + l·w = 0"
            )
    pair = CrystalBoundary(
        (planes[0], planes[1]), (directions[0], directions[1]), (), 0.0, None, max(spec.max_strain, ROUNDED), crystal
    )
    lower, upper = pair.frames
    turned = lower.T @ upper
    angle = smallest_angle([float(np.trace(turned @ rotation)) for rotation in crystal.rotations], key)
    # A crystal in a cubic cell may have less than the cube's rotations, and then grains that a cube would not tell apart.
    known = crystal.cubic and len(crystal.rotations) == _CUBE
    return replace(pair, angle=angle, sigma=general_boundary(spec, key).sigma if known else None)


def _three(indices: Sequence[int]) -> Vector:
    return indices[0], indices[1], indices[2]


def _indices(given: Sequence[int], key: str) -> Vector:
    if not any(given):
        raise ConfigurationError(f"{key}: {list(given)} is not a direction; expected three integers that are not all zero")
    return reduced(_three(given))


@dataclass(frozen=True, eq=False)
class PlanePair:
    """Planes of two grains over their common period.

    Attributes:
        lower: Of the lower grain.
        upper: Of the upper one; its planar cell is the lower one's, up to the misfit.
        parts: Two vectors that span the shifts of one grain that change nothing, in parts of the period, shape ``(2, 2)``.
        allowed: Largest misfit.
        strained: Whether the grains have another energy than the crystal.
    """

    lower: LatticePlanes
    upper: LatticePlanes
    parts: FloatArray = field(default_factory=lambda: np.eye(2))
    allowed: float = ROUNDED
    strained: bool = False

    @property
    def misfit(self) -> float:
        """Largest stretch of the upper grain's planar cell to the lower one's, less one."""
        lower, upper = (planes.vectors[:2, :2] for planes in (self.lower, self.upper))
        if np.array_equal(lower, upper):
            return 0.0
        return float(np.abs(np.linalg.svd(np.linalg.solve(upper, lower), compute_uv=False) - 1.0).max())

    def of(self, lower: CompoundCrystal, upper: CompoundCrystal | None = None) -> PlanePair:
        """The same planes of the crystal in another state.

        Args:
            upper: Of the upper grain; None: that of the lower.
        """
        return replace(self, lower=self.lower.of(lower), upper=self.upper.of(upper or lower))

    def fitted(self) -> PlanePair:
        """Both grains strained in the plane to the mean of their planar cells, each by half of the misfit."""
        lower, upper = (planes.vectors[:2, :2] for planes in (self.lower, self.upper))
        if np.array_equal(lower, upper):
            return self
        mean = 0.5 * (lower + upper)
        return replace(self, lower=_strained(self.lower, mean), upper=_strained(self.upper, mean))


def _strained(planes: LatticePlanes, cell: FloatArray) -> LatticePlanes:
    """Planes of the crystal strained to a planar cell [Å], shape ``(2, 2)``."""
    stretch = np.eye(3)
    stretch[:2, :2] = np.linalg.solve(planes.vectors[:2, :2], cell)
    crystal = planes.crystal
    atoms = crystal.atoms()
    atoms.set_cell(crystal.cell @ planes.frame.T @ stretch @ planes.frame, scale_atoms=True)
    return planes.of(crystal.moved(atoms))


def symmetric_pair(planes: LatticePlanes) -> PlanePair:
    """The pair of which the upper grain is the lower one turned by 180 degrees about the normal.

    In a crystal with a centre of inversion that is its mirror image.
    """
    return PlanePair(planes, planes.over(-planes.period))


def general_pair(boundary: CrystalBoundary) -> PlanePair:
    """The planes of a boundary over the smallest common period.

    Raises:
        ConfigurationError: There is no common period within the strain that is allowed.
    """
    lower, upper = (boundary.own.planes(_three(plane)) for plane in boundary.planes)
    lattices = []
    for planes, frame in zip((lower, upper), boundary.frames, strict=True):
        placed = planes.basis @ boundary.own.cell @ frame.T
        lattices.append(PlanarLattice(None, placed[:, :2], float(placed[2, 2])))
    own, into, _ = common_period(boundary, lattices[0], lattices[1])
    parts = common_translations((own, into))
    cell = own @ lattices[0].positions[:2]
    parts = shortest_basis(parts @ cell) @ parts
    pair = PlanePair(lower.over(own), upper.over(into), parts, boundary.max_strain)
    return replace(pair, strained=pair.misfit > RIGID)
