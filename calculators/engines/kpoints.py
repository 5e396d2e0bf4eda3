"""Grids of k-points by density, the same for every code."""

from __future__ import annotations

import numpy as np

from tansaku.models.domain.pool import FloatArray

_ROUNDING = 1e-9


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
