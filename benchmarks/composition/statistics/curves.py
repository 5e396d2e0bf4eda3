"""Found candidates after each evaluation of searches, and the exact expectation for random searches."""

from __future__ import annotations

import numpy as np
from scipy.special import gammaln

from tansaku.models.domain.pool import BoolArray, FloatArray, IntArray

EXACT = 1e-6
"""Values within this distance of the best one count as best [objective's unit]."""


def best_ones(values: FloatArray) -> BoolArray:
    """Candidates with the lowest value of all, shape ``(n_candidates,)``; NaN is no value."""
    return np.asarray(values <= np.nanmin(values) + EXACT)


def any_found(positions: IntArray, wanted: BoolArray) -> BoolArray:
    """Returns whether a search has found one of the wanted candidates.

    Args:
        positions: Candidates in the order evaluated, shape ``(n_searches, n)``.
        wanted: Shape ``(n_candidates,)``.

    Returns:
        After each evaluation, shape ``(n_searches, n)``.
    """
    return np.logical_or.accumulate(wanted[positions], axis=1)


def share_found(positions: IntArray, wanted: BoolArray) -> FloatArray:
    """Share of the wanted candidates that a search has found; arguments and shape as :func:`any_found`."""
    return np.asarray(np.cumsum(wanted[positions], axis=1) / wanted.sum())


def random_any_found(n_candidates: int, n_wanted: int, evaluations: int) -> FloatArray:
    """Probability that one of the wanted is among t candidates drawn without replacement: 1 − C(n − m, t) / C(n, t).

    Args:
        n_candidates: n.
        n_wanted: m.
        evaluations: Largest t.

    Returns:
        For t = 1 … ``evaluations``, shape ``(evaluations,)``.
    """
    t = np.arange(1, evaluations + 1)
    left = n_candidates - n_wanted
    some = t <= left
    drawn = np.where(some, t, 0)
    # The factorials of t cancel.
    none = gammaln(left + 1) - gammaln(left - drawn + 1) - gammaln(n_candidates + 1) + gammaln(n_candidates - drawn + 1)
    return np.where(some, -np.expm1(none), 1.0)


def random_share_found(n_candidates: int, evaluations: int) -> FloatArray:
    """Expected share of the wanted among t candidates drawn without replacement, for t = 1 … ``evaluations``."""
    return np.arange(1, evaluations + 1) / n_candidates
