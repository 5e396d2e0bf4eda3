"""Neighbours of a grid point that have the symmetry of the host.

In a cell whose vectors are not at right angles the 26 neighbours of a point are not: an operation that maps the grid onto
itself may map the long diagonal of a step's parallelepiped onto a step that is no neighbour.
"""

from __future__ import annotations

import numpy as np

from tansaku.models.domain.pool import FloatArray, IntArray, PeriodicGrid
from tansaku.models.engine.flood import flood_grid
from tansaku.models.engine.goals import Connectivity
from tansaku.models.engine.percolation import neighbour_steps


def symmetric_steps(values: FloatArray, grid: PeriodicGrid, connectivity: Connectivity) -> IntArray:
    """Steps to neighbours of which each operation of the grid makes steps to neighbours.

    They are those neighbours all of whose images are neighbours too. If a flood over these percolates higher than one over all
    neighbours, as with the six in a primitive cell of fcc, all images of all neighbours are taken.

    Args:
        values: Energy of every candidate, at least one of them finite, shape ``(n_candidates,)``.
        grid: The unfolded grid.
        connectivity: Number of neighbours of a grid point.

    Returns:
        Shape ``(n, 3)``.
    """
    steps = neighbour_steps(connectivity)
    images = image_steps(grid, steps)
    if len(images) == len(steps):
        return steps
    known = set(map(tuple, steps.tolist()))
    inner = np.array([step for step in steps.tolist() if set(map(tuple, _turned(grid, np.array([step])).tolist())) <= known])
    if not len(inner) or (_levels(values, grid, inner) > _levels(values, grid, steps)).any():
        return images
    return inner


def image_steps(grid: PeriodicGrid, steps: IntArray) -> IntArray:
    """All images of steps under the operations of a grid, shape ``(n, 3)``."""
    return np.unique(_turned(grid, steps), axis=0)


def _turned(grid: PeriodicGrid, steps: IntArray) -> IntArray:
    if grid.operations is None:
        return steps
    return np.asarray((grid.operations[:, None, :, :3] @ steps[None, :, :, None]).reshape(-1, 3))


def _levels(values: FloatArray, grid: PeriodicGrid, steps: IntArray) -> FloatArray:
    """Levels at which a flood over steps of at most one point along each vector percolates."""
    start = int(grid.first[int(np.argmin(values))])
    energies = np.ascontiguousarray(values, dtype=np.float64)
    return flood_grid(energies, grid.members, np.array(grid.shape, dtype=np.intp), start, steps.astype(np.intp))[1]
