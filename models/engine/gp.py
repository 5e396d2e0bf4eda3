"""The Gaussian-process proposer.

Balance between systems: a minimum number of evaluations for each, and proposals reserved for the least-known system.
Expected improvement per cost spends least on systems that are expensive or that began well, and there a search misses minima
most often. Both rules only narrow down which systems may be chosen from; the acquisition chooses within them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import ceil, exp

import numpy as np
from scipy.special import softmax

from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.identifiers import canonical_json
from tansaku.models.domain.outlook import UNCLEAR
from tansaku.models.domain.pool import BoolArray, CandidatePool, FloatArray, IntArray
from tansaku.models.domain.ports import Choice, History
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.specs.objective import AcquisitionName
from tansaku.models.engine.acquisition import first_best
from tansaku.models.engine.barrier import BarrierBelief, barrier_belief
from tansaku.models.engine.certificate import AS_DRAWN, Remaining, question
from tansaku.models.engine.cross import GridLayout, grid_layout, surface_factor
from tansaku.models.engine.ensemble import (
    ENSEMBLE,
    KERNEL,
    MODELS,
    WEIGHT,
    averaged,
    chosen_member,
    draw_ensemble,
    members,
    mixture,
    weight_of,
)
from tansaku.models.engine.failures import likely_to_succeed, success_probability
from tansaku.models.engine.fantasies import IMPROVEMENTS, LEADING, fantasised
from tansaku.models.engine.gain import Prediction, gains
from tansaku.models.engine.goals import reached_levels
from tansaku.models.engine.initial import (
    NEXT_TO_TAKEN,
    farthest,
    growing_position,
    growing_size,
    initial_position,
    initial_size,
    multiplicities,
    rooms,
)
from tansaku.models.engine.kernels import Parameters, Term, covariance, expand, factor_codes, factor_matrix, prior_mean
from tansaku.models.engine.leaders import leading, second_stage
from tansaku.models.engine.likelihood import NOISE, LogPosterior
from tansaku.models.engine.map_fit import centres, completed, default_priors, fit_parameters, observed_posterior
from tansaku.models.engine.median import JITTER, median_parameters
from tansaku.models.engine.on_hull import HullBelief, compositions_of, hull_belief
from tansaku.models.engine.pathwise import check_stationary
from tansaku.models.engine.posterior import PoolPosterior
from tansaku.models.engine.presets import GPSettings, model_kernel
from tansaku.models.engine.simple import allowed_candidates
from tansaku.models.engine.transforms import OutputTransform, TransformState

_SAMPLED: tuple[AcquisitionName, ...] = ("thompson", "dominance", "hull_gain", "hull_entropy")
"""Acquisitions that posterior samples decide: single precision is enough for them."""


FEW = 5
"""Fewest observations of which that is asked."""

_LEAST_EXPLAINED = 0.2
"""Share of the values' variance that a model must explain of values that it was not given."""


@dataclass
class _Cache:
    """A cached posterior and its key; dropped when the key does not match."""

    pool: CandidatePool
    base: int
    posterior: PoolPosterior


