"""Expected number of candidates below a threshold: a nonmyopic acquisition function.

After a candidate is evaluated, the rest of the budget is assumed to be spent at once on those that are then most probably
below the threshold. Jiang, Malkomes, Converse, Shofner, Moseley & Garnett (2017), Efficient nonmyopic active
search, https://proceedings.mlr.press/v70/jiang17d.html.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

from tansaku.models.domain.pool import FloatArray, IntArray

NODES = 7
"""Values that a candidate's result is averaged over (Gauss-Hermite)."""

LOOKAHEAD = 200
"""Largest number of further evaluations considered."""

_CERTAIN = 1e-9  # a deviation that counts as zero, relative to the standardised model's 1


@dataclass(frozen=True)
class Conditional:
    """Moments that determine how one result changes the other predictions.

    Attributes:
        mean: Of the candidates that the rest of the budget may go to, shape ``(n_rest,)``.
        deviation: Theirs, shape ``(n_rest,)``.
        covariance: Of the results considered with them, shape ``(n_considered, n_rest)``.
        result_deviation: Of each result considered, noise included, shape ``(n_considered,)``.
    """

    mean: FloatArray
    deviation: FloatArray
    covariance: FloatArray
    result_deviation: FloatArray


def expected_found(threshold: FloatArray, considered: IntArray, rest: Conditional, remaining: int) -> FloatArray:
    """Returns the expected gain in the number found from evaluating each considered candidate first.

    Args:
        threshold: Of the candidates in ``rest``, in the unit of their means, shape ``(n_rest,)``.
        considered: Places of the candidates considered in ``rest``, shape ``(n_considered,)``.
        rest: Predictions.
        remaining: Evaluations that the budget still buys, this one included.

    Returns:
        Shape ``(n_considered,)``, positive: the probability of the candidate, and the value of knowing its result.
    """
    probability = ndtr((threshold - rest.mean) / np.maximum(rest.deviation, _CERTAIN))
    further = max(0, min(remaining - 1, LOOKAHEAD, len(rest.mean) - 1))
    before = float(np.sort(probability)[len(probability) - further :].sum())
    nodes, weights = np.polynomial.hermite_e.hermegauss(NODES)
    weights = weights / weights.sum()
    gains = np.empty(len(considered))
    for i, place in enumerate(considered):
        slope = rest.covariance[i] / max(float(rest.result_deviation[i]), _CERTAIN)
        spread = np.sqrt(np.maximum(np.square(rest.deviation) - np.square(slope), 0.0))
        after = rest.mean + nodes[:, None] * slope
        chances = ndtr((threshold - after) / np.maximum(spread, _CERTAIN))
        chances[:, place] = 0.0
        best = np.partition(chances, chances.shape[1] - further - 1, axis=1)[:, chances.shape[1] - further :]
        gains[i] = probability[place] + float(weights @ best.sum(axis=1)) - before
    return np.maximum(gains, 0.0)
