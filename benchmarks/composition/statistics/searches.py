"""Many searches on one pool with known values, computed together: one evaluation of each at a time.

Each does what a campaign does with one evaluation in flight: the same initial design, refits at the same numbers, and the same
choice from the same posterior. Fits are made search by search by the campaign's own code; posteriors and acquisition are
computed for all searches together.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from benchmarks.composition.statistics.models import SearchModel
from benchmarks.composition.statistics.posterior import BatchPosterior
from tansaku.models.domain.errors import ConfigurationError, FitError
from tansaku.models.domain.identifiers import proposal_rng
from tansaku.models.domain.pool import BoolArray, FloatArray, IntArray
from tansaku.models.domain.ports import History
from tansaku.models.domain.records import JsonDict
from tansaku.models.engine import acquisition
from tansaku.models.engine.gain import Believed, found_gains
from tansaku.models.engine.initial import initial_position, initial_size
from tansaku.models.engine.presets import GPSettings
from tansaku.models.engine.transforms import TransformState

COVERED = ("ei", "log_ei", "pi", "probability", "expected_found")
"""Acquisitions that these searches support."""


def search_all(model: SearchModel, values: FloatArray, seeds: Sequence[int], evaluations: int) -> IntArray:
    """Searches a pool once with each seed.

    Args:
        model: Model of all searches.
        values: Objective of all candidates, oriented so that smaller is better, NaN where the evaluation fails, shape
            ``(n_candidates,)``.
        seeds: As campaigns have them.
        evaluations: Of each search, the initial design included.

    Returns:
        Positions in the order evaluated, shape ``(n_seeds, n)`` with n at most the size of the pool.

    Raises:
        ConfigurationError: Goal or acquisition is none of those covered, or the initial design does not fit the pool.
        FitError: A first fit failed.
    """
    settings = model.settings
    _check(settings)
    n_initial = initial_size(model.pool, settings.initial_points)
    run = _Run(model, values, seeds, min(evaluations, len(model.pool)))
    for number in range(1, run.evaluations + 1):
        if number <= n_initial:
            chosen = run.designed(number)
        else:
            run.refit()
            chosen = run.choose(number)
        run.evaluate(chosen)
    return run.positions


def first_bests(values: FloatArray, allowed: BoolArray, *, logarithmic: bool) -> IntArray:
    """:func:`~tansaku.models.engine.acquisition.first_best` of every row, shapes ``(n_rows, n)``."""
    candidates = np.where(allowed, values, -np.inf)
    best = candidates.max(axis=1, keepdims=True)
    margin = acquisition.TIE if logarithmic else acquisition.TIE * np.abs(best)
    return np.asarray(np.argmax(allowed & (candidates >= best - margin), axis=1))


def _check(settings: GPSettings) -> None:
    if settings.acquisition not in COVERED:
        raise ConfigurationError(f"statistics: acquisition {settings.acquisition}, expected one of {', '.join(COVERED)}")
    goal = settings.goal
    if goal.kind not in ("best_per_system", "top_k", "all_below") or (goal.kind == "top_k" and goal.k != 1):
        raise ConfigurationError(f"statistics: goal {goal.kind}, expected the best candidate or all below a threshold")


class _Run:
    """The running searches.

    Attributes:
        evaluations: Of each search at its end.
    """

    def __init__(self, model: SearchModel, values: FloatArray, seeds: Sequence[int], evaluations: int) -> None:
        self._model, self._values, self._seeds, self.evaluations = model, values, seeds, evaluations
        n_searches, n_candidates = len(seeds), len(model.pool)
        self._chosen = np.zeros((n_searches, evaluations), dtype=np.intp)
        self._count = 0
        self._allowed = np.ones((n_searches, n_candidates), dtype=np.bool_)
        self._fitted: list[JsonDict] = [{} for _ in seeds]
        self._fitted_at: list[list[int]] = [[] for _ in seeds]
        self._states: list[TransformState | None] = [None for _ in seeds]
        self._spread = BatchPosterior(n_searches, n_candidates, evaluations)
        # A failed evaluation lowers the variance and leaves the mean: two posteriors, where anything fails.
        fails = bool(np.isnan(values).any())
        self._level = BatchPosterior(n_searches, n_candidates, evaluations) if fails else self._spread

    @property
    def positions(self) -> IntArray:
        """Positions of the evaluated candidates, shape ``(n_searches, count)``."""
        return self._chosen[:, : self._count]

    def designed(self, number: int) -> IntArray:
        """Random candidates of the initial design."""
        return np.array([self._random(search, number) for search in range(len(self._seeds))])

    def refit(self) -> None:
        """Fits what is due and tells the posteriors."""
        due = [search for search in range(len(self._seeds)) if self._refitted(search)]
        if not due:
            return
        searches = np.array(due)
        points = self.positions[searches]
        values = np.array([self._standardised(search, self._values[self.positions[search]]) for search in due])
        self._tell(lambda posterior, known: posterior.tell(searches, points, values, known), ~np.isnan(values))

    def choose(self, number: int) -> IntArray:
        """The best of every search by its acquisition; a random one where nothing has been observed."""
        blind = [search for search, state in enumerate(self._states) if state is None]
        values, logarithmic = self._gains()
        chosen = first_bests(values, self._allowed, logarithmic=logarithmic)
        for search in blind:
            chosen[search] = self._random(search, number)
        return chosen

    def evaluate(self, chosen: IntArray) -> None:
        """Evaluates one candidate of each search."""
        self._allowed[np.arange(len(chosen)), chosen] = False
        self._chosen[:, self._count] = chosen
        self._count += 1
        found = self._values[chosen]
        values = np.array([self._standardised(search, found[[search]])[0] for search in range(len(chosen))])
        self._tell(lambda posterior, known: posterior.append(chosen, values, known), ~np.isnan(values))

    def _tell(self, update: Callable[[BatchPosterior, BoolArray], None], known: BoolArray) -> None:
        update(self._spread, np.ones_like(known))
        if self._level is not self._spread:
            update(self._level, known)

    def _random(self, search: int, number: int) -> int:
        rng = proposal_rng(self._seeds[search], number)
        return initial_position(self._model.pool, self._allowed[search], number, rng, self._model.settings.initial)

    def _standardised(self, search: int, values: FloatArray) -> FloatArray:
        """Values in the unit of a search's model; 0 before there is one, when they are not used yet."""
        state = self._states[search]
        return np.zeros(len(values)) if state is None else state.forward(values, np.zeros(len(values), dtype=np.intp))

    def _history(self, search: int) -> History:
        evaluated = self.positions[search]
        known = ~np.isnan(self._values[evaluated])
        return History(evaluated[known], self._values[evaluated[known]], failed=evaluated[~known])

    def _refitted(self, search: int) -> bool:
        """Fits a search's hyper-parameters if that is due, and restarts its posteriors."""
        history = self._history(search)
        n_observed = len(history.observed)
        if not n_observed or not self._model.refit_due(n_observed, self._fitted_at[search]):
            return False
        self._fitted_at[search].append(n_observed)
        try:
            fitted = self._model.fit(history, self._fitted[search] or None)
        except FitError:
            if not self._fitted[search]:
                raise
            return False  # as in a campaign: the last good one stays in use until the next is due
        self._fitted[search] = fitted
        self._states[search] = TransformState.from_json(fitted["transform"])
        prior = self._model.prior(fitted)
        self._tell(lambda posterior, _: posterior.restart(search, prior), np.empty(0, dtype=np.bool_))
        return True

    def _gains(self) -> tuple[FloatArray, bool]:
        """Acquisition per cost, shape ``(n_searches, n_candidates)``, and whether it is logarithmic."""
        settings, pool = self._model.settings, self._model.pool
        variance = self._spread.variance + (self._spread.noise[:, None] if settings.nugget else 0.0)
        mean, deviation = self._level.mean, np.sqrt(variance)
        if settings.acquisition == "expected_found":
            return acquisition.per_cost(self._found(mean, deviation), pool.cost, settings.cost_exponent), False
        scale, centre, best = (column[:, None] for column in self._constants())
        mean, deviation = mean * scale + centre, deviation * scale
        in_logs = settings.transform.log and not settings.transformed_gain
        match settings.acquisition:
            case "ei":
                improvement = acquisition.lognormal_improvement if in_logs else acquisition.expected_improvement
            case "log_ei":
                improvement = acquisition.log_lognormal_improvement if in_logs else acquisition.log_expected_improvement
            case _:
                improvement = acquisition.log_probability_of_improvement
        values = improvement(mean, deviation, best)
        if settings.acquisition == "ei":
            return acquisition.per_cost(values, pool.cost, settings.cost_exponent), False
        return values - settings.cost_exponent * np.log(pool.cost), True

    def _constants(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Scale and centre of each search's transform, and the level to pass before standardising, shape ``(n_searches,)``."""
        lowest = np.fmin.reduce(self._values[self.positions], axis=1)
        rows = np.array([(1.0, 0.0, 0.0)] * len(self._seeds))
        for search, state in enumerate(self._states):
            if state is not None:
                rows[search] = state.scale, state.centre[0], state.bent(self._level_to_pass(lowest[[search]]))[0]
        scale, centre, best = rows.T
        return scale, centre, best

    def _level_to_pass(self, lowest: FloatArray) -> FloatArray:
        goal = self._model.settings.goal
        return np.array([goal.threshold]) if goal.kind == "all_below" else lowest

    def _found(self, mean: FloatArray, deviation: FloatArray) -> FloatArray:
        scale, centre, best = self._constants()
        remaining = self.evaluations - self._count
        values = np.empty_like(mean)
        for search, (own, spread) in enumerate(zip(mean, deviation, strict=True)):
            threshold = np.full(len(own), (best[search] - centre[search]) / scale[search])
            between = partial(self._spread.covariance_between, search)
            believed = Believed(own, spread, float(self._spread.noise[search]), between)
            values[search] = found_gains(believed, self._allowed[search], threshold, remaining)
        return values
