"""Grids with the symmetry of a cubic lattice, and layers of points between walls."""

from __future__ import annotations

from itertools import permutations, product

import numpy as np

from tansaku.diffusion.hops.basins import find_hops
from tansaku.diffusion.hops.hop_network import HopNetwork
from tansaku.models.domain.pool import FloatArray, IntArray, PeriodicGrid

LATTICES = {
    "simple": np.eye(3),
    "face-centred": np.array([[0.0, 0.5, 0.5], [0.5, 0.0, 0.5], [0.5, 0.5, 0.0]]),
    "body-centred": np.array([[-0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0.5, 0.5, -0.5]]),
}
"""Primitive cells, vectors as rows."""


def point_group(cell: FloatArray, proper: bool = False) -> IntArray:
    """Rotations of a cube, seen in the vectors of a cell, shape ``(n, 3, 3)``."""
    found = []
    for order, signs in product(permutations(range(3)), product((1, -1), repeat=3)):
        turn = np.zeros((3, 3))
        turn[range(3), order] = signs
        if not proper or np.linalg.det(turn) > 0:
            found.append(np.linalg.inv(cell.T) @ turn @ cell.T)
    return np.rint(found).astype(np.intp)


def folded_grid(count: int, rotations: IntArray) -> PeriodicGrid:
    """A grid whose points that rotations map on each other are one candidate."""
    shape = (count, count, count)
    points, lowest = np.indices(shape).reshape(3, -1).T, np.arange(count**3)
    for rotation in rotations:
        lowest = np.minimum(lowest, np.ravel_multi_index(tuple(((points @ rotation.T) % count).T), shape))
    # A point's image is in its orbit, so that the lowest image is the same for all of an orbit.
    _, members = np.unique(lowest, return_inverse=True)
    operations = np.concatenate([rotations, np.zeros((len(rotations), 3, 1), dtype=np.intp)], axis=2)
    return PeriodicGrid(shape, members.ravel(), operations=operations)


def plane(energies: FloatArray) -> HopNetwork:
    """Network of a layer of points between walls, with six neighbours."""
    members = np.full((*energies.shape, 3), -1)
    members[:, :, 1] = np.arange(energies.size).reshape(energies.shape)
    return find_hops(energies.ravel(), PeriodicGrid(members.shape, members.ravel()), np.eye(3), 6)
