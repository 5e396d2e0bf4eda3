"""Acquisition values of a whole pool from predictions, incumbents, settings and cost.

Expected number of candidates below a threshold: a nonmyopic acquisition function.
After a candidate is evaluated, the rest of the budget is assumed to be spent at once on those that are then most probably
below the threshold. Jiang, Malkomes, Converse, Shofner, Moseley & Garnett (2017), Efficient nonmyopic active
search, https://proceedings.mlr.press/v70/jiang17d.html.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scipy.special import ndtr

from tansaku.models.domain.outlook import NEEDED
from tansaku.models.domain.pool import BoolArray, CandidatePool, FloatArray, IntArray
from tansaku.models.domain.ports import History
from tansaku.models.engine import acquisition
from tansaku.models.engine.goals import Goal, reached_levels
from tansaku.models.engine.posterior import PoolPosterior
from tansaku.models.engine.presets import GPSettings
from tansaku.models.engine.transforms import TransformState

THOMPSON_CANDIDATES = 1000
"""Largest number of candidates of a posterior sample; of more, a random subset is used."""

CONSIDERED = 150
"""The expected number found is computed for so many candidates: the likeliest, and a third as many near the threshold."""

REST = 500
"""Number of candidates, the likeliest ones, that the rest of the budget may be spent on."""


class Moments(Protocol):
    """Means and deviations of a whole pool, in the transform's standardised unit, from any model."""

    @property
    def state(self) -> TransformState:
        """The transform."""
        ...

    @property
    def mean(self) -> FloatArray:
        """Shape ``(n_candidates,)``."""
        ...

    @property
    def deviation(self) -> FloatArray:
        """Shape ``(n_candidates,)``."""
        ...


@dataclass(frozen=True)
class Prediction:
    """A model's prediction for a pool, in the transform's standardised unit.

    Attributes:
        mean: Shape ``(n_candidates,)``.
        deviation: Shape ``(n_candidates,)``.
        posterior: Source of posterior samples.
        weight: Of this member of the model, relative to those of the others.
    """

    state: TransformState
    mean: FloatArray
    deviation: FloatArray
    posterior: PoolPosterior
    weight: float = 1.0


def incumbents(pool: CandidatePool, history: History, prediction: Moments) -> FloatArray:
    """Best value of each system in the transform's standardised unit, shape ``(n_systems,)``.

    Pending candidates count at their predicted mean. For a system without any value, gains
    are relative to its worst plausible candidate.
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


def levels(goal: Goal, pool: CandidatePool, history: History, prediction: Moments) -> FloatArray:
    """Reference values of each system's candidates, in the transform's unit before standardising, shape ``(n_systems,)``.

    The best of the system, the k-th best of all, the threshold, or what touches the hull over a potential. Pending candidates
    count at their predicted mean. While there are fewer than k values, whatever is found counts as a gain on the worst
    plausible candidate of all.
    """
    state = prediction.state
    if goal.kind == "hull":
        return _below_hulls(goal, pool, history, prediction)
    if goal.by_system:
        return incumbents(pool, history, prediction) * state.scale + state.centre
    if goal.kind == "all_below":
        return np.full(len(pool.systems), float(state.bent(np.array([goal.threshold]))[0]))
    known = np.concatenate([history.observed, history.pending])
    standardised = np.concatenate(
        [state.forward(history.values, pool.system_codes[history.observed]), prediction.mean[history.pending]]
    )
    best = reached_levels(goal, pool, known, standardised * state.scale + state.centre[pool.system_codes[known]])
    if np.isinf(best).any():
        plausible = (prediction.mean + prediction.deviation) * state.scale + state.centre[pool.system_codes]
        best = np.full(len(best), float(plausible.max()))
    return best


def _below_hulls(goal: Goal, pool: CandidatePool, history: History, prediction: Moments) -> FloatArray:
    """As :func:`levels`, of hulls of lines; a system with few values has to beat its own best.

    Its first value may be its worst, and by the model of that one nothing of it would seem to reach the hull.
    """
    state, waiting = prediction.state, history.pending
    expected = prediction.mean[waiting] * state.scale + state.centre[pool.system_codes[waiting]]
    values = np.concatenate([history.values, state.restored(expected)])
    reached = reached_levels(goal, pool, np.concatenate([history.observed, waiting]), values, history.lowest)
    plausible = (prediction.mean + prediction.deviation) * state.scale + state.centre[pool.system_codes]
    own = incumbents(pool, history, prediction) * state.scale + state.centre
    few = np.bincount(pool.system_codes[history.observed], minlength=len(pool.systems)) < NEEDED
    return np.where(few, own, np.where(np.isinf(reached), float(plausible.max()), state.bent(reached)))


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
        history: Observations and pending candidates.
        allowed: Candidates that may be proposed, shape ``(n_candidates,)``.
        rng: For Thompson sampling.

    Returns:
        Values of shape ``(n_candidates,)`` and whether they are logarithms.
    """
    state = prediction.state
    best = levels(settings.goal, pool, history, prediction)[pool.system_codes]
    centre = state.centre[pool.system_codes]
    mean, deviation = prediction.mean * state.scale + centre, prediction.deviation * state.scale
    in_logs = state.log and not settings.transformed_gain
    match settings.acquisition:
        case "ei" | "log_ei":
            values, _ = improvement(settings, state, mean, deviation, best)
        case "pi" | "probability":
            values = acquisition.log_probability_of_improvement(mean, deviation, best)
        case "ucb":
            if in_logs:
                values = np.exp(best) - np.exp(mean - settings.exploration * deviation)
            else:
                values = acquisition.confidence_bound_improvement(mean, deviation, best, settings.exploration)
        case "thompson":
            sample = _sample(pool, history, prediction, allowed, rng) * state.scale + centre
            values = np.exp(best) - np.exp(sample) if in_logs else best - sample
        case "straddle":
            values = acquisition.straddle(mean, deviation, best, settings.exploration)
        case "dominance":
            values = _dominance(settings.goal, pool, history, prediction, allowed, rng)
        case "hull_gain" | "hull_entropy":
            values = _of_hulls(settings, pool, history, prediction, allowed, rng)
        case "expected_found":
            posterior, pending = prediction.posterior, history.pending.tolist()
            believed = Believed(
                prediction.mean,
                prediction.deviation,
                posterior.noise,
                lambda left, right: posterior.covariance_between(left, right, pending),
            )
            values = found_gains(believed, allowed, (best - centre) / state.scale, _affordable(pool, history, allowed))
    if settings.acquisition in ("log_ei", "pi", "probability"):
        return values - settings.cost_exponent * np.log(pool.cost), True
    return acquisition.per_cost(values, pool.cost, settings.cost_exponent), False


