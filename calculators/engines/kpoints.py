"""Grids of k-points by density, the same for every code."""

from __future__ import annotations

import numpy as np
from ase import Atoms

from tansaku.models.domain.pool import FloatArray

GRID_CELL = "kpoint_cell"
"""Key of ``Atoms.info``: another cell [Å], shape ``(3, 3)``, whose grid is used. Energies of one crystal at several volumes
are compared on one grid; a grid that follows the volume makes them jump."""

_ROUNDING = 1e-9


def structure_grid(structure: Atoms, density: float) -> tuple[int, int, int]:
    """Grid of a structure: that of its cell, or of the cell that its ``info`` names; see :func:`kpoint_grid`."""
    return kpoint_grid(np.asarray(structure.info.get(GRID_CELL, structure.cell.array), dtype=np.float64), density)


def kpoint_grid(cell: FloatArray, density: float) -> tuple[int, int, int]:
    """Numbers of k-points along the reciprocal cell vectors: the density times their lengths, rounded up.

    Args:
        cell: Cell vectors as rows [Å], shape ``(3, 3)``.
        density: K-points per length [Å].
    """
    lengths = 2.0 * np.pi * np.linalg.norm(np.linalg.inv(cell), axis=0)
    # A cell that is a whole number of another one, but for rounding, has a grid that is the same points.
    first, second, third = (max(1, int(np.ceil(density * float(length) - _ROUNDING))) for length in lengths)
    return first, second, third
