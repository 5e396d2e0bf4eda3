"""Proposer for several quantities of each evaluation: a Gaussian process for each, and a judge of what they are worth.

Quantities with limits multiply what the judge says by the probability that all limits are kept, each by a process of its own.
Gelbart, Snoek & Adams (2014), https://doi.org/10.48550/arXiv.1403.5607; Gardner, Kusner, Xu, Weinberger & Cunningham (2014),
Bayesian optimization with inequality constraints, https://proceedings.mlr.press/v32/gardner14.html.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product
from math import prod
from typing import Protocol

import numpy as np
from scipy.special import log_ndtr

from tansaku.models.domain.feasibility import keeps_limits
from tansaku.models.domain.pool import BoolArray, CandidatePool, FloatArray, IntArray
from tansaku.models.domain.ports import Choice, History, NextGains
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.specs.objective import LimitSpec
from tansaku.models.engine.acquisition import first_best, per_cost
from tansaku.models.engine.certificate import JOINT, Question, question
from tansaku.models.engine.ensemble import averaged, mixture
from tansaku.models.engine.failures import likely_to_succeed, success_probability
from tansaku.models.engine.gain import Prediction, gains
from tansaku.models.engine.goals import Goal, reached_levels
from tansaku.models.engine.gp import GPProposer
from tansaku.models.engine.leaders import second_stage
from tansaku.models.engine.outlook import SAMPLES, kept_in_each
from tansaku.models.engine.presets import GPSettings
from tansaku.models.engine.several_outlook import Limited, LimitedAhead, drawn, kept_in, sampled_at
from tansaku.models.engine.simple import allowed_candidates
from tansaku.models.engine.transforms import OutputTransform, TransformState

OBJECTIVES = "objectives"
"""Under which a refit keeps what was fitted to each quantity."""

_OF_ALL = Goal("top_k")
_TINY = float(np.finfo(np.float64).tiny)


@dataclass(frozen=True)
class Known:
    """Results and predictions that a judge is given before a proposal.

    Attributes:
        history: Observations and pending candidates.
        predictions: Of each objective: one prediction, or one per member of an ensemble.
        kept: Which observations keep all limits, shape ``(n_observed,)``.
        likely: Which pending candidates are expected to keep them, shape ``(n_pending,)``.
        allowed: Candidates that may be proposed, shape ``(n_candidates,)``.
    """

    pool: CandidatePool
    history: History
    predictions: Sequence[Sequence[Prediction]]
    kept: BoolArray
    likely: BoolArray
    allowed: BoolArray

    @property
    def values(self) -> FloatArray:
        """Observed values of all objectives, oriented, shape ``(n_observed, n_objectives)``."""
        further = self.history.others[:, : len(self.predictions) - 1]
        return np.column_stack([self.history.values, further]) if further.size else self.history.values[:, None]


def joined(predictions: Sequence[Sequence[Prediction]]) -> tuple[list[tuple[Prediction, ...]], list[float]]:
    """Members of the models of all objectives together, and their weights.

    Args:
        predictions: Of each objective: one prediction, or one per member of its model.
    """
    alike = all(len({item.weight for item in of_one}) == 1 for of_one in predictions)
    members = list(zip(*predictions, strict=True) if alike else product(*predictions))
    return members, [prod(prediction.weight for prediction in of_all) for of_all in members]


class Judge(Protocol):
    """Worth of a candidate by all its objectives."""

    @property
    def name(self) -> str:
        """Added to the name of the model in proposals; may be empty."""
        ...

    @property
    def goal(self) -> Goal | None:
        """The wanted candidates; None: a front of all systems together, which has no level."""
        ...

    @property
    def count(self) -> int:
        """Number of objectives."""
        ...

    @property
    def oriented(self) -> int:
        """Number of the first of them of which low values are always better."""
        ...

    def values(self, known: Known, rng: np.random.Generator) -> tuple[FloatArray, bool]:
        """Acquisition values of all candidates, costs left out, and whether they are logarithms; anything where not allowed."""
        ...

    def ahead(self, known: Known, asked: Question, kept: Sequence[BoolArray], rng: np.random.Generator) -> NextGains:
        """Gains of the next evaluations, by samples.

        Args:
            known: Without pending candidates.
            asked: Its groups have the candidates to be sampled, the best by the acquisition first.
            kept: Which samples of each group keep all limits, shape ``(n_samples, n)`` each.
        """
        ...


class LevelJudge:
    """A single objective: improvement on the level of the goal, which only observations that keep the limits set.

    Args:
        settings: Acquisition and goal.
    """

    name = ""
    count = 1
    oriented = 1

    def __init__(self, settings: GPSettings) -> None:
        # Logarithms do not vanish where an improvement that keeps the limits is very unlikely.
        logarithmic = "log_ei" if settings.acquisition == "ei" else settings.acquisition
        self._settings, self.goal = replace(settings, acquisition=logarithmic, cost_exponent=0.0), settings.goal

    def values(self, known: Known, rng: np.random.Generator) -> tuple[FloatArray, bool]:
        """Acquisition values of all candidates, and whether they are logarithms."""
        history = replace(
            known.history,
            observed=known.history.observed[known.kept],
            values=known.history.values[known.kept],
            pending=known.history.pending[known.likely],
        )
        (of_one,) = known.predictions
        parts = [gains(self._settings, known.pool, history, prediction, known.allowed, rng) for prediction in of_one]
        return averaged(parts, [prediction.weight for prediction in of_one])

    def ahead(self, known: Known, asked: Question, kept: Sequence[BoolArray], rng: np.random.Generator) -> NextGains:
        """Gains of the next evaluations, by samples; arguments as of ``Judge``."""
        (of_one,) = known.predictions
        members = []
        for member in of_one:
            groups = zip(asked.groups, kept, strict=True)
            samples = [Limited(sampled_at(known.pool, member, group, SAMPLES, rng), within) for group, within in groups]
            members.append((member.state, samples))
        return ahead_of(known, asked, members, [member.weight for member in of_one], kept)


def ahead_of(
    known: Known,
    asked: Question,
    members: Sequence[tuple[TransformState, Sequence[Limited]]],
    weights: Sequence[float],
    kept: Sequence[BoolArray],
) -> LimitedAhead:
    """Gains of the next evaluations where candidates are compared with a level.

    Args:
        members: Transform and samples of each group, of each member of the model.
        weights: Of the members.
        kept: Which samples of each group keep all limits.
    """
    price = np.ones(len(known.pool)) if asked.price is None else asked.price
    none = not known.kept.any()
    return LimitedAhead(asked.levels, members, price, asked.rank, weights, asked.counts, tuple(kept), none)


@dataclass(frozen=True)
class Estimated:
    """Gains of the next evaluations; nothing is certified where each gives several quantities (implements ``RemainingGain``).

    Attributes:
        ahead: The gains.
        estimate: None.
        believed: None.
        on_hull: None.
    """

    ahead: NextGains
    estimate: None = None
    believed: None = None
    on_hull: None = None

    def probabilities(self, _within: float) -> FloatArray:
        """Zero for each group."""
        return np.zeros(self.ahead.groups)

    def tolerances(self, _confidence: float) -> tuple[float, FloatArray]:
        """None is known, of no group."""
        return np.inf, np.empty(0)

    def tolerance_of(self, _groups: Sequence[int], _confidence: float) -> float:
        """None is known."""
        return np.inf


class SeveralProposer:
    """Chooses the candidate that is worth most by a judge of its objectives and keeps the limits with the largest probability.

    Every quantity has a Gaussian process of its own on the same pool, with the same settings; they count as independent.
    Pending candidates count as measured at their predicted means.

    Args:
        settings: Kernel, transform, rule and initial design.
        judge: Of the objectives.
        limits: Of further quantities, which follow the objectives in a history.
    """

    def __init__(self, settings: GPSettings, judge: Judge, limits: Sequence[LimitSpec] = ()) -> None:
        self._settings, self._judge, self._limits = settings, judge, tuple(limits)
        share = replace(settings, memory_limit=settings.memory_limit // (judge.count + len(self._limits)))
        # No end of the other quantities is always better than the other: none is compressed, and nothing is expected of it.
        plain = replace(share, transform=OutputTransform(), expects=False)
        others = judge.count - judge.oriented + len(self._limits)
        self._models = (*(GPProposer(share) for _ in range(judge.oriented)), *(GPProposer(plain) for _ in range(others)))

    @property
    def name(self) -> str:
        """Preset, what judges, and whether there are limits."""
        return "+".join(filter(None, (self._settings.name, self._judge.name, "limits" if self._limits else "")))

    def initial_count(self, pool: CandidatePool) -> int:
        """Returns the number of initial candidates, as for one objective."""
        return self._models[0].initial_count(pool)

    def refit_due(self, n_observed: int, fitted_at: Sequence[int]) -> bool:
        """Returns whether a fit is due, as for one objective."""
        return self._models[0].refit_due(n_observed, fitted_at)

    def fit(self, pool: CandidatePool, history: History, previous: JsonDict | None) -> JsonDict:
        """Fits the hyper-parameters of every quantity; a failed fit of one is a failed fit of all."""
        fitted = [
            model.fit(pool, part, before)
            for model, part, before in zip(self._models, self._parts(history), self._by_model(previous), strict=True)
        ]
        return {OBJECTIVES: fitted}

    def propose(
        self,
        pool: CandidatePool,
        history: History,
        number: int,
        rng: np.random.Generator,
        hyperparameters: JsonDict | None = None,
    ) -> Choice | None:
        """Chooses proposal ``number``, or None when no allowed candidate is left."""
        if number <= self.initial_count(pool) or not len(history.observed):
            return self._models[0].propose(pool, history, number, rng)
        allowed = allowed_candidates(pool, history)
        if not allowed.any():
            return None
        predictions = self._predictions(pool, history, hyperparameters)
        values, logarithmic = self._scores(pool, history, predictions, allowed, rng)
        if any(item.posterior.rounded for of_one in predictions for item in of_one):
            nugget = self._settings.nugget
            staged = [second_stage(values, allowed, of_one, history, nugget=nugget) for of_one in predictions]
            allowed, predictions = staged[0][0], [again for _, again in staged]
            values, logarithmic = self._scores(pool, history, predictions, allowed, rng)
        position = first_best(values, allowed, logarithmic=logarithmic)
        system, value = int(pool.system_codes[position]), float(values[position])
        (mean, deviation), *others = [_at(position, system, of_one) for of_one in predictions]
        worth = float(np.exp(value)) if logarithmic else value
        return Choice(position, acquisition=worth, mean=mean, deviation=deviation, others=tuple(others))

    def remaining(
        self, pool: CandidatePool, history: History, rng: np.random.Generator, hyperparameters: JsonDict | None = None
    ) -> Estimated:
        """Asks the models; pending candidates count as open."""
        goal, history = self._judge.goal or _OF_ALL, replace(history, pending=np.empty(0, dtype=np.intp))
        predictions = self._predictions(pool, history, hyperparameters)
        open_ = np.ones(len(pool), dtype=np.bool_)
        open_[np.concatenate([history.observed, history.failed])] = False
        scores, _ = self._scores(pool, history, predictions, open_, rng)
        kept = keeps_limits(self._limits, history.others)
        levels = reached_levels(goal, pool, history.observed[kept], history.values[kept], history.lowest)
        asked = question(pool, levels, open_, len(history.observed), by_system=goal.by_system)
        most = min(JOINT, kept_in_each(len(asked.groups)))
        groups = tuple(group[np.argsort(-scores[group], kind="stable")][:most] for group in asked.groups)
        price = pool.cost**self._settings.cost_exponent
        asked = replace(asked, groups=groups, price=price, rank=goal.k, counts=goal.kind == "all_below")
        objectives, limited = predictions[: self._judge.count], predictions[self._judge.count :]
        within = [self._kept_at(pool, limited, group, rng) for group in groups]
        known = Known(pool, history, objectives, kept, np.empty(0, dtype=np.bool_), open_)
        return Estimated(self._judge.ahead(known, asked, within, rng))

    def _kept_at(
        self, pool: CandidatePool, limited: Sequence[Sequence[Prediction]], positions: IntArray, rng: np.random.Generator
    ) -> BoolArray:
        """Returns which samples of candidates keep all limits, shape ``(n_samples, n)``."""
        quantities = [drawn(pool, of_one, positions, rng) for of_one in limited]
        return kept_in(self._limits, quantities, len(positions))

    def _predictions(
        self, pool: CandidatePool, history: History, hyperparameters: JsonDict | None
    ) -> list[Sequence[Prediction]]:
        """Predictions of each quantity: one, or one per member of its model."""
        return [
            model.predictions(pool, part, parameters)
            for model, part, parameters in zip(self._models, self._parts(history), self._by_model(hyperparameters), strict=True)
        ]

    def _parts(self, history: History) -> list[History]:
        """The history as each quantity's model sees it."""
        # What is stated about the errors of the first objective's values says nothing of the others.
        none = np.empty(0)
        return [history, *(replace(history, values=column, deviations=none, noise=none) for column in history.others.T)]

    def _by_model(self, hyperparameters: JsonDict | None) -> Sequence[JsonDict | None]:
        return hyperparameters[OBJECTIVES] if hyperparameters else [None] * len(self._models)

    def _scores(
        self,
        pool: CandidatePool,
        history: History,
        predictions: Sequence[Sequence[Prediction]],
        allowed: BoolArray,
        rng: np.random.Generator,
    ) -> tuple[FloatArray, bool]:
        """Acquisition values of all candidates, divided by cost, and whether they are logarithms."""
        objectives, limited = predictions[: self._judge.count], predictions[self._judge.count :]
        kept, likely = keeps_limits(self._limits, history.others), self._likely(pool, history, limited)
        known = Known(pool, history, objectives, kept, likely, allowed)
        chances = [log_chance(limit, pool, of_one) for limit, of_one in zip(self._limits, limited, strict=True)]
        if not chances:
            values, logarithmic = self._judge.values(known, rng)
        elif not kept.any() and not likely.any():
            values, logarithmic = np.asarray(sum(chances)), True
        else:
            values, logarithmic = self._judge.values(known, rng)
            values, logarithmic = (values if logarithmic else np.log(np.maximum(values, _TINY))) + sum(chances), True
        if self._settings.avoid_failures and len(history.refused):
            success = success_probability(pool, history.observed, history.refused)
            values = likely_to_succeed(values, success, logarithmic=logarithmic)
        exponent = self._settings.cost_exponent
        return values - exponent * np.log(pool.cost) if logarithmic else per_cost(values, pool.cost, exponent), logarithmic

    def _likely(self, pool: CandidatePool, history: History, limited: Sequence[Sequence[Prediction]]) -> BoolArray:
        """Whether each pending candidate is expected to keep all limits, shape ``(n_pending,)``."""
        means = [[_at(at, int(pool.system_codes[at]), of_one)[0] for of_one in limited] for at in history.pending.tolist()]
        return keeps_limits(self._limits, np.array(means).reshape(len(means), len(limited)))


