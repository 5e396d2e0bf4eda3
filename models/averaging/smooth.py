"""Averaging over supports whose models bend: linear in few columns, plus a Gaussian process in the same columns.

A model with the columns c says that the target has the covariance

    s² [ h I + (1 - h) ((1 - p) X_c X_cᵀ / k + p exp(-|x_c - x'_c|² / 2 k l²)) + 1 ]

between rows: h is the share of what the columns do not explain, p the share of what bends and l its length. All three are
averaged over a small grid by the evidence, s² has the inverse gamma prior of shape and scale 1. Supports are those with the
largest evidence of the linear models (:mod:`.averaging`). One more model has all columns and no linear part: it takes over
where few columns explain little. Supports together and this one have the same prior probability.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product
from typing import Self

import numpy as np
from scipy.linalg import solve_triangular
from scipy.special import logsumexp

from tansaku.models.averaging.averaging import Mixture, fit_average
from tansaku.models.averaging.subsets import FloatArray, IntArray, log_prior

_SUPPORTS = 40
_KEPT_SHARE, _MOST_KEPT = 0.99, 40
_NOISE = (0.05, 0.3)
_BENDS = ((0.5, 1.0), (0.5, 2.0), (1.0, 1.0), (1.0, 2.0))  # shares and lengths
_STRAIGHT = (0.0, 1.0)
_SHAPE = _SCALE = 1.0  # of the prior of s²


@dataclass(frozen=True, eq=False)
class _Model:
    """Columns, and one point of the grid.

    Attributes:
        columns: Of the table, (k,).
        all_columns: Whether it is the model with all columns.
        bend: Share of the Gaussian process in what is explained.
        length: Of the process, in units of a column's deviation.
        noise: Share that is not explained.
    """

    columns: IntArray
    all_columns: bool
    bend: float
    length: float
    noise: float

    def covariance(self, first: FloatArray, second: FloatArray) -> FloatArray:
        """Computes the covariance of standardised rows, without noise, in units of s², (n_first, n_second)."""
        a, b = first[:, self.columns], second[:, self.columns]
        k = max(1, len(self.columns))
        inner = a @ b.T / k
        if self.bend == 0.0:
            return np.asarray((1.0 - self.noise) * inner + 1.0)
        squares = (a**2).sum(axis=1)[:, None] / k + (b**2).sum(axis=1) / k - 2.0 * inner
        curved = np.exp(-0.5 / self.length**2 * np.maximum(squares, 0.0))
        return np.asarray((1.0 - self.noise) * ((1.0 - self.bend) * inner + self.bend * curved) + 1.0)

    def variance(self, rows: FloatArray) -> FloatArray:
        """Computes the variance of each row, with noise, in units of s², (n_rows,)."""
        linear = (rows[:, self.columns] ** 2).sum(axis=1) / max(1, len(self.columns))
        return np.asarray((1.0 - self.noise) * ((1.0 - self.bend) * linear + self.bend) + 1.0 + self.noise)


@dataclass(frozen=True, eq=False)
class _Fitted:
    """A model that knows rows.

    Attributes:
        factor: Lower Cholesky factor of the covariance of the rows, (n, n).
        solved: The factor's inverse times the target, (n,).
        scale: The mean of s².
    """

    model: _Model
    factor: FloatArray
    solved: FloatArray
    scale: float


@dataclass(frozen=True, eq=False)
class SmoothAverage(Mixture):
    """A mixture of Gaussian processes.

    Attributes:
        x_mean: Centre of each column, (n_columns,).
        x_scale: Unit of each column, (n_columns,).
        y_mean: Mean of the target.
        y_scale: Deviation of the target.
        rows: Known rows, standardised, (n_rows, n_columns).
        fitted: The most probable models, best first.
        weights: Their probabilities; the sum is 1, (n_models,).
    """

    x_mean: FloatArray
    x_scale: FloatArray
    y_mean: float
    y_scale: float
    rows: FloatArray
    fitted: tuple[_Fitted, ...]
    weights: FloatArray

    def components(self, x: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Means and deviations by each model, as ``Mixture`` says."""
        rows = (x - self.x_mean) / self.x_scale
        means, deviations = np.empty((len(self.fitted), len(x))), np.empty((len(self.fitted), len(x)))
        for number, fit in enumerate(self.fitted):
            share = solve_triangular(fit.factor, fit.model.covariance(self.rows, rows), lower=True, check_finite=False)
            means[number] = fit.solved @ share
            variance = fit.model.variance(rows) - (share**2).sum(axis=0)
            deviations[number] = np.sqrt(fit.scale * np.maximum(variance, fit.model.noise))
        return means * self.y_scale + self.y_mean, deviations * self.y_scale

    def conditioned(self, x: FloatArray) -> Self:
        """The mixture once the values of further rows are known and equal what each model predicts."""
        if not len(x):
            return self
        rows = (x - self.x_mean) / self.x_scale
        found = []
        for fit in self.fitted:
            share = solve_triangular(fit.factor, fit.model.covariance(self.rows, rows), lower=True, check_finite=False)
            rest = fit.model.covariance(rows, rows) + fit.model.noise * np.eye(len(rows)) - share.T @ share
            factor = np.block([[fit.factor, np.zeros_like(share)], [share.T, np.linalg.cholesky(rest)]])
            found.append(replace(fit, factor=factor, solved=np.concatenate([fit.solved, np.zeros(len(rows))])))
        return replace(self, rows=np.concatenate([self.rows, rows]), fitted=tuple(found))

    @property
    def column_probabilities(self) -> FloatArray:
        """Probability that a column belongs to the support, (n_columns,); the model with all columns counts for none."""
        result = np.zeros(len(self.x_mean))
        for fit, weight in zip(self.fitted, self.weights, strict=True):
            if not fit.model.all_columns:
                result[fit.model.columns] += weight
        return result


