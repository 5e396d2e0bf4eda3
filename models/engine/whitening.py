"""Reduction of the candidates' variance by observations, block by block."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from scipy.linalg import solve_triangular

from tansaku.models.domain.pool import FloatArray, IntArray


def explained_variance(blocks: Iterable[tuple[slice | IntArray, FloatArray]], lower: FloatArray, count: int) -> FloatArray:
    """Squared length of the whitened covariances of each candidate.

    Args:
        blocks: Candidates and their covariances with the points, shape ``(n_points, block)``, which are overwritten.
        lower: Cholesky factor of the points' covariance matrix, shape ``(n_points, n_points)``.
        count: Number of candidates.

    Returns:
        Shape ``(count,)``.
    """
    factor = np.asfortranarray(lower)
    total = np.empty(count)
    for block, rows in blocks:
        white = solve_triangular(factor, rows, lower=True, overwrite_b=True, check_finite=False)
        total[block] = np.einsum("ij,ij->j", white, white)
    return total
