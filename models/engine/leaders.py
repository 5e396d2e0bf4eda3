"""Second stage of a scan whose first stage used single precision: the leading candidates are predicted in full precision.

Pools so large that their covariances are kept in single precision (:class:`~tansaku.models.engine.cross.CachedRows`) are first
scanned as a whole; the candidates with the best acquisition values are then predicted exactly, and the best of them is chosen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from tansaku.models.domain.pool import BoolArray, FloatArray, IntArray
from tansaku.models.domain.ports import History
from tansaku.models.engine.gain import Prediction

LEADERS = 256
"""Candidates of the second stage."""


def leading(values: FloatArray, allowed: BoolArray, count: int = LEADERS) -> IntArray:
    """Positions of the best allowed candidates, in ascending order.

    Args:
        values: Acquisition values, shape ``(n_candidates,)``.
        allowed: Candidates that may be proposed, shape ``(n_candidates,)``.
    """
    positions = np.flatnonzero(allowed)
    if len(positions) > count:
        positions = positions[np.argpartition(values[positions], -count)[-count:]]
    return np.sort(positions)


def second_stage(
    values: FloatArray, allowed: BoolArray, predictions: Sequence[Prediction], history: History, *, nugget: bool
) -> tuple[BoolArray, list[Prediction]]:
    """The leaders alone, predicted in full precision.

    Args:
        values: Acquisition values of the first stage, shape ``(n_candidates,)``.
        allowed: Candidates that may be proposed, same shape.
        predictions: Of the first stage; their posteriors have predicted nothing since.
        nugget: Whether the noise counts as part of the objective.
    """
    leaders = leading(values, allowed)
    only = np.zeros_like(allowed)
    only[leaders] = True
    return only, [predicted_again(prediction, leaders, history.pending.tolist(), nugget=nugget) for prediction in predictions]


def predicted_again(prediction: Prediction, leaders: IntArray, pending: Sequence[int], *, nugget: bool) -> Prediction:
    """Returns the prediction with mean and deviation of the leaders computed in full precision.

    Args:
        prediction: Of the first stage; its posterior has predicted nothing since.
        leaders: Positions, shape ``(m,)``.
        pending: Pending candidates.
        nugget: Whether the noise counts as part of the objective.
    """
    mean, deviation = prediction.mean.copy(), prediction.deviation.copy()
    mean[leaders], variance = prediction.posterior.exactly(leaders, pending)
    deviation[leaders] = np.sqrt(variance + prediction.posterior.noise if nugget else variance)
    return replace(prediction, mean=mean, deviation=deviation)