class GPProposer:
    """Chooses by a Gaussian process over the whole pool.

    The posterior is cached between calls and rebuilt if it does not match the arguments. Both ways do the same
    arithmetic in the same order (a block of observations up to a number that follows from the arguments, then one by one),
    so that a resumed campaign makes the same choices.

    Args:
        settings: Kernel, transform, rule, acquisition and initial design.
    """

    def __init__(self, settings: GPSettings) -> None:
        self._settings = settings
        self._caches: dict[str, _Cache] = {}
        self._members: list[JsonDict | None] = []
        self._terms: tuple[CandidatePool, tuple[Term, ...]] | None = None
        self._further: tuple[CandidatePool, list[tuple[Term, ...]]] | None = None

    @property
    def name(self) -> str:
        """Name of the model in proposals."""
        return self._settings.name

    def initial_count(self, pool: CandidatePool) -> int:
        """Returns the number of initial candidates of the settings, the same for each system.

        Raises:
            ConfigurationError: The kernel or the mean names a feature group that the pool lacks, a system is too small, or the
                goal or the initial design does not fit the pool.
        """
        self._expanded(pool)
        if self._settings.goal.kind == "on_hull":
            compositions_of(self._settings.goal, pool)
        if self._settings.initial == "symmetric":
            multiplicities(pool)
        if self._settings.initial == "roomy":
            rooms(pool)
        if self._settings.initial in NEXT_TO_TAKEN:
            return growing_size(pool, self._settings.initial_points, by_system=self._settings.goal.by_system)
        return initial_size(pool, self._settings.initial_points)

    def refit_due(self, n_observed: int, fitted_at: Sequence[int]) -> bool:
        """Once for the median rule; whenever the observations have grown by the stated factor for fitted parameters."""
        if not fitted_at:
            return n_observed > 0
        grown = n_observed >= ceil(self._settings.refit_growth * max(fitted_at))
        return self._settings.rule != "median" and (grown or max(fitted_at) < n_observed <= self._settings.refit_each)

    def fit(self, pool: CandidatePool, history: History, previous: JsonDict | None) -> JsonDict:
        """Fits hyper-parameters to the observations, starting from the previous values."""
        terms = self._expanded(pool)
        fitted: JsonDict = {"n_observed": len(history.observed), "n_failed": len(history.failed)}
        if self._settings.rule == "median":
            parameters = self._guess(pool, terms)
        else:
            systems = pool.system_codes[history.observed]
            state = self._settings.transform.fit(history.values, systems, len(pool.systems))
            targets, extra = state.forward(history.values, systems), _prediction_variances(pool, history, state)
            data = (history.observed, targets, (extra, noise_shares(history)), self._settings.priors)
            density = observed_posterior(pool, terms, *data)
            before = _parameters_of(previous) if previous else None
            parameters, fitted["log_density"] = fit_parameters(density, before, restarts=self._settings.restarts)
            fitted["transform"] = state.to_json()
            if self._settings.also:
                others = [observed_posterior(pool, model, *data) for model in self._also(pool)]
                fitted[MODELS] = self._weighed(density, parameters, others, previous)
            if self._settings.spread_unclear:
                fitted[UNCLEAR] = _is_unclear(density.misses(density.pack(parameters)), targets)
            if self._settings.rule == "bayes" and len(history.observed) <= self._settings.bayes_until:
                fitted[ENSEMBLE] = self._ensemble(density, parameters, history)
        fitted["parameters"] = {name: value.tolist() for name, value in parameters.items()}
        return fitted

    def propose(
        self,
        pool: CandidatePool,
        history: History,
        number: int,
        rng: np.random.Generator,
        hyperparameters: JsonDict | None = None,
    ) -> Choice | None:
        """Chooses proposal ``number``, or None when no allowed candidate is left."""
        allowed = allowed_candidates(pool, history)
        if not allowed.any():
            return None
        in_design = number <= self.initial_count(pool)
        if in_design or not len(history.observed):
            design = self._settings.initial
            if design not in NEXT_TO_TAKEN:
                return Choice(initial_position(pool, allowed, number, rng, design), initial=in_design)
            system = (number - 1) % len(pool.systems) if self._settings.goal.by_system else None
            return Choice(growing_position(pool, allowed, history.proposed, system, rng, design), initial=in_design)
        if number % 2 and hyperparameters is not None and hyperparameters.get(UNCLEAR, False):
            return Choice(farthest(pool, allowed, history.proposed))
        state = self._transform(pool, history, hyperparameters)
        predictions = self._predicted(pool, history, hyperparameters, state, rng)
        allowed = _balanced(self._settings, pool, history, predictions, allowed, number)
        values, logarithmic = self._scores(pool, history, predictions, allowed, rng)
        if self._settings.acquisition not in _SAMPLED and any(prediction.posterior.rounded for prediction in predictions):
            allowed, predictions = second_stage(values, allowed, predictions, history, nugget=self._settings.nugget)
            values, logarithmic = self._scores(pool, history, predictions, allowed, rng)
        position = first_best(values, allowed, logarithmic=logarithmic)
        at_choice = mixture(
            [(float(prediction.mean[position]), float(prediction.deviation[position])) for prediction in predictions],
            [prediction.weight for prediction in predictions],
        )
        average, deviation = state.moments(*at_choice, int(pool.system_codes[position]))
        value = float(values[position])
        return Choice(position, acquisition=exp(value) if logarithmic else value, mean=average, deviation=deviation)

    def scores(
        self,
        pool: CandidatePool,
        history: History,
        positions: IntArray,
        rng: np.random.Generator,
        hyperparameters: JsonDict | None = None,
    ) -> FloatArray:
        """Acquisition values of candidates, whether they may be proposed or not, as the next proposal would store them.

        Args:
            history: With at least one observation.
            positions: Of the candidates, shape ``(n,)``.
            rng: That of the next proposal.
            hyperparameters: Of the refit in use.

        Returns:
            Shape ``(n,)``.
        """
        predictions = self._predicted(pool, history, hyperparameters, self._transform(pool, history, hyperparameters), rng)
        # Where values are drawn for what is pending, only so many are judged at a time, and no candidate depends on others.
        one_by_one = self._settings.pending == "drawn" and self._settings.acquisition in IMPROVEMENTS
        found = []
        for part in np.array_split(positions, max(1, ceil(len(positions) / LEADING))) if one_by_one else [positions]:
            allowed = np.zeros(len(pool), dtype=np.bool_) if one_by_one else allowed_candidates(pool, history)
            allowed[part] = True
            values, logarithmic = self._scores(pool, history, predictions, allowed, rng)
            found.append(np.exp(values[part]) if logarithmic else values[part])
        return np.concatenate(found)

    def predictions(self, pool: CandidatePool, history: History, hyperparameters: JsonDict | None = None) -> list[Prediction]:
        """Predicts all candidates with fantasies for pending ones: one prediction, or one per member of an ensemble.

        Args:
            history: With at least one observation.
            hyperparameters: Of the refit in use.
        """
        state = self._transform(pool, history, hyperparameters)
        return [self._predict(pool, history, member, state) for member in self._in_use(hyperparameters)]

    def expected(
        self, pool: CandidatePool, history: History, hyperparameters: JsonDict | None = None
    ) -> tuple[FloatArray, FloatArray]:
        """Predicts every candidate, as for the next proposal.

        Args:
            history: With at least one observation.
            hyperparameters: Of the refit in use.

        Returns:
            Means and deviations in the oriented objective's unit, shape ``(n_candidates,)`` each.
        """
        state = self._transform(pool, history, hyperparameters)
        found = [self._predict(pool, history, member, state) for member in members(hyperparameters)]
        return _moments(pool, state, found, np.arange(len(pool)))

    def terms(self, pool: CandidatePool) -> tuple[Term, ...]:
        """Kernel and mean on a pool, multiplied out."""
        return self._expanded(pool)

    def prior_draws(self, pool: CandidatePool, hyperparameters: JsonDict | None = None) -> PriorDraws:
        """Returns samples of landscapes from the model's prior.

        Args:
            hyperparameters: What :meth:`fit` gave, on this pool or one with the same feature groups; None: the priors' centres.

        Raises:
            ConfigurationError: The pool is too large, or the hyper-parameters belong to other feature groups.
        """
        terms, own = self._expanded(pool), self._unfitted(pool)["parameters"]
        given = own if hyperparameters is None else hyperparameters["parameters"]
        for name, value in own.items():
            if len(given.get(name, ())) != len(value):
                raise ConfigurationError(f"rehearsal: the fitted model has no matching {name!r}; its features differ")
        parameters = {name: np.asarray(given[name], dtype=np.float64) for name in own}
        return PriorDraws(pool, terms, parameters, float(parameters[NOISE][0]), self._settings.transform)

    def remaining(
        self, pool: CandidatePool, history: History, rng: np.random.Generator, hyperparameters: JsonDict | None = None
    ) -> Remaining | BarrierBelief | HullBelief:
        """Asks the model; pending candidates count as open."""
        goal = self._settings.goal
        state = self._transform(pool, history, hyperparameters)
        known = replace(history, pending=np.empty(0, dtype=np.intp))
        predictions = [self._predict(pool, known, member, state) for member in members(hyperparameters)]
        if goal.kind == "bottleneck":
            return barrier_belief(goal, pool, known, predictions, rng)
        if goal.kind == "on_hull":
            return hull_belief(goal, pool, known, predictions, rng)
        open_ = np.ones(len(pool), dtype=np.bool_)
        open_[np.concatenate([history.observed, history.failed])] = False
        levels = reached_levels(goal, pool, history.observed, history.values, history.lowest)
        asked = question(pool, levels, open_, len(history.observed), by_system=goal.by_system)
        price = pool.cost**self._settings.cost_exponent
        asked = replace(asked, price=price, rank=goal.k, counts=goal.kind == "all_below")
        believed = None
        if (len(history.noise) or len(history.repeats)) and len(asked.groups) == asked.rank == 1 and not asked.counts:
            means, _ = _moments(pool, state, predictions, history.observed)
            believed = (int(history.observed[means.argmin()]), float(means.min()))
        return Remaining(pool, predictions, asked, rng, believed=believed)

    def _expanded(self, pool: CandidatePool) -> tuple[Term, ...]:
        if self._terms is None or self._terms[0] is not pool:
            self._terms = (pool, expand(model_kernel(self._settings, pool)))
            if self._settings.goal.pathwise:
                check_stationary(self._terms[1])
        return self._terms[1]

    def _also(self, pool: CandidatePool) -> list[tuple[Term, ...]]:
        """The further kernels on a pool, multiplied out."""
        if self._further is None or self._further[0] is not pool:
            chosen = [replace(self._settings, kernel=name) for name in self._settings.also]
            self._further = (pool, [expand(model_kernel(settings, pool)) for settings in chosen])
        return self._further[1]

    def _weighed(
        self, first: LogPosterior, best: Mapping[str, FloatArray], others: list[LogPosterior], previous: JsonDict | None
    ) -> list[JsonDict]:
        """Fits the further kernels' models, and weighs all as the settings say."""
        found = [dict(best)]
        for place, density in enumerate(others, start=1):
            start = _parameters_of(previous[MODELS][place]) if previous else None
            found.append(fit_parameters(density, start, restarts=self._settings.restarts)[0])
        weights = self._weights([first, *others], found)
        return [
            {KERNEL: place, WEIGHT: weight, "parameters": {name: value.tolist() for name, value in parameters.items()}}
            for place, (parameters, weight) in enumerate(zip(found, weights, strict=True))
        ]

    def _weights(self, densities: Sequence[LogPosterior], found: Sequence[Mapping[str, FloatArray]]) -> list[float]:
        """Weights of fitted models; by the density of each value as the others predict it, or equal.

        Few values tell models apart by little, and a model that fits them too closely predicts them well by chance.
        """
        if self._settings.weights == "equal":
            return [1.0 / len(found)] * len(found)
        merits = [density.left_out(density.pack(parameters)) for density, parameters in zip(densities, found, strict=True)]
        weights: list[float] = softmax(merits).tolist()
        return weights

    def _scores(
        self,
        pool: CandidatePool,
        history: History,
        predictions: list[Prediction],
        allowed: BoolArray,
        rng: np.random.Generator,
    ) -> tuple[FloatArray, bool]:
        """Acquisition values of all candidates, and whether they are logarithms."""
        values, logarithmic = averaged(
            [self._of_one(pool, history, prediction, allowed, rng) for prediction in predictions],
            [prediction.weight for prediction in predictions],
        )
        if self._settings.pending == "drawn" and self._settings.acquisition in IMPROVEMENTS and len(history.pending):
            leaders = leading(values, allowed, LEADING)
            of_leaders, _ = fantasised(self._settings, pool, history, predictions, leaders)
            values = np.full(len(pool), -np.inf if logarithmic else -1.0)
            values[leaders] = of_leaders
        if self._settings.avoid_failures and len(history.refused):
            success = success_probability(pool, history.observed, history.refused)
            values = likely_to_succeed(values, success, logarithmic=logarithmic)
        return values, logarithmic

    def _of_one(
        self, pool: CandidatePool, history: History, prediction: Prediction, allowed: BoolArray, rng: np.random.Generator
    ) -> tuple[FloatArray, bool]:
        """Acquisition values by one model, what is pending as measured at its mean."""
        own = self._settings.own
        if own is not None:
            return own.scores(pool, history, prediction, allowed, rng)
        return gains(self._settings, pool, history, prediction, allowed, rng)

    def _predicted(
        self,
        pool: CandidatePool,
        history: History,
        hyperparameters: JsonDict | None,
        state: TransformState,
        rng: np.random.Generator,
    ) -> list[Prediction]:
        """Predictions by the models that the next proposal averages over."""
        ensemble = self._in_use(hyperparameters)
        used = ensemble if self._settings.acquisition != "thompson" else ensemble[chosen_member(ensemble, rng)]
        return [self._predict(pool, history, member, state) for member in used]

    def _in_use(self, hyperparameters: JsonDict | None) -> list[JsonDict | None]:
        """Returns the members of the current ensemble; posteriors of an earlier ensemble are dropped."""
        ensemble = members(hyperparameters)
        if ensemble != self._members:
            self._caches, self._members = {}, ensemble
        return ensemble

    def _ensemble(self, density: LogPosterior, best: Mapping[str, FloatArray], history: History) -> list[JsonDict]:
        """Samples the members with random numbers derived from the observations, so that a repeated fit is identical."""
        rng = np.random.default_rng([*history.observed.tolist(), len(history.failed)])
        draws = draw_ensemble(density, density.pack(best), self._settings.members, rng)
        return [{name: value.tolist() for name, value in density.unpack(draw).items()} for draw in draws]

    def _transform(self, pool: CandidatePool, history: History, hyperparameters: JsonDict | None) -> TransformState:
        if hyperparameters and "transform" in hyperparameters:
            return TransformState.from_json(hyperparameters["transform"])
        return self._settings.transform.fit(history.values, pool.system_codes[history.observed], len(pool.systems))

    def _predict(
        self, pool: CandidatePool, history: History, hyperparameters: JsonDict | None, state: TransformState
    ) -> Prediction:
        fitted = hyperparameters or self._unfitted(pool)
        order = [*history.observed.tolist(), *history.failed.tolist()]
        posterior = self._posterior(
            pool, fitted, order, _with_shares(prediction_variances(pool, history, state), history, fitted)
        )
        held = posterior.points
        known_points = set(held)
        new = [point for point in order if point not in known_points]
        position_of = {point: i for i, point in enumerate([*held, *new])}
        targets = np.zeros(len(position_of))
        known: BoolArray = np.zeros(len(position_of), dtype=np.bool_)
        rows = [position_of[point] for point in history.observed.tolist()]
        targets[rows] = state.forward(history.values, pool.system_codes[history.observed])
        known[rows] = True
        mean, variance = posterior.predict(new, history.pending.tolist(), targets, known)
        if self._settings.nugget:
            variance = variance + posterior.noise
        return Prediction(state, mean, np.sqrt(variance), posterior, weight_of(fitted))

    def _posterior(self, pool: CandidatePool, fitted: JsonDict, order: list[int], extra: Mapping[int, float]) -> PoolPosterior:
        """The cached posterior, or a new one conditioned on the first ``base`` points."""
        key = canonical_json(fitted)
        base = self._base(fitted, len(order))
        cache = self._caches.get(key)
        fits = cache is not None and cache.pool is pool and cache.base == base
        if cache is not None and fits and set(cache.posterior.points) <= set(order) and cache.posterior.add_variances(extra):
            return cache.posterior
        terms = (self._expanded(pool), *self._also(pool))[fitted.get(KERNEL, 0)]
        parameters = completed(_parameters_of(fitted), terms, lambda: self._guess(pool, terms))
        share, device = self._settings.memory_limit // max(len(self._members), 1), self._settings.device
        posterior = PoolPosterior(pool, terms, parameters, float(parameters[NOISE][0]), share, device)
        posterior.add_variances(extra)
        posterior.start(order[:base])
        self._caches[key] = _Cache(pool, base, posterior)
        return posterior

    def _base(self, fitted: JsonDict, count: int) -> int:
        """Number of points that enter as one block: a function of the arguments alone."""
        base = int(fitted["n_observed"]) + int(fitted["n_failed"])
        while base and (larger := ceil(base * self._settings.refit_growth)) <= count:
            base = larger
        return min(base, count)

    def _unfitted(self, pool: CandidatePool) -> JsonDict:
        parameters = self._guess(pool, self._expanded(pool))
        return {"n_observed": 0, "n_failed": 0, "parameters": {name: value.tolist() for name, value in parameters.items()}}

    def _guess(self, pool: CandidatePool, terms: tuple[Term, ...]) -> dict[str, FloatArray]:
        """Parameters without a fit."""
        if self._settings.rule == "median":
            return {**median_parameters(pool, terms), NOISE: np.array([JITTER])}
        return centres(default_priors(pool, terms, self._settings.priors))