def fit_smooth(x: FloatArray, y: FloatArray, x_mean: FloatArray, x_scale: FloatArray, largest: int = 3) -> SmoothAverage:
    """Averages over the supports with the best linear models and over all columns together.

    Args:
        x: Columns, (n_rows, n_columns).
        y: Target, (n_rows,); at least one row.
        x_mean: Centre of each column, of all rows that will be predicted, (n_columns,).
        x_scale: Unit of each column, (n_columns,).
        largest: Largest number of columns in a support.
    """
    rows, y_mean, y_scale = (x - x_mean) / x_scale, float(y.mean()), float(y.std()) or 1.0
    target = (y - y_mean) / y_scale
    models, logs = [], []
    for model, prior in _models(x, y, largest):
        models.append(model)
        factor, solved = _factored(model, rows, target)
        evidence = -np.log(np.diag(factor)).sum() - (0.5 * len(y) + _SHAPE) * np.log(_SCALE + 0.5 * solved @ solved)
        logs.append(evidence + prior)
    order = np.argsort(-np.array(logs), kind="stable")
    weights = np.exp(np.array(logs)[order] - logsumexp(logs))
    count = min(_MOST_KEPT, int(np.searchsorted(np.cumsum(weights), _KEPT_SHARE)) + 1)
    fitted = []
    for place in order[:count]:
        factor, solved = _factored(models[place], rows, target)
        scale = (_SCALE + 0.5 * float(solved @ solved)) / (_SHAPE + 0.5 * len(y))
        fitted.append(_Fitted(models[place], factor, solved, scale))
    return SmoothAverage(x_mean, x_scale, y_mean, y_scale, rows, tuple(fitted), weights[:count] / weights[:count].sum())


def _models(x: FloatArray, y: FloatArray, largest: int) -> list[tuple[_Model, float]]:
    """Returns the models that are compared, each with the logarithm of its prior probability."""
    straight = fit_average(x, y, largest)
    supports = [member.columns for member in straight.members[:_SUPPORTS] if len(member.columns)]
    every, size = np.arange(x.shape[1]), min(largest, len(straight.considered), len(y) - 1)
    prior = log_prior(len(straight.considered), size) + np.log(0.5)
    few, all_columns = [_STRAIGHT, *_BENDS], _BENDS
    found = [
        (_Model(columns, False, *bend, noise), float(prior[len(columns)]) - np.log(len(few) * len(_NOISE)))
        for columns, bend, noise in product(supports, few, _NOISE)
    ]
    whole = np.log(0.5 / (len(all_columns) * len(_NOISE)))
    return found + [(_Model(every, True, *bend, noise), whole) for bend, noise in product(all_columns, _NOISE)]


def _factored(model: _Model, rows: FloatArray, target: FloatArray) -> tuple[FloatArray, FloatArray]:
    factor = np.asarray(np.linalg.cholesky(model.covariance(rows, rows) + model.noise * np.eye(len(rows))), dtype=np.float64)
    return factor, np.asarray(solve_triangular(factor, target, lower=True, check_finite=False))
