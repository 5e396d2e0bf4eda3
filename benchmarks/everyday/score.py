"""The score of a search: its gaps over the evaluations, in units of what random choice is expected to have."""

from __future__ import annotations

import numpy as np

from tansaku.models.domain.pool import FloatArray, IntArray


def random_gaps(values: FloatArray, count: int) -> FloatArray:
    """Expected gap of random choice without replacement after each evaluation, exactly.

    Of N sorted values the best of k drawn ones is the i-th with probability C(N − i, k − 1) / C(N, k), i = 1, 2, …

    Args:
        values: Of all candidates, smaller is better, shape ``(n,)``.
        count: Number of evaluations.

    Returns:
        Shape ``(count,)``.
    """
    ordered = np.sort(values)
    n = len(ordered)
    above = np.arange(n - 1, 0, -1)  # values after the first, the second, …
    gaps = []
    for k in range(1, count + 1):
        ratios = np.maximum(above - k + 1, 0) / above
        share = (k / n) * np.concatenate([[1.0], np.cumprod(ratios)])
        gaps.append(float(share @ (ordered - ordered[0])))
    return np.array(gaps)


def search_gaps(values: FloatArray, positions: IntArray) -> FloatArray:
    """Gap of a search after each evaluation: best so far less the best of all, shape ``(n_evaluations,)``.

    Args:
        values: Of all candidates, smaller is better, shape ``(n,)``.
        positions: What was evaluated, in order.
    """
    return np.asarray(np.minimum.accumulate(values[positions]) - values.min())


def score(values: FloatArray, positions: IntArray) -> float:
    """Sum of a search's gaps over that of random choice: 1 is random, 0 found the best at once.

    Args:
        values: Of all candidates, smaller is better, shape ``(n,)``.
        positions: What was evaluated, in order.
    """
    return float(search_gaps(values, positions).sum() / random_gaps(values, len(positions)).sum())
