"""Expected improvement while values are awaited: averaged over values that the model may expect of them, drawn jointly.

That is the greedy step to the largest expected improvement of a whole batch. To take what is awaited as measured at its mean
(kriging believer) makes that mean the value to beat, and the search turns away from where the model expects most. Snoek,
Larochelle & Adams (2012), https://doi.org/10.48550/arXiv.1206.2944; Wilson, Hutter & Deisenroth (2018),
https://doi.org/10.48550/arXiv.1805.10196.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from scipy.linalg import solve_triangular
from scipy.special import ndtri

from tansaku.models.domain.pool import CandidatePool, FloatArray, IntArray
from tansaku.models.domain.ports import History
from tansaku.models.domain.specs.objective import AcquisitionName
from tansaku.models.engine import acquisition
from tansaku.models.engine.ensemble import averaged
from tansaku.models.engine.gain import Prediction, improvement, levels
from tansaku.models.engine.presets import GPSettings
from tansaku.models.features.sobol import scrambled_sobol

IMPROVEMENTS: tuple[AcquisitionName, ...] = ("ei", "log_ei")
"""Acquisitions that are averaged; the others see what is awaited at its mean."""

LEADING = 2000
"""Candidates, the best with what is awaited at its mean, among which the average decides."""

_DRAWS = 32
_JITTER = 1e-9


def fantasised(
    settings: GPSettings, pool: CandidatePool, history: History, predictions: Sequence[Prediction], leaders: IntArray
) -> tuple[FloatArray, bool]:
    """Acquisition values of the leading candidates.

    Args:
        settings: Acquisition, one of :data:`IMPROVEMENTS`, and cost exponent.
        history: Something is pending.
        predictions: Of each member of the model, what is pending as measured at its mean.
        leaders: Positions, shape ``(n,)``.

    Returns:
        Values of shape ``(n,)``, and whether they are logarithms.
    """
    parts = [_of_one(settings, pool, history, prediction, leaders) for prediction in predictions]
    values, logarithmic = averaged(parts, [prediction.weight for prediction in predictions])
    cost = pool.cost[leaders]
    if logarithmic:
        return values - settings.cost_exponent * np.log(cost), True
    return acquisition.per_cost(values, cost, settings.cost_exponent), False


def _of_one(
    settings: GPSettings, pool: CandidatePool, history: History, prediction: Prediction, leaders: IntArray
) -> tuple[FloatArray, bool]:
    """Mean improvement over the draws, before the division by cost."""
    state, pending = prediction.state, history.pending
    shifts = _shifts(prediction, np.concatenate([leaders, pending]), pending)
    parts = []
    for shift in shifts:
        mean = prediction.mean.copy()
        mean[leaders], mean[pending] = mean[leaders] + shift[: len(leaders)], mean[pending] + shift[len(leaders) :]
        best = levels(settings.goal, pool, history, replace(prediction, mean=mean))[pool.system_codes[leaders]]
        latent = mean[leaders] * state.scale + state.centre[pool.system_codes[leaders]]
        parts.append(improvement(settings, state, latent, prediction.deviation[leaders] * state.scale, best))
    return averaged(parts, [1.0] * len(parts))


def _shifts(prediction: Prediction, positions: IntArray, pending: IntArray) -> FloatArray:
    """Shifts of the means by each draw of what is pending, shape ``(n_draws, n_positions)``; the last are the pending ones.

    The draws are the same at each call, so that a repeated proposal is the same.
    """
    shared = prediction.posterior.covariance_between(positions, pending)
    among = shared[-len(pending) :] + (prediction.posterior.noise + _JITTER) * np.eye(len(pending))
    white = ndtri(scrambled_sobol(len(pending), np.random.default_rng(0))(_DRAWS))
    root = np.linalg.cholesky(among)
    return np.asarray((shared @ solve_triangular(root, white.T, lower=True, trans="T")).T)
