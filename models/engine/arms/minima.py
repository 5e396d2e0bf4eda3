"""What the minimum of every surface may be, after some draws from some of them.

Where a landscape is rugged, the value of one candidate says little about the next one, but the lowest of k draws of a surface
reveals its minimum: of evenly spread values it lies above by their range over k + 1. A Gaussian process over the
surfaces, with that as its error, shares what is known between surfaces that are alike. Where the lowest value came several
times, there is little left to find.
"""

from __future__ import annotations

import numpy as np
from scipy.linalg import cho_factor, cho_solve, cholesky
from scipy.spatial.distance import cdist

from tansaku.models.domain.pool import BoolArray, CandidatePool, FloatArray, IntArray
from tansaku.models.domain.ports import History
from tansaku.models.engine.cross import surface_level

_SHARED, _OWN = 0.7, 0.3
"""Shares of the variance: of what surfaces with like features have in common, and of each surface's own."""

_JITTER = 1e-9
_RANGE = 2.0
"""Range of the values of a surface, in their deviations."""

_SAME, _TIMES = 1e-3, 3
"""A minimum that came so many times, within this relative difference, is taken for that of its surface."""


def sampled_minima(pool: CandidatePool, history: History, rng: np.random.Generator) -> FloatArray:
    """A sample of the minima of all surfaces from their posterior.

    Args:
        pool: Its surfaces are the arms.
        history: With at least one value.
        rng: Draws the sample.

    Returns:
        Values [objective's unit], shape ``(n_surfaces,)``.
    """
    arms = pool.surface_codes[history.observed]
    values = np.asarray(history.values, dtype=np.float64)
    drawn = np.unique(arms)
    lowest = np.array([values[arms == arm].min() for arm in drawn])
    draws = np.array([(arms == arm).sum() for arm in drawn], dtype=np.float64)
    spread = _spread(arms, values)
    prior = _prior_mean(pool, drawn, lowest)
    residual = lowest - prior[drawn]
    scale = max(float(residual.std()), spread, 1e-12)
    covariance = scale**2 * _correlation(pool)
    # Of the lowest of k draws: how far it lies above the minimum, uncertain by as much.
    error = _RANGE * spread / (draws + 1.0)
    seen = covariance[np.ix_(drawn, drawn)] + np.diag(error**2 + _JITTER * scale**2)
    factor = cho_factor(seen, lower=True)
    across = covariance[:, drawn]
    mean = prior + across @ cho_solve(factor, residual - error)
    remaining = covariance - across @ cho_solve(factor, across.T)
    root = cholesky(remaining + 1e-6 * scale**2 * np.eye(len(remaining)), lower=True)
    return np.asarray(mean + root @ rng.standard_normal(len(mean)), dtype=np.float64)


def settled_arms(pool: CandidatePool, history: History) -> BoolArray:
    """Surfaces whose lowest value was found several times, shape ``(n_surfaces,)``."""
    arms = pool.surface_codes[history.observed]
    lowest = np.full(len(pool.surfaces), np.inf)
    np.minimum.at(lowest, arms, history.values)
    again = np.abs(history.values - lowest[arms]) <= _SAME * np.abs(lowest[arms])
    return np.asarray(np.bincount(arms[again], minlength=len(pool.surfaces)) >= _TIMES)


def _spread(arms: IntArray, values: FloatArray) -> float:
    """Deviation of the values of one surface, the mean square over surfaces; of all values as long as none has two."""
    inner = [values[arms == arm].var(ddof=1) for arm in np.unique(arms) if (arms == arm).sum() > 1]
    found = float(np.sqrt(np.mean(inner))) if inner else float(values.std())
    return found if found > 0 else max(1e-3 * float(np.abs(values).max()), 1e-12)


def _prior_mean(pool: CandidatePool, drawn: IntArray, lowest: FloatArray) -> FloatArray:
    """Mean of the lowest values of a system's surfaces, of all surfaces where a system has none, shape ``(n_surfaces,)``."""
    owner = pool.surface_system
    mean = np.full(len(pool.surfaces), lowest.mean())
    for system in np.unique(owner[drawn]):
        mean[owner == system] = lowest[owner[drawn] == system].mean()
    return mean


def _correlation(pool: CandidatePool) -> FloatArray:
    """Correlation of the surfaces' minima, shape ``(n_surfaces, n_surfaces)``."""
    first = np.unique(pool.surface_codes, return_index=True)[1]
    size = len(pool.surfaces)
    square = np.zeros((size, size))
    for group in pool.groups.values():
        if group.categorical or not surface_level(pool, group.name):
            continue
        distances = cdist(group.values[group.index[first]], group.values[group.index[first]])
        typical = np.median(distances[distances > 0]) if (distances > 0).any() else 0.0
        if typical > 0:
            square += (distances / typical) ** 2
    return _SHARED * np.exp(-0.5 * square) + _OWN * np.eye(size)
