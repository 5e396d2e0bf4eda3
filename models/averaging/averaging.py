"""Bayesian model averaging over supports: predictions of a linear model whose few columns are uncertain.

Every support of at most K columns is scored by its evidence at three ratios of the deviations of weights and noise; the best
of each size are scored again by the free energy, which integrates over both (:mod:`.evidence`). What a support predicts is
averaged over the ratios, the supports over their posterior (Hoeting, Madigan, Raftery & Volinsky 1999,
doi:10.1214/ss/1009212519).

At one ratio r the weights are normal with mean ``(G + 1/r)⁻¹ g`` and covariance ``s² (G + 1/r)⁻¹``, the intercept has the
variance ``s² / n``, and s² has an inverse gamma distribution cut at the bounds of the grid.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from functools import cache, reduce
from math import ceil, comb
from typing import Self

import numpy as np
from scipy.special import logsumexp

from tansaku.models.averaging.design import Design
from tansaku.models.averaging.evidence import NoiseGrid
from tansaku.models.averaging.subsets import FloatArray, IntArray, log_prior, number_of_supports, unrank
from tansaku.models.averaging.sweep import Moments, sweep_together

MOST_SUPPORTS = 200_000
"""Supports that are swept; of a table with more, columns are screened first."""

RESCORED = 200
"""Supports of each size whose free energy is computed."""

_KEPT_SHARE = 0.999
_MOST_KEPT = 150
_SWEPT_RATIOS = (0.7, 3.0, 12.0)  # s_w / s: weak, ordinary and strong effects
_NOISE_STEPS = 40
_IN_CACHE = 50_000  # numbers that are worked on together: more of them cost time in memory
_FLOOR = 1e-6  # of Q by row: the square of the smallest noise


@dataclass(frozen=True, eq=False)
class Member:
    """Prediction of one support, averaged over the deviations, in standardised units.

    Attributes:
        columns: Of the table, (k,).
        mean: Of intercept and weights, (k + 1,).
        covariance: Of intercept and weights, (k + 1, k + 1).
        noise: Variance that the columns do not explain.
    """

    columns: IntArray
    mean: FloatArray
    covariance: FloatArray
    noise: float

    def rows(self, x: FloatArray) -> FloatArray:
        """Selects the member's columns of standardised rows, with the intercept first, (n_rows, k + 1)."""
        return np.column_stack([np.ones(len(x)), x[:, self.columns]])

    def conditioned(self, x: FloatArray) -> Member:
        """The member once the values of further rows, standardised, are known and equal their predictions."""
        rows = self.rows(x)
        spread = rows @ self.covariance
        gain = np.linalg.solve(spread @ rows.T + self.noise * np.eye(len(rows)), spread)
        return replace(self, covariance=self.covariance - spread.T @ gain)


