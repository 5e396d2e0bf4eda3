"""Judge of several objectives whose values are noisy: the true values at measured points are drawn, not taken as measured.

Noisy expected hypervolume improvement: Daulton, Balandat & Bakshy (2021), https://doi.org/10.48550/arXiv.2105.08195. Given the
true values of what was measured and of what is awaited, the growth of the dominated volume has a closed form; it is averaged
over joint draws of these from the posterior. Its logarithm is summed without underflow, as Ament et al. (2023),
https://doi.org/10.48550/arXiv.2310.20708, do for a single objective.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import logsumexp

from tansaku.models.domain.pool import FloatArray, IntArray
from tansaku.models.engine.acquisition import log_expected_improvement
from tansaku.models.engine.ensemble import averaged
from tansaku.models.engine.gain import Prediction
from tansaku.models.engine.leaders import leading
from tansaku.models.engine.pareto import Bent, FrontJudge, worse_cells
from tansaku.models.engine.several import Known, joined

LEADING = 500
"""Candidates, the best with measured values as they are predicted, among which the average decides."""

_DRAWS = 32
_ELEMENTS_AT_ONCE = 2_000_000
_RELATIVE = 1e-9
_TINY = float(np.finfo(np.float64).tiny)


class NoisyFrontJudge(FrontJudge):
    """Logarithm of the expected growth of the dominated volume, averaged over true values of measured and awaited candidates.

    Gains count in the transformed objectives, as with a single objective. Only what keeps all limits belongs to the front.

    Args:
        wanted: How many objectives, and the reference.

    Raises:
        MissingComponentError: BoTorch is not installed.
    """

    name = "log_nehvi"

    def values(self, known: Known, rng: np.random.Generator) -> tuple[FloatArray, bool]:
        """Logarithms of the acquisition values of all candidates; minus infinity for those that are not among the best."""
        members, weights = joined(known.predictions)
        return averaged([(self._log_growth(known, of_all, rng), True) for of_all in members], weights)

    def _log_growth(self, known: Known, predictions: Sequence[Prediction], rng: np.random.Generator) -> FloatArray:
        bent, history = Bent(known, predictions), known.history
        reference = bent.reference(self._wanted)
        seen = np.concatenate([history.observed[known.kept], history.pending[known.likely]])
        at_mean = np.full(len(known.pool), -np.inf)
        allowed = np.flatnonzero(known.allowed)
        at_mean[allowed] = log_expected_growth(bent.mean[allowed], bent.deviation[allowed], bent.mean[seen], reference)
        leaders = leading(at_mean, known.allowed, LEADING)
        values = np.full(len(known.pool), -np.inf)
        drawn = [
            _draws(item, bent.mean[:, column], seen, leaders, rng.standard_normal((_DRAWS, len(seen))))
            for column, item in enumerate(predictions)
        ]
        deviation = np.column_stack([part.deviation for part in drawn])
        growths = [
            log_expected_growth(
                np.column_stack([part.means[i] for part in drawn]),
                deviation,
                np.column_stack([part.seen[i] for part in drawn]),
                reference,
            )
            for i in range(_DRAWS)
        ]
        values[leaders] = averaged([(growth, True) for growth in growths], [1.0] * _DRAWS)[0]
        return values


@dataclass(frozen=True)
class _Drawn:
    """Draws of the true values of one objective at the points that are seen, and what follows for the leaders.

    Attributes:
        seen: Shape ``(n_draws, n_seen)``.
        means: Of the leaders, shape ``(n_draws, n_leaders)``.
        deviation: Of the leaders, the same for every draw, shape ``(n_leaders,)``.
    """

    seen: FloatArray
    means: FloatArray
    deviation: FloatArray


def _draws(prediction: Prediction, mean: FloatArray, seen: IntArray, leaders: IntArray, white: FloatArray) -> _Drawn:
    """Draws from the joint posterior of one objective.

    What is awaited is drawn as unknown, so it teaches nothing here that its drawn value does not.
    """
    posterior = prediction.posterior
    _, variance = posterior.exactly(leaders, [])
    if not len(seen):
        return _Drawn(white, np.tile(mean[leaders], (len(white), 1)), np.sqrt(variance))
    values, vectors = np.linalg.eigh(posterior.covariance_between(seen, seen))
    # What is known exactly has no direction in which it varies, but by rounding.
    kept = values > _RELATIVE * max(float(values[-1]), _TINY)
    along, roots = vectors[:, kept], np.sqrt(values[kept])
    weights = (posterior.covariance_between(leaders, seen) @ along) / roots
    white = white[:, : len(roots)]
    explained = np.square(weights).sum(axis=1)
    return _Drawn(
        mean[seen] + (white * roots) @ along.T,
        mean[leaders] + white @ weights.T,
        np.sqrt(np.maximum(variance - explained, _RELATIVE * variance)),
    )


def log_expected_growth(mean: FloatArray, deviation: FloatArray, front: FloatArray, reference: FloatArray) -> FloatArray:
    """Logarithm of the expected hypervolume improvement of each candidate, finite where that underflows.

    The volume that nothing dominates is cut into boxes. In each objective a candidate reaches into a box by the difference of
    its expected improvements on the worse and on the better side; a box's share is their product.

    Args:
        mean: Of each candidate's objectives, all minimised, shape ``(n, n_objectives)``.
        deviation: Same shape.
        front: Known values, shape ``(n_known, n_objectives)``.
        reference: From where the volume is measured, shape ``(n_objectives,)``.

    Returns:
        Shape ``(n,)``.
    """
    better, worse = worse_cells(front, reference)
    growth = np.empty(len(mean))
    at_once = max(1, _ELEMENTS_AT_ONCE // better.size)
    for begin in range(0, len(mean), at_once):
        here = slice(begin, begin + at_once)
        centre, spread = mean[here, None, :], deviation[here, None, :]
        reached = log_expected_improvement(centre, spread, worse)
        # Twice infinity is a side that nothing ends: no improvement on it is expected.
        passed = np.where(
            np.isinf(better), -np.inf, log_expected_improvement(centre, spread, np.where(np.isinf(better), 0.0, better))
        )
        apart = np.minimum(passed - reached, -np.finfo(np.float64).eps)
        growth[here] = logsumexp((reached + np.log(-np.expm1(apart))).sum(axis=2), axis=1)
    return growth
