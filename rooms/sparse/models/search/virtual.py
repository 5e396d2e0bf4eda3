"""Virtual measurement analysis: data made by the chosen model, searched again, to see how often the support is recovered."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from tansaku.models.averaging.design import Design
from tansaku.models.averaging.subsets import FloatArray


@dataclass(frozen=True)
class Recovery:
    """Shares of virtual data sets in which a search finds the model that made them.

    Attributes:
        rows: Number of rows of the virtual data.
        repeats: Number of virtual data sets.
        support: Share in which exactly the model's columns were found.
        size: Share in which as many columns were found.
        contained: Share in which all columns of the model were among those found.
    """

    rows: int
    repeats: int
    support: float
    size: float
    contained: float

    @classmethod
    def of(cls, rows: int, truth: Set[int], found: Sequence[Set[int]]) -> Recovery:
        """Compares the columns found in each data set with the model's."""
        return cls(
            rows,
            len(found),
            float(np.mean([columns == truth for columns in found])),
            float(np.mean([len(columns) == len(truth) for columns in found])),
            float(np.mean([columns >= truth for columns in found])),
        )


@dataclass(frozen=True, eq=False)
class VirtualModel:
    """The chosen model, from which data are drawn.

    Attributes:
        design: The table.
        classes: Whether the target is a class.
        weights: Of the standardised columns, the intercept last.
        noise: Deviation of the rest of the standardised target.
    """

    design: Design
    columns: tuple[int, ...]
    classes: bool
    weights: FloatArray
    noise: float

    @classmethod
    def of(cls, design: Design, columns: tuple[int, ...], *, classes: bool = False) -> VirtualModel:
        """The model of some columns, fitted to the table."""
        x = np.column_stack([design.x[:, list(columns)], np.ones(design.n_rows)])
        if classes:
            from tansaku.sparse.models.search.logistic import fitted

            ordered = np.roll(x, 1, axis=1)[None]
            weights, _, _ = fitted(ordered, design.y, np.full(x.shape[1], 0.1))
            return cls(design, columns, True, np.roll(weights[0], -1), 0.0)
        found = np.asarray(np.linalg.lstsq(x, design.y, rcond=None)[0], dtype=np.float64)
        freedom = max(1, design.n_rows - x.shape[1])
        return cls(design, columns, False, found, float(np.sqrt(((design.y - x @ found) ** 2).sum() / freedom)))

    def draw(self, rows: int, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
        """A table and a target; with as many rows as the real one its rows are the same, otherwise drawn with replacement."""
        x = self.design.x if rows == self.design.n_rows else self.design.x[rng.integers(0, self.design.n_rows, size=rows)]
        linear = x[:, list(self.columns)] @ self.weights[:-1] + self.weights[-1]
        if self.classes:
            return x, (rng.random(rows) < expit(linear)).astype(np.float64)
        return x, linear + self.noise * rng.normal(size=rows)


def enough(results: Sequence[Recovery], wanted: float = 0.9) -> int | None:
    """The smallest number of rows from which on the support is recovered often enough; None if none was."""
    ordered = sorted(results, key=lambda result: result.rows)
    good = [result.support >= wanted for result in ordered]
    for place, result in enumerate(ordered):
        if all(good[place:]):
            return result.rows
    return None
