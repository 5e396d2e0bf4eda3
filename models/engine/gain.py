"""Acquisition values of a whole pool: predictions, incumbents, settings and cost brought together."""

from __future__ import annotations

import numpy as np

from tansaku.models.domain.pool import CandidatePool, FloatArray
from tansaku.models.domain.ports import History
from tansaku.models.engine import acquisition
from tansaku.models.engine.presets import GPSettings
from tansaku.models.engine.transforms import TransformState


def incumbents(
    pool: CandidatePool, history: History, state: TransformState, mean: FloatArray, deviation: FloatArray
) -> FloatArray:
    """Best value of each system in the transform's unit, shape ``(n_systems,)``.

    Pending candidates count at their predicted mean. A system without any value has nothing yet, so that whatever is found
    counts as a gain on its worst plausible candidate.
    """
    best = np.full(len(pool.systems), np.inf)
    systems = pool.system_codes[history.observed]
    np.minimum.at(best, systems, state.forward(history.values, systems))
    np.minimum.at(best, pool.system_codes[history.pending], mean[history.pending])
    if np.isinf(best).any():
        worst = np.full(len(best), -np.inf)
        np.maximum.at(worst, pool.system_codes, mean + deviation)
        best = np.where(np.isinf(best), worst, best)
    return best


def gains(
    settings: GPSettings,
    pool: CandidatePool,
    history: History,
    state: TransformState,
    mean: FloatArray,
    variance: FloatArray,
    rng: np.random.Generator,  # noqa: ARG001
) -> tuple[FloatArray, bool]:
    """Acquisition divided by cost of every candidate.

    Returns:
        Values of shape ``(n_candidates,)`` and whether they are logarithms.
    """
    deviation = np.sqrt(variance)
    best = incumbents(pool, history, state, mean, deviation)[pool.system_codes]
    values = acquisition.expected_improvement(mean, deviation, best) * state.scale
    return acquisition.per_cost(values, pool.cost, settings.cost_exponent), False