def log_chance(limit: LimitSpec, pool: CandidatePool, members: Sequence[Prediction]) -> FloatArray:
    """Logarithm of the probability that each candidate keeps a limit, shape ``(n_candidates,)``.

    Args:
        limit: Of one quantity.
        members: Predictions of the quantity.
    """
    parts = []
    for item in members:
        centre = item.state.centre[pool.system_codes]
        deviation = np.maximum(item.deviation, _TINY)
        low, high = (((bound - centre) / item.state.scale - item.mean) / deviation for bound in limit.bounds)
        parts.append((log_between(low, high), True))
    return averaged(parts, [item.weight for item in members])[0]


def log_between(low: FloatArray, high: FloatArray) -> FloatArray:
    """Logarithm of the probability that a standard normal number is between two, which may be infinite; any shape."""
    # By symmetry the nearer tail is below zero, where logarithms keep their digits.
    flipped = low > 0.0
    low, high = np.where(flipped, -high, low), np.where(flipped, -low, high)
    above = log_ndtr(high)
    with np.errstate(invalid="ignore"):
        apart = np.minimum(log_ndtr(low) - above, 0.0)
    with np.errstate(divide="ignore"):
        inside = np.log(-np.expm1(np.where(np.isnan(apart), 0.0, apart)))
    return np.asarray(above + np.maximum(inside, np.log(_TINY)))


def _at(position: int, system: int, members: Sequence[Prediction]) -> tuple[float, float]:
    """Predicted mean and deviation of one quantity at a candidate, oriented, in its unit."""
    together = mixture(
        [(float(item.mean[position]), float(item.deviation[position])) for item in members], [item.weight for item in members]
    )
    return members[0].state.moments(*together, system)