class Mixture(ABC):
    """Models with weights, each of which predicts a normal distribution."""

    weights: FloatArray

    @abstractmethod
    def components(self, x: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Means and deviations that each model predicts for the values of rows, in the target's unit.

        The deviation has what the columns do not explain in it: that is a property of a row, not of a measurement.

        Args:
            x: Rows of the table, (n_rows, n_columns).

        Returns:
            Both (n_models, n_rows).
        """

    @abstractmethod
    def conditioned(self, x: FloatArray) -> Self:
        """The mixture once the values of further rows are known and equal what each model predicts."""

    @property
    @abstractmethod
    def column_probabilities(self) -> FloatArray:
        """Probability that a column belongs to the support, (n_columns,)."""

    def predict(self, x: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Mean and deviation of the mixture, in the target's unit, (n_rows,) each."""
        return self.moments(*self.components(x))

    def moments(self, means: FloatArray, deviations: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Mean and deviation of the mixture of components, (n_rows,) each."""
        mean = self.weights @ means
        return mean, np.sqrt(self.weights @ (deviations**2 + (means - mean) ** 2))


@dataclass(frozen=True, eq=False)
class Average(Mixture):
    """A mixture of linear models.

    Attributes:
        design: The table that it was fitted to.
        members: The most probable supports, best first.
        weights: Their probabilities; the sum is 1, (n_members,).
        considered: Columns that were swept; the others were screened out, (n_considered,).
    """

    design: Design
    members: tuple[Member, ...]
    weights: FloatArray
    considered: IntArray

    def standardised(self, x: FloatArray) -> FloatArray:
        """Rows in the units of the members, (n_rows, n_columns)."""
        return np.asarray((x - self.design.x_mean) / self.design.x_scale)

    def components(self, x: FloatArray, unknown: FloatArray | None = None) -> tuple[FloatArray, FloatArray]:
        """Means and deviations by each member, as ``Mixture`` says.

        A member is linear: what is not known of a row adds ``Σ s² (w² + var w)`` to the variance of its prediction.

        Args:
            x: Rows of the table, (n_rows, n_columns).
            unknown: Deviation of each number, (n_rows, n_columns); None: all are known.
        """
        rows = self.standardised(x)
        spread = None if unknown is None else (unknown / self.design.x_scale) ** 2
        means, deviations = np.empty((len(self.members), len(x))), np.empty((len(self.members), len(x)))
        for number, member in enumerate(self.members):
            own = member.rows(rows)
            means[number] = own @ member.mean
            variance = np.einsum("ni,ni->n", own @ member.covariance, own) + member.noise
            if spread is not None:
                variance += spread[:, member.columns] @ (member.mean[1:] ** 2 + np.diag(member.covariance)[1:])
            deviations[number] = np.sqrt(variance)
        scale = self.design.y_scale
        return means * scale + self.design.y_mean, deviations * scale

    def uncertainty(self, x: FloatArray) -> FloatArray:
        """Variance of the mixture without what no column explains, (n_rows,); it grows with the distance from known rows."""
        noise = float(self.weights @ [member.noise for member in self.members]) * self.design.y_scale**2
        return np.maximum(self.predict(x)[1] ** 2 - noise, 0.0)

    def conditioned(self, x: FloatArray) -> Self:
        """The mixture once the values of further rows are known and equal what each member predicts."""
        if not len(x):
            return self
        rows = self.standardised(x)
        return replace(self, members=tuple(member.conditioned(rows) for member in self.members))

    @property
    def column_probabilities(self) -> FloatArray:
        """Probability that a column belongs to the support, (n_columns,)."""
        result = np.zeros(self.design.x.shape[1])
        for member, weight in zip(self.members, self.weights, strict=True):
            result[member.columns] += weight
        return result


def fit_average(x: FloatArray, y: FloatArray, largest: int = 3) -> Average:
    """Averages over all supports of a table.

    Columns that do not vary are left out. Of more columns than can be swept, those that correlate most with the target are
    kept, and, in turn, with what those leave unexplained.

    Args:
        x: Columns, (n_rows, n_columns).
        y: Target, (n_rows,); at least one row.
        largest: Largest number of columns in a support.
    """
    bounds = NoiseGrid()
    design = Design.of(x, y)
    varying = np.flatnonzero(np.any(design.x != 0.0, axis=0))
    size = max(0, min(largest, len(varying), len(y) - 1))
    considered = screened(design.x[:, varying], design.y, screened_count(len(varying), size))
    kept = varying[considered]
    part = Design.of(x[:, kept], y)
    scored = [_scored(part, supports, bounds) for supports in _swept(part, size)]
    places = [(group, place) for group in scored for place in range(len(group.supports))]
    prior = np.repeat(log_prior(len(kept), size), [len(group.supports) for group in scored])
    log_weights = prior + np.concatenate([logsumexp(group.logs, axis=1) for group in scored])
    order = np.argsort(-log_weights, kind="stable")[:_MOST_KEPT]
    weights = np.exp(log_weights[order] - log_weights[order[0]])
    count = int(np.searchsorted(np.cumsum(weights), _KEPT_SHARE * weights.sum())) + 1
    members = tuple(places[i][0].member(places[i][1], kept, len(y)) for i in order[:count])
    return Average(design, members, weights[:count] / weights[:count].sum(), kept)


@cache
def screened_count(n_columns: int, largest: int) -> int:
    """Columns of which all supports can be swept."""
    count = n_columns
    while count > largest and number_of_supports(count, largest) > MOST_SUPPORTS:
        count -= 1
    return count


def screened(x: FloatArray, y: FloatArray, count: int) -> IntArray:
    """The columns to be swept, in their order.

    A quarter each time is chosen by correlation with what the best of the columns so far leave unexplained (sure independence
    screening, repeated; Fan & Lv 2008, doi:10.1111/j.1467-9868.2008.00674.x).

    Args:
        x: Standardised columns, (n_rows, n_columns).
        y: Standardised target, (n_rows,).
        count: Columns to keep.
    """
    n = x.shape[1]
    if count >= n:
        return np.arange(n)
    chosen: list[int] = []
    rest, strong = y, list[int]()
    while len(chosen) < count:
        score = np.abs(x.T @ rest)
        score[chosen] = -1.0
        step = min(count - len(chosen), max(1, count // 4))
        found = np.argsort(-score, kind="stable")[:step].tolist()
        chosen += found
        strong.append(found[0])
        weights, *_ = np.linalg.lstsq(x[:, strong], y, rcond=None)
        rest = y - x[:, strong] @ weights
    return np.array(sorted(chosen), dtype=np.int64)


def _swept(design: Design, largest: int) -> list[IntArray]:
    """The supports of each size with the largest evidence at a few ratios, (n_supports, size), 0 first."""
    n = design.n_units
    counts = [comb(n, size) for size in range(largest + 1)]
    if max(counts) <= RESCORED:
        return [unrank(np.arange(count), n, size) for size, count in enumerate(counts)]
    gram, projection = design.x.T @ design.x, design.x.T @ design.y
    square = float(design.y @ design.y)
    ridges = [Moments(gram + np.eye(n) / root**2, projection, square, np.zeros(n)) for root in _SWEPT_RATIOS]
    found = []
    for size, level in enumerate(sweep_together(ridges, largest)):
        fit = np.log(np.maximum(level.residual, _FLOOR * design.n_rows))
        penalty = level.log_pivots + 2.0 * size * np.log(np.array(_SWEPT_RATIOS))
        values = reduce(np.maximum, (-0.5 * (design.n_rows - 1) * fit - 0.5 * penalty).T)
        best = np.argpartition(-values, RESCORED)[:RESCORED] if len(values) > RESCORED else np.arange(len(values))
        found.append(unrank(np.sort(best), n, size))
    return found


@dataclass(frozen=True, eq=False)
class _Scored:
    """Supports of one size at all ratios r.

    Attributes:
        supports: (n, k).
        vectors: Eigenvectors of their Gram matrices, (n, k, k).
        shrunk: Eigenvalues of ``(G + 1/r)⁻¹``, (n, n_ratios, k).
        along: Mean weights along the eigenvectors, (n, n_ratios, k).
        logs: Logarithm of the evidence, up to a constant, (n, n_ratios).
        noise: Mean of s², (n, n_ratios).
    """

    supports: IntArray
    vectors: FloatArray
    shrunk: FloatArray
    along: FloatArray
    logs: FloatArray
    noise: FloatArray

    def member(self, place: int, columns: IntArray, n_rows: int) -> Member:
        """Averages the prediction of one support over the ratios."""
        vectors, logs, noise = self.vectors[place], self.logs[place], self.noise[place]
        share = np.exp(logs - logs.max())
        share /= share.sum()
        mean = share @ self.along[place]
        spread = self.along[place] - mean
        inner = np.diag((share * noise) @ self.shrunk[place]) + (share[:, None] * spread).T @ spread
        average, size = float(share @ noise), self.supports.shape[1]
        covariance = np.zeros((size + 1, size + 1))
        covariance[0, 0] = average / n_rows
        covariance[1:, 1:] = vectors @ inner @ vectors.T
        return Member(columns[self.supports[place]], np.concatenate([[0.0], vectors @ mean]), covariance, average)


def _scored(design: Design, supports: IntArray, grid: NoiseGrid) -> _Scored:
    chosen = design.x[:, supports].transpose(1, 2, 0)  # (n, k, n_rows)
    values, vectors = np.linalg.eigh(chosen @ chosen.transpose(0, 2, 1))
    values = np.where(values > 1e-10 * values.max(axis=1, initial=1e-300)[:, None], values, 0.0)
    turned = np.einsum("nji,nj->ni", vectors, chosen @ design.y)
    shrunk = 1.0 / (values[:, None, :] + 1.0 / grid.ratios[:, None])
    along = shrunk * turned[:, None, :]
    quadratic = float(design.y @ design.y) - (along * turned[:, None, :]).sum(axis=2)
    logs, noise = _noise(np.maximum(quadratic, _FLOOR * design.n_rows), design.n_rows, grid)
    logs = logs - 0.5 * np.log1p(grid.ratios[:, None] * values[:, None, :]).sum(axis=2)
    return _Scored(supports, vectors, shrunk, along, logs, noise)


def _noise(quadratic: FloatArray, n_rows: int, grid: NoiseGrid) -> tuple[FloatArray, FloatArray]:
    """Logarithm of the integral over the noise, up to a constant, and the mean of s²; the ratios run along the last axis.

    In log s the integrand is ``exp(-(n - 1) log s - Q / 2 s²)``: its peak is integrated, or what the bounds leave of it.
    """
    root = np.sqrt(grid.ratios)
    low = np.log(np.maximum(grid.noise[0], grid.weight[0] / root))
    high = np.log(np.minimum(grid.noise[1], grid.weight[1] / root))
    freedom = max(n_rows - 1, 1)
    width = 6.0 / np.sqrt(2.0 * freedom)
    peak = 0.5 * np.log(quadratic / freedom)
    start = np.minimum(np.maximum(peak - width, low), np.maximum(high - width, low))
    end = np.maximum(np.minimum(peak + width + 20.0 / freedom, high), np.minimum(low + width, high))
    step = (end - start) / _NOISE_STEPS
    logs, variance = np.empty_like(step), np.empty_like(step)
    for part in np.array_split(np.arange(len(step)), ceil(step.size * _NOISE_STEPS / _IN_CACHE)):
        log_noise = start[part, :, None] + step[part, :, None] * (np.arange(_NOISE_STEPS) + 0.5)
        precision = np.exp(-2.0 * log_noise)
        exponents = -(n_rows - 1) * log_noise - (0.5 * quadratic[part, :, None]) * precision
        top = exponents.max(axis=-1)
        shares = np.exp(exponents - top[..., None])
        total = shares.sum(axis=-1)
        logs[part] = top + np.log(total * np.maximum(step[part], 1e-300))
        variance[part] = (shares / precision).sum(axis=-1) / total
    return logs, variance
