"""Radial distribution near an unrelaxed boundary, computed from the stack of planes without building a cell."""

from __future__ import annotations

import math

import numpy as np

from tansaku.calculators.structures.stacking import Stacking
from tansaku.models.domain.pool import FloatArray, IntArray
from tansaku.models.features.radial import RadialGrid


def radial_difference(stack: Stacking, removed: int, grid: RadialGrid) -> FloatArray:
    """Radial distribution of a boundary's unrelaxed, untranslated cell minus the crystal's.

    Only pairs across the boundary differ from the crystal, so only they are counted. The result is that of a cell whose
    grains are ``grid.cutoff`` thick: it depends on the boundary, not on the spacing of a particular cell.

    Args:
        stack: Lattice planes parallel to the boundary.
        removed: Lattice planes removed at the boundary.
        grid: Bins.

    Returns:
        Difference of g(r), shape ``(grid.bins,)``.
    """
    heights, shifts, weights = _plane_pairs(stack, removed, grid.reach)
    planar = _planar_points(stack, grid.reach)
    number = 2.0 * stack.crystal.atoms_per_volume * stack.area * grid.cutoff / stack.sites_per_plane
    total = np.zeros(grid.bins)
    mirror = np.array([1.0, 1.0, -1.0])
    for above in stack.motif:
        for below in stack.motif:
            for sign, motif in ((1.0, below * mirror), (-1.0, below)):
                offset = motif - above
                in_plane = ((planar + offset[:2]) ** 2).sum(axis=-1)
                chosen = weights * sign > 0
                vertical = (offset[2] - heights[chosen] * stack.plane_spacing) ** 2
                distances = np.sqrt(in_plane[shifts[chosen]] + vertical[:, None])
                repeated = np.broadcast_to(weights[chosen][:, None], distances.shape)
                # Two boundaries per cell, and every pair counts from both of its atoms.
                total += 4.0 * grid.distribution(distances.ravel(), repeated.ravel(), number, stack.crystal.atoms_per_volume)
    return total


def _plane_pairs(stack: Stacking, removed: int, reach: float) -> tuple[IntArray, IntArray, FloatArray]:
    """Pairs of planes across the boundary: distance in plane spacings, shift in steps modulo the repeat, weight ±."""
    most = math.ceil((reach + stack.crystal.lattice_parameter / 2.0) / stack.plane_spacing)
    apart = np.arange(1, most + 1)
    each = np.repeat(apart, apart)
    above = np.arange(len(each)) - np.repeat(np.cumsum(apart) - apart, apart)
    pairs, counts = np.unique(each * stack.repeat + (removed + each - 2 * above) % stack.repeat, return_counts=True)
    heights = np.concatenate((pairs // stack.repeat, apart))
    shifts = np.concatenate((pairs % stack.repeat, -apart % stack.repeat))
    return heights, shifts, np.concatenate((counts.astype(np.float64), -apart.astype(np.float64)))


def _planar_points(stack: Stacking, reach: float) -> FloatArray:
    """Planar lattice points around the origin for every shift, shape ``(repeat, n_points, 2)`` [Å]."""
    far = reach + stack.crystal.lattice_parameter
    axes = [np.arange(-math.ceil(far / length) - 1, math.ceil(far / length) + 1) * length for length in stack.lengths]
    cells = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(1, 1, -1, 2)
    points = stack.site_table[:, :, None, :] + cells
    return np.asarray(points, dtype=np.float64).reshape(stack.repeat, -1, 2)