def _parameters_of(fitted: JsonDict) -> dict[str, FloatArray]:
    return {name: np.asarray(value, dtype=np.float64) for name, value in fitted["parameters"].items()}


def _moments(
    pool: CandidatePool, state: TransformState, predictions: Sequence[Prediction], positions: IntArray
) -> tuple[FloatArray, FloatArray]:
    """Means and deviations of candidates by all members together, in the oriented objective's unit, shape ``(n,)`` each."""
    weights = [item.weight for item in predictions]
    rows = [
        state.moments(*mixture([(float(item.mean[i]), float(item.deviation[i])) for item in predictions], weights), int(system))
        for i, system in zip(positions, pool.system_codes[positions], strict=True)
    ]
    mean, deviation = np.array(rows).T
    return mean, deviation


def _is_unclear(misses: FloatArray, targets: FloatArray) -> bool:
    """Returns whether values are predicted from the others hardly better than by the mean of all.

    The targets were centred with the value that is left out, for the model and the mean alike.
    """
    if len(targets) < FEW:
        return False
    return bool(np.square(misses).sum() >= (1.0 - _LEAST_EXPLAINED) * np.square(targets - targets.mean()).sum())


def prediction_variances(pool: CandidatePool, history: History, state: TransformState) -> dict[int, float]:
    """Known variances of the transformed values, by candidate: of predictions and of measurements; empty without any."""
    found = _prediction_variances(pool, history, state)
    return {} if found is None else dict(zip(history.observed.tolist(), found.tolist(), strict=True))


