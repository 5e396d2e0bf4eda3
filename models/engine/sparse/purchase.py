"""Choice of the next purchase for a table: a candidate's value, or a descriptor that helps to choose a candidate.

A value costs ``value_price`` and is expected to improve on the best one so far by EI, averaged over sparse models. A column of
some rows costs its price for each. Knowing it changes the EI of these rows, and the value is bought where the EI is then the
largest: the preposterior expectation of Raiffa & Schlaifer (Applied Statistical Decision Theory, 1961) for one more value. Both
are ranked by expected gain divided by price. The price of a column includes that of the value that is bought after it.

A missing number is predicted from the columns that are known everywhere, by the same sparse models, as normal. The values of
rows with missing numbers are explained by the predicted ones: in a linear model that leaves the weights unbiased (regression
calibration; Carroll, Ruppert, Stefanski & Crainiceanu 2006, doi:10.1201/9781420010138), but all rows count alike. What a
column teaches the models themselves is not counted, nor what several values in turn would gain.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from tansaku.models.averaging.averaging import Average, fit_average
from tansaku.models.domain.pool import BoolArray, FloatArray, IntArray
from tansaku.models.engine.acquisition import expected_improvement

_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(15)
_WEIGHTS = _WEIGHTS / _WEIGHTS.sum()
LEAST_KNOWN = 3
"""Numbers of a column, or values, from which others can be predicted."""

_MOST_ROWS = 50
"""Largest number of rows per column for which a purchase is considered: those with the largest EI."""


@dataclass(frozen=True, eq=False)
class OpenTable:
    """A table whose values and descriptors are known in part.

    Attributes:
        x: Columns, NaN where unknown, (n_rows, n_columns).
        y: Values to be minimised, NaN where unknown, (n_rows,).
        prices: Of a number of each column, (n_columns,).
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
        missing: Which numbers are predicted, (n_rows, n_columns).
    """

    x: FloatArray
    deviation: FloatArray
    missing: BoolArray


@dataclass(frozen=True, eq=False)
class Market:
    """Purchases that are possible for a table whose missing numbers are predicted.

    Attributes:
        average: Models of the values.
        guess: The table.
        best: Value to improve on.
        candidates: Rows whose value can be bought, (n_candidates,).
        prices: Of a number of each column, (n_columns,).
        money: What is left for numbers and the value that follows.
    """

    average: Average
    guess: Guess
    best: float
    candidates: IntArray
    prices: FloatArray
    value_price: float
    money: float = np.inf

    @cached_property
    def gains(self) -> FloatArray:
        """Expected improvement by the value of each candidate, (n_candidates,)."""
        return improvement(self.average, self.guess.x[self.candidates], self.guess.deviation[self.candidates], self.best)

    def values(self) -> list[Purchase]:
        """The value of each candidate."""
        return [
            Purchase((int(row),), None, self.value_price, float(gain), float(gain) / self.value_price)
            for row, gain in zip(self.candidates, self.gains, strict=True)
        ]

    def columns(self) -> list[Purchase]:
        """The best set of candidates for each column that some of them lack, if it can be paid."""
        lacking = self.guess.missing[self.candidates]
        found = [self._of_column(int(column), lacking[:, column]) for column in np.flatnonzero(lacking.any(axis=0))]
        return [item for item in found if item is not None]

    def _of_column(self, column: int, lacking: BoolArray) -> Purchase | None:
        """The rows whose number is bought: those with the largest EI, as many as gain the most per price."""
        price = float(self.prices[column])
        order = [int(i) for i in np.argsort(-self.gains, kind="stable") if lacking[i]][:_MOST_ROWS]
        known: list[FloatArray] = []
        found: list[Purchase] = []
        for count, place in enumerate(order, start=1):
            if count * price + self.value_price > self.money:
                break
            known.append(self._known(int(self.candidates[place]), column))
            others = np.delete(self.gains, order[:count])
            gain = expected_largest(known, float(others.max(initial=0.0)))
            rows = tuple(int(self.candidates[i]) for i in order[:count])
            found.append(Purchase(rows, column, count * price, gain, gain / (count * price + self.value_price)))
        return max(found, key=lambda item: item.per_price, default=None)

    def _known(self, row: int, column: int) -> FloatArray:
        """Returns the EI of a row for each possible value (quadrature node) of its missing number, (n_nodes,)."""
        x = np.repeat(self.guess.x[[row]], len(_NODES), axis=0)
        deviation = np.repeat(self.guess.deviation[[row]], len(_NODES), axis=0)
        x[:, column] += deviation[:, column] * _NODES
        deviation[:, column] = 0.0
        return improvement(self.average, x, deviation, self.best)


def purchases(table: OpenTable, largest: int = 3) -> list[Purchase]:
    """All values, and the best set of rows for each column that some lack, by gain per price, the best first.

    Args:
        table: With at least three values.
        largest: Most columns of a model.

    Raises:
        ValueError: Too few values are known, or a column is known in fewer than three rows.
    """
    known = ~np.isnan(table.y)
    if known.sum() < LEAST_KNOWN:
        raise ValueError(f"{int(known.sum())} rows have their value; expected at least {LEAST_KNOWN}")
    candidates = np.flatnonzero(~known)
    if not len(candidates):
        return []
    guess = guessed(table.x, largest)
    average = fit_average(guess.x[known], table.y[known], largest)
    market = Market(average, guess, float(table.y[known].min()), candidates, table.prices, table.value_price)
    return sorted(market.values() + market.columns(), key=lambda item: (-item.per_price, item.column is not None, item.rows))


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
        if (~lacking).sum() < LEAST_KNOWN:
            raise ValueError(f"column {column} is known in {int((~lacking).sum())} rows; expected at least {LEAST_KNOWN}")
        average = fit_average(x[~lacking][:, always], x[~lacking, column], largest)
        values[lacking, column], deviation[lacking, column] = average.predict(x[lacking][:, always])
    return Guess(values, deviation, missing)


def improvement(average: Average, x: FloatArray, deviation: FloatArray, best: float) -> FloatArray:
    """Expected improvement of rows some of whose numbers are only predicted, (n_rows,).

    Args:
        x: Rows, (n_rows, n_columns).
        deviation: Of each number, (n_rows, n_columns).
        best: Value to improve on.
    """
    return np.asarray(average.weights @ expected_improvement(*average.components(x, deviation), np.asarray(best)))


def expected_largest(values: Sequence[FloatArray], least: float) -> float:
    """Returns the expectation of the largest of a fixed number and independent random variables.

    Args:
        values: Of each random variable at the quadrature nodes, whose weights are its probabilities, (n_nodes,).
        least: The fixed number.
    """
    steps = np.unique(np.concatenate([*values, [least]]))
    steps = steps[steps >= least]
    below = np.ones(len(steps))
    for each in values:
        order = np.argsort(each)
        below *= np.concatenate([[0.0], np.cumsum(_WEIGHTS[order])])[np.searchsorted(each[order], steps, side="right")]
    # The expectation of what is never less than ``least`` is it and the integral of P(larger).
    return float(least + ((1.0 - below[:-1]) * np.diff(steps)).sum())
