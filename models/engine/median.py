"""The published rule for lengthscales: exp(−d²/2v) with v the median of the distinct squared distances of the pool."""

from __future__ import annotations

import numpy as np
from scipy.spatial.distance import pdist

from tansaku.models.domain.pool import CandidatePool, FloatArray
from tansaku.models.engine.kernels import Stationary, Term

JITTER = 1e-8
"""Variance added to the diagonal where the model has no noise, relative to a prior variance of one."""

_MOST_ROWS = 3000
_DIGITS = 10


def median_squared_distance(values: FloatArray) -> float:
    """Median of the distinct non-zero squared distances between rows.

    Of more than 3,000 rows every (n / 3000)-th one is used. Distances that agree to ten digits are one.

    Args:
        values: Distinct feature rows, shape ``(n, d)``.

    Returns:
        The median; 1 where all rows are equal.
    """
    if len(values) > _MOST_ROWS:
        values = values[np.linspace(0, len(values) - 1, _MOST_ROWS).round().astype(np.intp)]
    squared = pdist(values, "sqeuclidean")
    squared = squared[squared > 0.0]
    if not len(squared):
        return 1.0
    scale = float(squared.max())
    return float(np.median(np.unique(np.round(squared / scale, _DIGITS)))) * scale


def median_parameters(pool: CandidatePool, terms: tuple[Term, ...]) -> dict[str, FloatArray]:
    """One lengthscale per group by the median rule, all variances one."""
    parameters: dict[str, FloatArray] = {}
    for term in terms:
        for name in term.variances:
            parameters[name] = np.ones(1)
        for factor in term.factors:
            if isinstance(factor, Stationary) and factor.lengthscale not in parameters:
                group = pool.groups[factor.group]
                width = group.values.shape[1] if factor.ard else 1
                parameters[factor.lengthscale] = np.full(width, np.sqrt(median_squared_distance(group.values)))
    return parameters
