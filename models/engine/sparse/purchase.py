"""What to buy next of a table: the value of a candidate, or a descriptor that would tell which candidate is worth a value.

A value costs ``value_price`` and is expected to improve on the best one so far by EI, averaged over sparse models. A column of
some rows costs its price for each. Knowing it changes the EI of these rows, and the value is bought where the EI is then the
largest: the preposterior expectation of Raiffa & Schlaifer (Applied Statistical Decision Theory, 1961) for one more value. Both
are compared by what they are expected to gain per price, the value that follows a column included.

A missing number is predicted from the columns that are known everywhere, by the same sparse models, as normal. What a column
teaches the models themselves is not counted, nor what several values in turn would gain.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tansaku.models.domain.pool import BoolArray, FloatArray, IntArray
from tansaku.models.engine.acquisition import expected_improvement
from tansaku.models.sparse.search.averaging import Average, fit_average

_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(15)
_WEIGHTS = _WEIGHTS / _WEIGHTS.sum()
_MOST_ROWS = 50
"""Rows, of those that lack a column, whose column is considered: those with the largest EI."""


@dataclass(frozen=True, eq=False)
class OpenTable:
    """A table whose values and descriptors are known in part.

    Attributes:
        x: Columns, NaN where unknown, (n_rows, n_columns).
        y: Values to be minimised, NaN where unknown, (n_rows,).
        prices: Of a number of each column, (n_columns,).
        value_price: Of a value.
    """

    x: FloatArray
    y: FloatArray
    prices: FloatArray
    value_price: float


@dataclass(frozen=True)
class Purchase:
    """Something that can be bought.

    Attributes:
        rows: Of the table.
        column: Whose numbers are bought for these rows; None: the value of the one row.
        price: Of all of it, without the value that follows a column.
        gain: Expected improvement by the next value.
        per_price: Gain by the price of the purchase and of that value.
    """

    rows: tuple[int, ...]
    column: int | None
    price: float
    gain: float
    per_price: float


@dataclass(frozen=True, eq=False)
class Guess:
    """A table with its missing numbers predicted.

    Attributes:
        x: Predictions in the place of missing numbers, (n_rows, n_columns).
        deviation: Of each number, 0 where it is known, (n_rows, n_columns).
    """

    x: FloatArray
    deviation: FloatArray


def purchases(table: OpenTable, largest: int = 3) -> list[Purchase]:
    """All values, and the best set of rows for each column that some lack, by gain per price, the best first.

    Args:
        table: With at least three rows whose value and columns are all known.
        largest: Most columns of a model.

    Raises:
        ValueError: Too few rows are known, or no column is known everywhere that a missing one could be predicted from.
    """
    known = ~np.isnan(table.y)
    whole = known & ~np.isnan(table.x).any(axis=1)
    if whole.sum() < 3:
        raise ValueError(f"{int(whole.sum())} rows have their value and all columns; expected at least 3")
    candidates = np.flatnonzero(~known)
    if not len(candidates):
        return []
    guess = guessed(table.x, largest)
    average = fit_average(table.x[whole], table.y[whole], largest)
    best = float(table.y[known].min())
    gains = improvement(average, guess.x[candidates], guess.deviation[candidates], best)
    found = [
        Purchase((int(row),), None, table.value_price, float(gain), float(gain) / table.value_price)
        for row, gain in zip(candidates, gains, strict=True)
    ]
    for column in np.flatnonzero(np.isnan(table.x[candidates]).any(axis=0)):
        lacking = np.isnan(table.x[candidates, column])
        bought = _of_column(_Column(int(column), average, guess, best), candidates, gains, lacking, table)
        found += [] if bought is None else [bought]
    return sorted(found, key=lambda item: (-item.per_price, item.column is not None, item.rows))


def guessed(x: FloatArray, largest: int) -> Guess:
    """The missing numbers of each column, predicted from the columns that are known in all rows.

    Args:
        x: NaN where unknown, (n_rows, n_columns).
        largest: Most columns that a prediction uses.

    Raises:
        ValueError: A column is known in fewer than three rows.
    """
    missing = np.isnan(x)
    always = np.flatnonzero(~missing.any(axis=0))
    values, deviation = x.copy(), np.zeros_like(x)
    for column in np.flatnonzero(missing.any(axis=0)):
        lacking = missing[:, column]
        if (~lacking).sum() < 3:
            raise ValueError(f"column {column} is known in {int((~lacking).sum())} rows; expected at least 3")
        average = fit_average(x[~lacking][:, always], x[~lacking, column], largest)
        values[lacking, column], deviation[lacking, column] = average.predict(x[lacking][:, always])
    return Guess(values, deviation)


def improvement(average: Average, x: FloatArray, deviation: FloatArray, best: float) -> FloatArray:
    """Expected improvement of rows some of whose numbers are only predicted, (n_rows,).

    A member is linear: what is not known of a row adds ``Σ s² (w² + var w)`` to the variance of its prediction.

    Args:
        average: The models.
        x: Rows, (n_rows, n_columns).
        deviation: Of each number, (n_rows, n_columns).
        best: Value to improve on.
    """
    rows, spread = average.standardised(x), (deviation / average.design.x_scale) ** 2
    total = np.zeros(len(x))
    for member, weight in zip(average.members, average.weights, strict=True):
        own = member.rows(rows)
        variance = np.einsum("ni,ij,nj->n", own, member.covariance, own) + member.noise
        variance += spread[:, member.columns] @ (member.mean[1:] ** 2 + np.diag(member.covariance)[1:])
        mean = own @ member.mean * average.design.y_scale + average.design.y_mean
        total += weight * expected_improvement(mean, np.sqrt(variance) * average.design.y_scale, np.asarray(best))
    return total


def expected_largest(values: Sequence[FloatArray], least: float) -> float:
    """Expectation of the largest of a number and of independent ones that each take the values at the nodes.

    Args:
        values: Of each independent one at the nodes, (n_nodes,).
        least: The number.
    """
    steps = np.unique(np.concatenate([*values, [least]]))
    steps = steps[steps >= least]
    below = np.ones(len(steps))
    for each in values:
        order = np.argsort(each)
        below *= np.concatenate([[0.0], np.cumsum(_WEIGHTS[order])])[np.searchsorted(each[order], steps, side="right")]
    # The expectation of what is never less than ``least`` is it and the integral of P(larger).
    return float(least + ((1.0 - below[:-1]) * np.diff(steps)).sum())


@dataclass(frozen=True, eq=False)
class _Column:
    column: int
    average: Average
    guess: Guess
    best: float

    def known(self, row: int) -> FloatArray:
        """EI of a row once its number is known, at the nodes of what it may be, (n_nodes,)."""
        x = np.repeat(self.guess.x[[row]], len(_NODES), axis=0)
        deviation = np.repeat(self.guess.deviation[[row]], len(_NODES), axis=0)
        x[:, self.column] += deviation[:, self.column] * _NODES
        deviation[:, self.column] = 0.0
        return improvement(self.average, x, deviation, self.best)


def _of_column(
    column: _Column, candidates: IntArray, gains: FloatArray, lacking: BoolArray, table: OpenTable
) -> Purchase | None:
    """The rows whose number is bought: those with the largest EI, as many as gain the most per price."""
    price = float(table.prices[column.column])
    order = [int(i) for i in np.argsort(-gains, kind="stable") if lacking[i]][:_MOST_ROWS]
    known: list[FloatArray] = []
    best: Purchase | None = None
    for count, place in enumerate(order, start=1):
        known.append(column.known(int(candidates[place])))
        others = np.delete(gains, order[:count])
        gain = expected_largest(known, float(others.max(initial=0.0)))
        per_price = gain / (count * price + table.value_price)
        if best is None or per_price > best.per_price:
            rows = tuple(int(candidates[i]) for i in order[:count])
            best = Purchase(rows, column.column, count * price, gain, per_price)
    return best
