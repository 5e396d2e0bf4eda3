"""The published rule for lengthscales: exp(−d²/2v) with v the median of the distinct squared distances of the pool."""

from __future__ import annotations

from typing import Literal

import numpy as np
from scipy.spatial.distance import pdist

from tansaku.models.domain.pool import CandidatePool, FloatArray
from tansaku.models.engine.kernels import Stationary, Task, Term, coordinates, factor_count

JITTER = 1e-8
"""Variance added to the diagonal where the model has no noise, relative to a prior variance of one."""

_MOST_ROWS = 3000
_DIGITS = 10
_ROUNDING = 1e-13
_TRAIT_SPREAD = 0.3
_GOLDEN = 0.6180339887498949


def median_squared_distance(values: FloatArray, metric: Literal["sqeuclidean", "hamming"] = "sqeuclidean") -> float:
    """Median of the distinct non-zero squared distances between rows.

    Of more than 3,000 rows every (n / 3000)-th one is used. Distances that agree to ten digits count as equal.

    Args:
        values: Distinct feature rows, shape ``(n, d)``.
        metric: ``hamming`` counts the columns that differ.

    Returns:
        The median; 1 where all rows are equal.
    """
    if len(values) > _MOST_ROWS:
        values = values[np.linspace(0, len(values) - 1, _MOST_ROWS).round().astype(np.intp)]
    squared = pdist(values, metric)
    # On a circle, places that are one period apart differ by rounding.
    squared = squared[squared > np.square(_ROUNDING * np.abs(values).max())]
    if not len(squared):
        return 1.0
    if metric == "hamming":
        squared = squared * values.shape[1]
    scale = float(squared.max())
    return float(np.median(np.unique(np.round(squared / scale, _DIGITS)))) * scale


def median_lengthscale(factor: Stationary, pool: CandidatePool) -> float:
    """Square root of the median in the factor's own metric."""
    metric: Literal["sqeuclidean", "hamming"] = "hamming" if factor.metric == "overlap" else "sqeuclidean"
    return float(np.sqrt(median_squared_distance(coordinates(factor, pool), metric)))


def task_centre(factor: Task, pool: CandidatePool) -> FloatArray:
    """Weights at which all members correlate by about one half, shape ``(n_members * rank,)``.

    Weights of different traits differ slightly, so that a fit starting here can distinguish the traits.
    """
    members = np.arange(factor_count(factor, pool))[:, None]
    apart = _TRAIT_SPREAD * np.cos(2.0 * np.pi * _GOLDEN * members * np.arange(factor.rank))
    apart -= apart.mean(axis=1, keepdims=True)
    return np.asarray(np.exp(apart) / np.sqrt(factor.rank)).reshape(-1)


def median_parameters(pool: CandidatePool, terms: tuple[Term, ...]) -> dict[str, FloatArray]:
    """One lengthscale per group by the median rule, all variances one, members of a task half correlated."""
    parameters: dict[str, FloatArray] = {}
    for term in terms:
        for name in term.variances:
            parameters[name] = np.ones(1)
        for factor in term.factors:
            if isinstance(factor, Stationary) and factor.lengthscale not in parameters:
                width = pool.groups[factor.group].values.shape[1] if factor.ard else 1
                parameters[factor.lengthscale] = np.full(width, median_lengthscale(factor, pool))
            elif isinstance(factor, Task) and factor.weights not in parameters:
                parameters[factor.weights] = task_centre(factor, pool)
    return parameters
