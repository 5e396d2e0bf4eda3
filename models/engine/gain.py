"""Acquisition values of a whole pool: predictions, incumbents, settings and cost brought together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tansaku.models.domain.pool import CandidatePool, FloatArray
from tansaku.models.domain.ports import History
from tansaku.models.engine import acquisition
from tansaku.models.engine.posterior import BoolArray, PoolPosterior
from tansaku.models.engine.presets import GPSettings
from tansaku.models.engine.transforms import TransformState

THOMPSON_CANDIDATES = 1000
"""Most candidates that one posterior sample covers; of more, a random subset."""


@dataclass(frozen=True)
class Prediction:
    """What a model says of a pool, in the transform's standardised unit.

    Attributes:
        state: The transform.
        mean: Shape ``(n_candidates,)``.
        deviation: Shape ``(n_candidates,)``.
        posterior: Where samples come from.
    """

    state: TransformState
    mean: FloatArray
    deviation: FloatArray
    posterior: PoolPosterior


def incumbents(pool: CandidatePool, history: History, prediction: Prediction) -> FloatArray:
    """Best value of each system in the transform's standardised unit, shape ``(n_systems,)``.

    Pending candidates count at their predicted mean. A system without any value has nothing yet, so that whatever is found
    counts as a gain on its worst plausible candidate.
    """
    best = np.full(len(pool.systems), np.inf)
    systems = pool.system_codes[history.observed]
    np.minimum.at(best, systems, prediction.state.forward(history.values, systems))
    np.minimum.at(best, pool.system_codes[history.pending], prediction.mean[history.pending])
    if np.isinf(best).any():
        worst = np.full(len(best), -np.inf)
        np.maximum.at(worst, pool.system_codes, prediction.mean + prediction.deviation)
        best = np.where(np.isinf(best), worst, best)
    return best


def gains(
    settings: GPSettings,
    pool: CandidatePool,
    history: History,
    prediction: Prediction,
    allowed: BoolArray,
    rng: np.random.Generator,
) -> tuple[FloatArray, bool]:
    """Acquisition divided by cost of every candidate.

    Args:
        settings: Acquisition, unit of gains and cost exponent.
        pool: The pool.
        history: What is known.
        prediction: What the model says.
        allowed: Candidates that may be proposed, shape ``(n_candidates,)``.
        rng: For Thompson sampling.

    Returns:
        Values of shape ``(n_candidates,)`` and whether they are logarithms.
    """
    state = prediction.state
    best = (incumbents(pool, history, prediction) * state.scale + state.centre)[pool.system_codes]
    centre = state.centre[pool.system_codes]
    mean, deviation = prediction.mean * state.scale + centre, prediction.deviation * state.scale
    in_logs = state.log and not settings.transformed_gain
    match settings.acquisition:
        case "ei":
            improvement = acquisition.lognormal_improvement if in_logs else acquisition.expected_improvement
            values = improvement(mean, deviation, best)
        case "log_ei":
            improvement = acquisition.log_lognormal_improvement if in_logs else acquisition.log_expected_improvement
            values = improvement(mean, deviation, best)
        case "pi":
            values = acquisition.log_probability_of_improvement(mean, deviation, best)
        case "ucb":
            if in_logs:
                values = np.exp(best) - np.exp(mean - settings.exploration * deviation)
            else:
                values = acquisition.confidence_bound_improvement(mean, deviation, best, settings.exploration)
        case "thompson":
            sample = _sample(pool, history, prediction, allowed, rng) * state.scale + centre
            values = np.exp(best) - np.exp(sample) if in_logs else best - sample
    if settings.acquisition in ("log_ei", "pi"):
        return values - settings.cost_exponent * np.log(pool.cost), True
    return acquisition.per_cost(values, pool.cost, settings.cost_exponent), False


def _sample(
    pool: CandidatePool, history: History, prediction: Prediction, allowed: BoolArray, rng: np.random.Generator
) -> FloatArray:
    """One joint posterior sample of (a random subset of) the allowed candidates, infinite elsewhere."""
    subset = np.flatnonzero(allowed)
    if len(subset) > THOMPSON_CANDIDATES:
        subset = np.sort(rng.choice(subset, THOMPSON_CANDIDATES, replace=False))
    sample = np.full(len(pool), np.inf)
    deviations = prediction.posterior.sample_deviation(subset, history.pending.tolist(), rng)
    sample[subset] = prediction.mean[subset] + deviations
    return sample
