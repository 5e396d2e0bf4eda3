"""Proposer by Bayesian model averaging over small supports, for tables with many descriptors and few known values."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

import numpy as np
from scipy.special import ndtr

from tansaku.models.averaging.averaging import Average, Mixture, fit_average
from tansaku.models.averaging.smooth import fit_smooth
from tansaku.models.domain.descriptors import DescriptorOffer
from tansaku.models.domain.pool import BoolArray, CandidatePool, FeatureGroup, FloatArray, IntArray
from tansaku.models.domain.ports import Choice, History
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.specs.campaign import ObjectiveSpec
from tansaku.models.domain.specs.proposer import SparseProposerSpec
from tansaku.models.engine.acquisition import expected_improvement, first_best, per_cost
from tansaku.models.engine.gain import levels
from tansaku.models.engine.goals import Goal, goal_of
from tansaku.models.engine.initial import initial_position, initial_size
from tansaku.models.engine.simple import ModelFree, allowed_candidates
from tansaku.models.engine.sparse.purchase import LEAST_KNOWN, Guess, Market, guessed
from tansaku.models.engine.transforms import OutputTransform, TransformState


@dataclass(frozen=True, eq=False)
class Columns:
    """Numbers of all candidates.

    Attributes:
        names: Of the columns: ``group.column``, ``group.column=code`` for a category, ``system=name``.
        values: NaN where a number can still be measured, (n_candidates, n_columns).
        prices: Of one number; 0 where none can be bought, (n_columns,).
    """

    names: tuple[str, ...]
    values: FloatArray
    prices: FloatArray


def columns_of(pool: CandidatePool) -> Columns:
    """The columns of a pool: numbers as they are, categories and systems as indicators.

    Columns that are the same for all candidates, and further copies of a column up to scale and offset, are left out; so are
    columns of which fewer numbers are known than others can be predicted from.
    """
    names: list[str] = []
    parts: list[FloatArray] = []
    prices: list[float] = []
    for _, group in sorted(pool.groups.items()):
        found = _indicators(group) if group.categorical else (_named(group), group.values)
        names += found[0]
        parts.append(found[1][group.index])
        prices += [0.0] * len(found[0]) if group.categorical else [group.prices.get(column, 0.0) for column in group.columns]
    if len(pool.systems) > 1:
        names += [f"system={system}" for system in pool.systems]
        parts.append(np.eye(len(pool.systems))[pool.system_codes])
        prices += [0.0] * len(pool.systems)
    values = np.concatenate(parts, axis=1) if parts else np.empty((len(pool), 0))
    missing = np.isnan(values)
    whole = np.flatnonzero(~missing.any(axis=0))
    partly = np.flatnonzero(missing.any(axis=0) & ((~missing).sum(axis=0) >= LEAST_KNOWN))
    kept = sorted([*whole[_distinct(values[:, whole])].tolist(), *partly.tolist()])
    return Columns(tuple(names[i] for i in kept), np.ascontiguousarray(values[:, kept]), np.array([prices[i] for i in kept]))


def _named(group: FeatureGroup) -> list[str]:
    return [f"{group.name}.{column}" for column in group.columns]


def _indicators(group: FeatureGroup) -> tuple[list[str], FloatArray]:
    """One column per code of each categorical column."""
    names: list[str] = []
    parts: list[FloatArray] = []
    for name, column in zip(_named(group), group.values.T, strict=True):
        codes = np.unique(column)
        names += [f"{name}={code:g}" for code in codes]
        parts.append((column[:, None] == codes).astype(np.float64))
    return names, np.concatenate(parts, axis=1) if parts else np.empty((len(group.values), 0))


def _distinct(values: FloatArray) -> list[int]:
    """Places of the columns that vary and are no multiple of an earlier one."""
    centred = values - values.mean(axis=0)
    norms = np.linalg.norm(centred, axis=0)
    varying = np.flatnonzero(norms > 1e-12 * np.maximum(np.abs(values).max(axis=0, initial=0.0), 1e-300) * np.sqrt(len(values)))
    unit = centred[:, varying] / norms[varying]
    same = np.abs(unit.T @ unit) > 1.0 - 1e-12
    first = np.argmax(same, axis=0) if len(varying) else np.empty(0, dtype=np.intp)
    return [int(varying[i]) for i in np.flatnonzero(first == np.arange(len(varying)))]


# ruff: noqa: ARG002 - the contract hands over more than this needs


_DESIGN = 5
"""Initial points together, where the spec says none."""

_AT_ONCE = 50_000
"""Candidates whose predictions by all supports are held in memory."""


@dataclass(frozen=True, eq=False)
class _Mixture:
    """Prediction of a pool in the transform's unit.

    Attributes:
        mean: (n_candidates,).
        deviation: (n_candidates,).
    """

    state: TransformState
    mean: FloatArray
    deviation: FloatArray


@dataclass(frozen=True, eq=False)
class _Table:
    """A pool as the models see it.

    Attributes:
        columns: As the pool has them.
        guess: Missing numbers predicted; None: none is missing.
    """

    columns: Columns
    guess: Guess | None

    @property
    def rows(self) -> FloatArray:
        """The numbers of all candidates, predicted where they are missing, (n_candidates, n_columns)."""
        return self.columns.values if self.guess is None else self.guess.x

    def components(self, average: Mixture, part: IntArray) -> tuple[FloatArray, FloatArray]:
        """Means and deviations by each model for some candidates."""
        if self.guess is None:
            return average.components(self.rows[part])
        if not isinstance(average, Average):
            raise AssertionError("only linear models predict rows whose numbers are missing; the spec allows no others")
        return average.components(self.rows[part], self.guess.deviation[part])


class SparseProposer(ModelFree):
    """Chooses by expected improvement, or by the probability of passing a threshold, averaged over supports, per cost.

    Nothing is kept between calls but the columns of the last pool, with predictions of numbers that it lacks. Pending
    candidates count as measured at what each support predicts. Columns may include indicators of systems; a candidate is
    compared with the best of its own system. Stated errors of measurements and repeats are not used: the noise is learned from
    all values alike.
    """

    name = "sparse"

    def __init__(self, spec: SparseProposerSpec, goal: Goal) -> None:
        self._spec, self._goal = spec, goal
        self._known: tuple[CandidatePool, _Table] | None = None

    def initial_count(self, pool: CandidatePool) -> int:
        """Returns the number of initial candidates.

        The spec's number for each system; by default five in all, at least one and at most all of each system.

        Raises:
            ConfigurationError: A system has fewer.
        """
        points = self._spec.initial_points
        if points is None:
            smallest = int(np.bincount(pool.system_codes, minlength=len(pool.systems)).min())
            points = max(1, min(smallest, ceil(_DESIGN / len(pool.systems))))
        return initial_size(pool, points)

    def _choose(
        self, pool: CandidatePool, history: History, allowed: BoolArray, number: int, rng: np.random.Generator
    ) -> Choice:
        in_design = number <= self.initial_count(pool)
        if in_design or not len(history.observed):
            return Choice(initial_position(pool, allowed, number, rng, "random"), initial=in_design)
        state, average, table = self._fitted(pool, history)
        parts = np.array_split(np.arange(len(pool)), ceil(len(pool) / _AT_ONCE))
        kept = table.components(average, parts[0]) if len(parts) == 1 else None  # a larger pool is predicted twice
        mean, deviation = average.moments(*kept) if kept is not None else _moments(average, table)
        level = levels(self._goal, pool, history, _Mixture(state, mean, deviation))
        values = np.zeros(len(pool))
        for part in parts:
            means, deviations = table.components(average, part) if kept is None else kept
            values[part] = self._gains(average.weights, means, deviations, level[pool.system_codes[part]])
        values = per_cost(values, pool.cost, self._spec.cost_exponent)
        position = first_best(values, allowed, logarithmic=False)
        system = int(pool.system_codes[position])
        expected, spread = state.moments(float(mean[position]), float(deviation[position]), system)
        return Choice(position, acquisition=float(values[position]), mean=expected, deviation=spread)

    def expected(
        self, pool: CandidatePool, history: History, hyperparameters: JsonDict | None = None
    ) -> tuple[FloatArray, FloatArray]:
        """Predicts every candidate, as for the next proposal.

        Args:
            history: With at least one observation.
            hyperparameters: Not used.

        Returns:
            Means and deviations in the oriented objective's unit, shape ``(n_candidates,)`` each.
        """
        state, average, table = self._fitted(pool, history)
        pairs = [
            state.moments(float(mean), float(deviation), int(system))
            for mean, deviation, system in zip(*_moments(average, table), pool.system_codes, strict=True)
        ]
        means, deviations = np.array(pairs).T
        return means, deviations

    def descriptor(self, pool: CandidatePool, history: History) -> DescriptorOffer | None:
        """The numbers of a column that gain more per price than the value of the best candidate.

        Args:
            history: Pending candidates count as measured at their predictions.

        Returns:
            None where no number is missing, too few values are known, the money does not suffice, or a value gains more.
        """
        if len(history.observed) < LEAST_KNOWN or self._table(pool).guess is None:
            return None
        state, average, table = self._fitted(pool, history)
        candidates = np.flatnonzero(allowed_candidates(pool, history))
        if table.guess is None or not isinstance(average, Average) or not len(candidates):
            return None
        level = levels(self._goal, pool, history, _Mixture(state, *_moments(average, table)))
        columns, money = table.columns, np.inf if history.remaining_cost is None else history.remaining_cost
        value_price = float(pool.cost[candidates].min())
        market = Market(average, table.guess, float(level[0]), candidates, columns.prices, value_price, money)
        best = max(market.columns(), key=lambda item: item.per_price, default=None)
        of_value = float(market.gains.max()) / market.value_price
        if best is None or best.column is None or best.per_price <= of_value:
            return None
        return DescriptorOffer(
            column=columns.names[best.column].partition(".")[2],
            candidates=tuple(str(pool.ids[row]) for row in best.rows),
            price=best.price,
            gain=best.gain,
            per_price=best.per_price,
            value_per_price=of_value,
        )

    def probabilities(self, pool: CandidatePool, history: History) -> dict[str, float]:
        """Probability that a column belongs to the support, by name, the most probable first."""
        _, average, _ = self._fitted(pool, history)
        found = zip(self._table(pool).columns.names, average.column_probabilities.tolist(), strict=True)
        return dict(sorted(found, key=lambda pair: -pair[1]))

    def _fitted(self, pool: CandidatePool, history: History) -> tuple[TransformState, Mixture, _Table]:
        """The transform, the mixture with fantasies for what is pending, and the columns of all candidates."""
        table = self._table(pool)
        rows, asked = table.rows, self._spec.transform
        transform = OutputTransform(asked.log, "none", asked.compress)
        systems = pool.system_codes[history.observed]
        state = transform.fit(history.values, systems, len(pool.systems))
        known, values, largest = rows[history.observed], state.forward(history.values, systems), self._spec.max_features
        average: Mixture = (
            fit_smooth(known, values, rows.mean(axis=0), rows.std(axis=0), largest)
            if self._spec.residual == "gp"
            else fit_average(known, values, largest)
        )
        return state, average.conditioned(rows[history.pending]), table

    def _gains(self, weights: FloatArray, means: FloatArray, deviations: FloatArray, level: FloatArray) -> FloatArray:
        if self._goal.kind == "all_below":
            return np.asarray(weights @ ndtr((level - means) / np.maximum(deviations, np.finfo(np.float64).tiny)))
        return np.asarray(weights @ expected_improvement(means, deviations, level))

    def _table(self, pool: CandidatePool) -> _Table:
        if self._known is None or self._known[0] is not pool:
            columns = columns_of(pool)
            guess = guessed(columns.values, self._spec.max_features) if np.isnan(columns.values).any() else None
            self._known = (pool, _Table(columns, guess))
        return self._known[1]


def _moments(average: Mixture, table: _Table) -> tuple[FloatArray, FloatArray]:
    count = len(table.rows)
    parts = [
        average.moments(*table.components(average, part)) for part in np.array_split(np.arange(count), ceil(count / _AT_ONCE))
    ]
    return np.concatenate([mean for mean, _ in parts]), np.concatenate([deviation for _, deviation in parts])


def open_sparse(spec: SparseProposerSpec, objective: ObjectiveSpec | None, _constraints: object) -> SparseProposer:
    """The proposer of a spec, for a campaign's goal."""
    return SparseProposer(spec, goal_of(objective or ObjectiveSpec()))