def _prediction_variances(pool: CandidatePool, history: History, state: TransformState) -> FloatArray | None:
    """Known variances of the transformed values, shape ``(n_observed,)``; None without any.

    Values that another model predicted have one, and those that were measured with a stated error; computed ones have none.
    """
    systems, found = pool.system_codes[history.observed], None
    for deviations in (history.deviations, history.noise):
        if len(deviations):
            variances = np.square(state.spread(history.values, deviations, systems))
            found = variances if found is None else found + variances
    return found


def noise_shares(history: History) -> FloatArray | None:
    """Share of the learned noise variance in each value: 1/n in a mean of n measurements; None where all are 1."""
    return 1.0 / history.repeats if len(history.repeats) else None


def _with_shares(variances: dict[int, float], history: History, fitted: JsonDict) -> dict[int, float]:
    """Variances in addition to the learned noise, reduced where the mean of repeated measurements has less noise."""
    shares, noise = noise_shares(history), float(fitted["parameters"][NOISE][0])
    for point, share in () if shares is None else zip(history.observed.tolist(), shares.tolist(), strict=True):
        if share < 1.0:
            variances[point] = variances.get(point, 0.0) - (1.0 - share) * noise
    return variances


CONFIDENCE = 0.95
"""Probability of the tolerances that are compared."""