def improvement(
    settings: GPSettings, state: TransformState, mean: FloatArray, deviation: FloatArray, best: FloatArray
) -> tuple[FloatArray, bool]:
    """Expected improvement before it is divided by cost, any shape, and whether it is a logarithm.

    Args:
        settings: Acquisition ``ei`` or ``log_ei``, and unit of gains.
        mean: Predicted, in the transform's unit before standardising.
        deviation: Predicted.
        best: Values to beat.
    """
    in_logs, logarithmic = state.log and not settings.transformed_gain, settings.acquisition == "log_ei"
    if logarithmic:
        function = acquisition.log_lognormal_improvement if in_logs else acquisition.log_expected_improvement
    else:
        function = acquisition.lognormal_improvement if in_logs else acquisition.expected_improvement
    return function(mean, deviation, best), logarithmic


def _dominance(
    goal: Goal, pool: CandidatePool, history: History, prediction: Prediction, allowed: BoolArray, rng: np.random.Generator
) -> FloatArray:
    from tansaku.models.engine.dominance import dominance  # numba compiles for seconds, for this goal alone

    return dominance(goal, pool, history, prediction, allowed, rng)


def _of_hulls(
    settings: GPSettings,
    pool: CandidatePool,
    history: History,
    prediction: Prediction,
    allowed: BoolArray,
    rng: np.random.Generator,
) -> FloatArray:
    from tansaku.models.engine.on_hull import hull_entropies, hull_gains  # it needs predictions, which are defined here

    function = hull_gains if settings.acquisition == "hull_gain" else hull_entropies
    return function(settings.goal, pool, history, prediction, allowed, rng)


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


@dataclass(frozen=True)
class Believed:
    """Standardised prediction for a pool, as the search for all candidates below a threshold needs it.

    Attributes:
        mean: Shape ``(n_candidates,)``.
        deviation: Shape ``(n_candidates,)``.
        noise: Variance of an observation.
        covariance_between: Posterior covariance of two lists of candidates.
    """

    mean: FloatArray
    deviation: FloatArray
    noise: float
    covariance_between: Callable[[IntArray, IntArray], FloatArray]


def found_gains(believed: Believed, allowed: BoolArray, threshold: FloatArray, remaining: int) -> FloatArray:
    """Returns the expected number of candidates found, see :func:`expected_found`; zero for those not considered.

    Args:
        believed: The model's prediction.
        allowed: Candidates that may be proposed, shape ``(n_candidates,)``.
        threshold: For each candidate, standardised, shape ``(n_candidates,)``.
        remaining: Evaluations that the budget still buys, this one included.

    Returns:
        Shape ``(n_candidates,)``.
    """
    score = (threshold - believed.mean) / np.maximum(believed.deviation, np.finfo(np.float64).tiny)
    likely = _largest(score, allowed, CONSIDERED)
    unsure = _largest(believed.deviation - np.abs(believed.mean - threshold), allowed, CONSIDERED // 3)
    considered = np.union1d(likely, unsure)
    rest = np.union1d(considered, _largest(score, allowed, REST))
    own = np.square(believed.deviation[considered]) + believed.noise
    values = np.zeros(len(allowed))
    values[considered] = expected_found(
        threshold[rest],
        np.searchsorted(rest, considered),
        Conditional(believed.mean[rest], believed.deviation[rest], believed.covariance_between(considered, rest), np.sqrt(own)),
        remaining,
    )
    return values


def _largest(values: FloatArray, allowed: BoolArray, count: int) -> IntArray:
    """Positions of the largest allowed values; of equal ones the lowest positions, shape ``(at most count,)``."""
    positions = np.flatnonzero(allowed)
    order = np.argsort(-values[positions], kind="stable")
    return np.sort(positions[order[:count]])


def _affordable(pool: CandidatePool, history: History, allowed: BoolArray) -> int:
    """Number of evaluations that the budget still allows at the mean cost of the remaining candidates, including this one."""
    remaining = int(allowed.sum())
    if history.remaining_cost is not None:
        remaining = min(remaining, int(history.remaining_cost / float(pool.cost[allowed].mean())))
    if history.remaining_evaluations is not None:
        remaining = min(remaining, history.remaining_evaluations)
    return max(1, remaining)


_NODES = 7
"""Values that a candidate's result is averaged over (Gauss-Hermite)."""

_LOOKAHEAD = 200
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
    further = max(0, min(remaining - 1, _LOOKAHEAD, len(rest.mean) - 1))
    before = float(np.sort(probability)[len(probability) - further :].sum())
    nodes, weights = np.polynomial.hermite_e.hermegauss(_NODES)
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
