"""Feature groups of boundary densities: translations on a torus, the width of the cell and the fraction of a plane."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from tansaku.calculators.structures.environment import radial_difference
from tansaku.calculators.structures.stacking import PlaneStack
from tansaku.models.domain.pool import FeatureGroup, FloatArray, IntArray
from tansaku.models.features.radial import RadialGrid
from tansaku.spaces.boundary_density.arms import Arm
from tansaku.spaces.boundary_systems import BoundarySystem


def feature_groups(
    systems: Sequence[BoundarySystem], arms: Sequence[Arm], owners: IntArray, surfaces: IntArray, translations: IntArray
) -> list[FeatureGroup]:
    """Feature groups of the pool.

    Args:
        systems: The boundaries.
        arms: Cells and numbers of atoms.
        owners: System of each arm, shape ``(n_arms,)``.
        surfaces: Arm of each candidate, shape ``(n_candidates,)``.
        translations: Cell of translations of each candidate, counted over all systems, shape ``(n_candidates,)``.
    """
    radial = RadialGrid()
    # Rounded, so that boundaries at angles that fold onto each other share a row.
    angles = np.array([[round(system.boundary.folded_angle, 9)] for system in systems])
    repeats = np.array([[math.log2(number) for number in arm.cell.repeats] for arm in arms])
    return [
        FeatureGroup.compact(
            "translation",
            np.concatenate([on_torus(system.stacking, system.grid.shifts) for system in systems]),
            translations,
            ("cos in_plane [Å]", "sin in_plane [Å]", "cos along_axis [Å]", "sin along_axis [Å]"),
        ),
        FeatureGroup.compact("replication", repeats, surfaces, ("log2 across", "log2 along")),
        FeatureGroup.compact(
            "density", np.array([on_circle(arm.fraction) for arm in arms]), surfaces, ("cos fraction", "sin fraction")
        ),
        FeatureGroup.compact(
            "structure",
            np.array([radial_difference(system.stacking, 0, radial) for system in systems]),
            owners[surfaces],
            radial.columns,
        ),
        FeatureGroup.compact("angle", angles, owners[surfaces], ("folded_angle [deg]",)),
    ]


def on_torus(stack: PlaneStack, shifts: FloatArray) -> FloatArray:
    """Translations as points whose distances are those on the torus of the planar lattice, to first order [Å].

    Args:
        stack: Its lattice.
        shifts: In the plane, perpendicular to the tilt axis and along it [Å], shape ``(n, 2)``.

    Returns:
        Shape ``(n, 4)``.
    """
    width, depth = stack.irreducible_lengths
    across = shifts[:, 0] / width
    along = (shifts[:, 1] - across * stack.planar[1] * stack.y_unit) / depth
    columns = [
        length / (2.0 * math.pi) * wave(2.0 * math.pi * turns)
        for length, turns in ((width, across), (depth, along))
        for wave in (np.cos, np.sin)
    ]
    return np.asarray(np.round(np.column_stack(columns), 9) + 0.0, dtype=np.float64)


def on_circle(fraction: float) -> list[float]:
    """The fraction of a plane as a point on a circle of circumference 1: a full plane is none."""
    angle = 2.0 * math.pi * fraction
    return [round(wave(angle) / (2.0 * math.pi), 12) + 0.0 for wave in (math.cos, math.sin)]