_JOINT = 48
"""Candidates of a system that are sampled jointly; a certificate that is shown takes more, but here only the order counts."""

_ROUNDING = 1e-9


def _balanced(
    settings: GPSettings,
    pool: CandidatePool,
    history: History,
    predictions: Sequence[Prediction],
    allowed: BoolArray,
    number: int,
) -> BoolArray:
    """Returns the candidates that may be chosen under the settings' floor and share of the worst system.

    Args:
        allowed: Candidates that may be proposed, at least one, shape ``(n_candidates,)``.
    """
    if not settings.goal.by_system or len(pool.systems) < 2:
        return allowed
    codes = pool.system_codes
    open_ = np.bincount(codes[allowed], minlength=len(pool.systems)) > 0
    short = open_ & (np.bincount(codes[history.proposed], minlength=len(pool.systems)) < settings.floor)
    if short.any():
        return allowed & short[codes]
    if not _is_due(settings.worst_first, number):
        return allowed
    system = _widest(settings, pool, history, predictions, allowed)
    return allowed if system is None else allowed & (codes == system)


def _is_due(share: float, number: int) -> bool:
    """Returns whether a proposal's number is reserved for the worst system; reserved numbers are evenly spaced."""
    return int(number * share + _ROUNDING) > int((number - 1) * share + _ROUNDING)


