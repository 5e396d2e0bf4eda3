"""The barrier of an energy surface according to a model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tansaku.models.domain.pool import CandidatePool, FloatArray
from tansaku.models.domain.ports import History
from tansaku.models.engine.gain import Prediction
from tansaku.models.engine.goals import Goal

DRAWS = 512
"""Posterior samples of the surface."""


@dataclass(frozen=True)
class BarrierBelief:
    """Posterior of a barrier (implements ``RemainingGain``).

    Attributes:
        barriers: Posterior samples, infinite where there is no path [objective's unit], shape ``(n_samples,)``.
    """

    barriers: FloatArray

    @property
    def estimate(self) -> float | None:
        """Median of the barriers; None where half of the samples have no path."""
        middle = float(np.quantile(self.barriers, 0.5, method="inverted_cdf"))
        return middle if np.isfinite(middle) else None

    @property
    def ahead(self) -> None:
        """Always None: an evaluation gains no amount, it makes the barrier surer."""
        return None

    @property
    def believed(self) -> None:
        """Always None: the answer is a barrier."""
        return None

    @property
    def on_hull(self) -> None:
        """Always None: the answer is a barrier."""
        return None

    def probabilities(self, within: float) -> FloatArray:
        """Probability that the barrier differs from the estimate by at most ``within``, shape ``(1,)``."""
        if self.estimate is None:
            return np.zeros(1)
        return np.array([float((np.abs(self.barriers - self.estimate) <= within).mean())])

    def tolerances(self, confidence: float) -> tuple[float, FloatArray]:
        """Returns the smallest tolerance within which a share of the samples agrees with the estimate.

        It is returned twice, for all groups together and for each group, shape ``(1,)``: there is one group.

        Args:
            confidence: The share.
        """
        tolerance = self.tolerance_of([0], confidence)
        return tolerance, np.array([tolerance])

    def tolerance_of(self, _groups: Sequence[int], confidence: float) -> float:
        """Returns the tolerance of :meth:`tolerances`; the groups are ignored, because there is only one."""
        if self.estimate is None:
            return float("inf")
        return float(np.quantile(np.abs(self.barriers - self.estimate), confidence, method="inverted_cdf"))


def barrier_belief(
    goal: Goal, pool: CandidatePool, history: History, predictions: Sequence[Prediction], rng: np.random.Generator
) -> BarrierBelief:
    """Draws the barrier from the model's posterior.

    Args:
        goal: Directions of the path, and neighbours of a point.
        pool: Points of one grid.
        history: Observed and failed points.
        predictions: Of each member of the model, without fantasies for pending candidates.

    Raises:
        ConfigurationError: The candidates are no points of one grid.
    """
    from tansaku.models.engine.dominance import sample_surfaces  # numba compiles for seconds, for this goal alone

    whole = sum(prediction.weight for prediction in predictions)
    counts = [max(int(DRAWS * prediction.weight / whole), 1) for prediction in predictions]
    drawn = [
        sample_surfaces(goal, pool, history, prediction, rng, count).barriers
        for prediction, count in zip(predictions, counts, strict=True)
    ]
    return BarrierBelief(np.concatenate(drawn))
