"""Radial distribution near an unrelaxed boundary, computed from the stack of planes without building a cell."""

from __future__ import annotations

import itertools
import math

import numpy as np

from tansaku.calculators.structures.general_stacking import GeneralStack
from tansaku.calculators.structures.stacking import PlaneStack
from tansaku.models.domain.pool import FloatArray, IntArray
from tansaku.models.features.radial import RadialGrid


def radial_difference(stack: PlaneStack, removed: int, grid: RadialGrid) -> FloatArray:
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
    if isinstance(stack, GeneralStack):
        return _general_difference(stack, removed, grid)
    lower, upper = stack.motifs(removed)
    # In a hexagonal crystal the same planes always meet, and the motifs say what was removed.
    heights, shifts, weights = _plane_pairs(stack, -1 - stack.first_plane(removed), grid.reach)
    numbers, shifts = np.unique(shifts, return_inverse=True)
    planar = _planar_points(stack, numbers, np.concatenate((lower, upper)), grid.reach)
    number = 2.0 * stack.crystal.atoms_per_volume * stack.area * grid.cutoff / stack.sites_per_plane
    total = np.zeros(grid.bins)
    mirror = np.array([1.0, 1.0, -1.0])
    for i, j in itertools.product(range(len(upper)), range(len(lower))):
        # Pairs across the boundary, less those that each grain would have with its own continuation.
        pairs = [(1.0, upper[i], lower[j] * mirror), (-1.0, lower[i], lower[j])]
        if lower is not upper:
            pairs = [pairs[0], (-0.5, lower[i], lower[j]), (-0.5, upper[i], upper[j])]
        for share, above, below in pairs:
            offset = below - above
            in_plane = ((planar + offset[:2]) ** 2).sum(axis=-1)
            chosen = weights * share > 0
            vertical = (offset[2] - heights[chosen] * stack.plane_spacing) ** 2
            distances = np.sqrt(in_plane[shifts[chosen]] + vertical[:, None])
            repeated = np.broadcast_to(abs(share) * weights[chosen][:, None], distances.shape)
            # Two boundaries per cell, and every pair counts from both of its atoms.
            total += 4.0 * grid.distribution(distances.ravel(), repeated.ravel(), number, stack.crystal.atoms_per_volume)
    return total


def _general_difference(stack: GeneralStack, removed: int, grid: RadialGrid) -> FloatArray:
    """The same for two stacks of planes: pairs across the boundary, less half of those in either crystal."""
    from scipy.spatial import cKDTree

    counts = [math.ceil(grid.reach / spacing) + 1 for spacing in stack.grain_spacings]
    lower, upper = stack.both(removed, (counts[0], counts[1]))
    total = np.zeros(grid.bins)
    number = 2.0 * stack.crystal.atoms_per_volume * stack.area * grid.cutoff
    images = [np.arange(-math.ceil(grid.reach / edge) - 2, math.ceil(grid.reach / edge) + 3) for edge in stack.lengths]
    shifts = np.stack(np.meshgrid(*images), axis=-1).reshape(-1, 2) @ stack.cell
    wide = np.column_stack((shifts, np.zeros(len(shifts))))
    ends = divmod(removed, len(stack.grains[1].ends))
    parts = [(1.0, lower, upper)]
    for grain, end, count in zip(stack.grains, ends, counts, strict=True):
        below, above = (grain.atoms(np.arange(*span), 0, end, stack.cell) for span in ((-count, 0), (0, count)))
        parts.append((-0.5, below, above))
    for weight, below, above in parts:
        middle = np.append(below[:, :2].mean(axis=0), 0.0)
        far = grid.reach + np.abs(below[:, :2] - middle[:2]).max(axis=0)
        points = (above[:, None, :] + wide).reshape(-1, 3)
        points = points[(np.abs(points - middle)[:, :2] < far).all(axis=1)]
        pairs = cKDTree(below).sparse_distance_matrix(cKDTree(points), grid.reach, output_type="ndarray")
        weights = np.full(len(pairs), weight)
        total += 4.0 * grid.distribution(pairs["v"], weights, number, stack.crystal.atoms_per_volume)
    return total


def _plane_pairs(stack: PlaneStack, removed: int, reach: float) -> tuple[IntArray, IntArray, FloatArray]:
    """Pairs of planes across the boundary: distance in plane spacings, shift in steps, modulo a repeat of them, weight ±."""
    motif = max(stack.crystal.lattice_parameter / 2.0, 2.0 * stack.thickest_motif)
    most = math.ceil((reach + motif) / stack.plane_spacing)
    # A stacking that never repeats has as many shifts as there are planes in reach.
    repeat = stack.period or 2 * most + 1
    apart = np.arange(1, most + 1)
    each = np.repeat(apart, apart)
    above = np.arange(len(each)) - np.repeat(np.cumsum(apart) - apart, apart)
    pairs, counts = np.unique(each * repeat + (removed + each - 2 * above) % repeat, return_counts=True)
    heights = np.concatenate((pairs // repeat, apart))
    shifts = np.concatenate((pairs % repeat, -apart % repeat))
    if stack.period is None:
        shifts = np.where(shifts > most, shifts - repeat, shifts)
    return heights, shifts, np.concatenate((counts.astype(np.float64), -apart.astype(np.float64)))


def _planar_points(stack: PlaneStack, shifts: IntArray, motif: FloatArray, reach: float) -> FloatArray:
    """Planar lattice points around the origin for every shift, shape ``(n_shifts, n_points, 2)`` [Å]."""
    far = reach + max(stack.crystal.lattice_parameter, 2.0 * float(np.abs(motif[:, :2]).max()))
    axes = [np.arange(-math.ceil(far / length) - 1, math.ceil(far / length) + 1) * length for length in stack.lengths]
    cells = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(1, 1, -1, 2)
    points = stack.sites(shifts)[:, :, None, :] + cells
    return np.asarray(points, dtype=np.float64).reshape(len(shifts), -1, 2)