def _widest(
    settings: GPSettings, pool: CandidatePool, history: History, predictions: Sequence[Prediction], allowed: BoolArray
) -> int | None:
    """The system that may still improve most by an allowed candidate; None where none may improve at all.

    Systems without a value are left to the acquisition, which prefers them anyway: one in which every evaluation fails
    would otherwise get the whole share.
    """
    levels = reached_levels(settings.goal, pool, history.observed, history.values, history.lowest)
    asked = replace(question(pool, levels, allowed, len(history.observed), by_system=True), joint=_JOINT)
    # The random numbers are the same at each call, so that systems are compared under the same draws.
    remaining = Remaining(pool, predictions, asked, np.random.default_rng(0), AS_DRAWN)
    system, tolerance = None, 0.0
    for code in np.flatnonzero(np.isfinite(levels)).tolist():
        # A tolerance needs a bisection; for most systems a single comparison shows that theirs is smaller.
        if remaining.probability_of(code, tolerance) < CONFIDENCE:
            system, tolerance = code, remaining.tolerance_of([code], CONFIDENCE)
    return system


DENSE = 6000
"""Largest number of candidates whose full covariance is factorised, if surfaces share no grid."""

GRID = 4000
"""Largest number of points of a shared grid."""


_AS_MODELLED = OutputTransform()


