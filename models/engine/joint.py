"""Exact joint samples of a posterior at some candidates."""

from __future__ import annotations

import numpy as np
from scipy.linalg import LinAlgError, cholesky

from tansaku.models.domain.pool import FloatArray, IntArray
from tansaku.models.engine.gain import Prediction

_JITTERS = (1e-10, 1e-8, 1e-6)


def joint_deviations(
    prediction: Prediction,
    points: IntArray,
    pending: list[int],
    rng: np.random.Generator,
    count: int,
    noise: FloatArray | float = 0.0,
) -> FloatArray:
    """Joint posterior samples minus their mean [transform's standardised unit].

    Args:
        prediction: The model's.
        points: Candidates.
        pending: Those that are believed to be measured.
        rng: Source of randomness.
        count: Number of samples.
        noise: Variance of each candidate's own about the smooth function.

    Returns:
        Shape ``(count, n_points)``.
    """
    if not len(points):
        return np.zeros((count, 0))
    covariance = prediction.posterior.covariance_between(points, points, pending)
    white = rng.standard_normal((count, len(points)))
    diagonal = covariance.diagonal() + noise
    for jitter in _JITTERS:
        np.fill_diagonal(covariance, diagonal + jitter * float(diagonal.max()))
        try:
            lower = cholesky(covariance, lower=True, check_finite=False)
        except LinAlgError:
            continue
        return np.asarray(white @ lower.T)
    np.fill_diagonal(covariance, diagonal)
    values, vectors = np.linalg.eigh(covariance)
    return np.asarray(white @ (vectors * np.sqrt(np.maximum(values, 0.0))).T)
