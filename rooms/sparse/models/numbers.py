"""Posterior of the number of parts of a signal, by the evidence of the best fit of each number."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tansaku.models.averaging.subsets import FloatArray


def number_posterior(evidences: Sequence[float]) -> FloatArray:
    """Posterior of the number under a flat prior.

    Args:
        evidences: Negative logarithms of the evidence [nats] of each number.

    Returns:
        Shape ``(n_numbers,)``; the sum is 1.
    """
    evidence = np.array(evidences)
    weights = np.exp(evidence.min() - evidence)
    return np.asarray(weights / weights.sum())