class PriorDraws:
    """Exact samples of a kernel's prior: by surfaces and grid if surfaces share a grid, else from the full covariance.

    Args:
        terms: Normal form of the kernel.
        parameters: Parameter values by name.
        noise: Variance of each value about the smooth function.
        transform: What is done to the objective before it is modelled.

    Raises:
        ConfigurationError: The pool is too large for exact samples.
    """

    def __init__(
        self,
        pool: CandidatePool,
        terms: tuple[Term, ...],
        parameters: Parameters,
        noise: float,
        transform: OutputTransform = _AS_MODELLED,
    ) -> None:
        self._pool, self._noise, self._transform = pool, noise, transform
        self._mean = prior_mean(terms, pool, np.empty(0, dtype=np.intp))
        layout = grid_layout(pool, terms)
        self._roots: list[tuple[FloatArray, FloatArray]] = []
        self._slots = np.arange(len(pool))
        if layout is None:
            if len(pool) > DENSE:
                raise ConfigurationError(
                    f"rehearsal: {len(pool):,} candidates on surfaces without a common grid are too many to sample, "
                    f"expected at most {DENSE:,}",
                    hint="rehearse on a table, or on fewer systems",
                )
            everything = np.arange(len(pool))
            self._roots.append((_root(covariance(terms, pool, parameters, everything, everything)), np.ones((1, 1))))
            return
        if len(layout.grid_members) > GRID:
            raise ConfigurationError(f"rehearsal: a grid of {len(layout.grid_members):,} points, expected at most {GRID:,}")
        if layout.slots is not None:
            self._slots = layout.slots
        self._roots = [_factors(term, pool, parameters, layout) for term in terms]

    def draw(self, rng: np.random.Generator) -> FloatArray:
        """Returns one landscape of the objective with mean 0 and deviation 1, shape ``(n_candidates,)``.

        The model's compression of high values is inverted, which brings the low values of a landscape with a given deviation
        closer together. A logarithm is not inverted, because it does not define the magnitude of the values.
        """
        values = self._transform.stretched(self.latent(rng))
        deviation = float(values.std())
        return np.asarray((values - values.mean()) / (deviation if deviation > 0.0 else 1.0))

    def latent(self, rng: np.random.Generator) -> FloatArray:
        """Returns one sample of the modelled values, noise included, shape ``(n_candidates,)``."""
        total = np.zeros(len(self._pool)) + self._mean
        for rows, columns in self._roots:
            white = rng.standard_normal((rows.shape[1], columns.shape[1]))
            total += (rows @ white @ columns.T).reshape(-1)[self._slots]
        return np.asarray(total + np.sqrt(self._noise) * rng.standard_normal(len(total)))


def _factors(term: Term, pool: CandidatePool, parameters: Parameters, layout: GridLayout) -> tuple[FloatArray, FloatArray]:
    """Roots of a term's covariance between surfaces and between grid points."""
    between = np.full((len(pool.surfaces),) * 2, term.variance(parameters))
    on_grid = np.ones((len(layout.grid_members),) * 2)
    varies = False
    for factor in term.factors:
        codes = factor_codes(factor, pool)
        if surface_factor(factor, pool):
            here = codes[layout.surface_members]
            between *= factor_matrix(factor, pool, parameters, here, here)
        else:
            here, varies = codes[layout.grid_members], True
            on_grid *= factor_matrix(factor, pool, parameters, here, here)
    return _root(between), _root(on_grid) if varies else np.ones((len(on_grid), 1))


def _root(matrix: FloatArray) -> FloatArray:
    """A matrix R with R Rᵀ equal to the given one, which may be singular."""
    values, vectors = np.linalg.eigh(matrix)
    kept = values > 1e-10 * max(float(values[-1]), np.finfo(np.float64).tiny)
    return np.asarray(vectors[:, kept] * np.sqrt(values[kept]))
