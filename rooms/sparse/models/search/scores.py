"""Scores of supports: what the tree sweep adds up in passes, and the same for any list of supports.

Every score is an energy in nats, smaller is better: the free energy, BIC / 2, or the cross-validated deviance / 2. A model's
weight is ``exp(-energy)``; with cross-validation that is a pseudo-posterior.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal, Protocol

import numpy as np

from tansaku.models.averaging.design import Design
from tansaku.models.averaging.evidence import NoiseGrid, noise_integral
from tansaku.models.averaging.subsets import EMPTY, FloatArray, IntArray, Units, log_binomial
from tansaku.models.averaging.sweep import DEPENDENT, Moments, sweep
from tansaku.models.domain.errors import ConfigurationError

ScoreName = Literal["free_energy", "cv", "bic", "ebic", "svm"]
SCORES: tuple[ScoreName, ...] = ("free_energy", "cv", "bic", "ebic")
CLASS_SCORES: tuple[ScoreName, ...] = (*SCORES, "svm")
"""Scores for classes; ``svm`` is for them alone."""
_FLOOR = 1e-13  # of a residual square: below it only rounding is left


class Score(Protocol):
    """Score as a search needs it."""

    design: Design
    passes: int

    @property
    def units(self) -> Units:
        """Units of which supports consist."""
        ...

    def sweep_pass(self, number: int, largest: int) -> list[FloatArray]:
        """One pass over all supports of columns: one array per size."""
        ...

    def joined(self, first: FloatArray, second: FloatArray) -> FloatArray:
        """Passes added up."""
        ...

    def finished(self, joined: FloatArray, size: int) -> FloatArray:
        """Energies from the sum of all passes; the size counts chosen units."""
        ...

    def energies(self, supports: IntArray) -> FloatArray:
        """Energies of supports of units, filled up with EMPTY, (n_supports, size)."""
        ...


def folds_of(n_rows: int, folds: int) -> list[IntArray]:
    """Rows of each fold: fixed, interleaved after a shuffle that depends on the number of rows alone."""
    order = np.random.default_rng(n_rows).permutation(n_rows)
    return [np.sort(order[start::folds]) for start in range(folds)]


class _LinearScore:
    """Least squares on parts of the rows.

    Args:
        parts: Pairs of rows to learn from and rows to predict, which may be empty.
    """

    def __init__(self, design: Design, parts: Sequence[tuple[IntArray, IntArray]]) -> None:
        self.design = design
        self.units = Units(design.n_units)
        self.passes = len(parts)
        self._parts = parts
        columns = design.free_columns
        self._order = None if columns is None else np.concatenate([np.array(design.required, dtype=np.int64), columns])
        self._kept: dict[int, Moments] = {}

    def _moments(self, number: int) -> Moments:
        """Inner products of all columns; the intercept is that of the rows learned from."""
        if number not in self._kept:
            learned, predicted = self._parts[number]
            x, y = self.design.x[learned], self.design.y[learned]
            x_mean, y_mean = x.mean(axis=0), y.mean()
            x, y = x - x_mean, y - y_mean
            gram = x.T @ x
            found = Moments(gram, x.T @ y, float(y @ y), np.maximum(np.diag(gram).copy(), 1e-300))
            if len(predicted):
                x, y = self.design.x[predicted] - x_mean, self.design.y[predicted] - y_mean
                found = replace(found, test_gram=x.T @ x, test_projection=x.T @ y, test_square=float(y @ y))
            self._kept[number] = found
        return self._kept[number]

    def _ordered(self, number: int) -> Moments:
        """Required columns first, without columns that cannot be chosen."""
        found, order = self._moments(number), self._order
        if order is None:
            raise ConfigurationError("the tree of supports needs single columns, not groups")
        test = found.test_gram
        return replace(
            found,
            gram=found.gram[np.ix_(order, order)],
            projection=found.projection[order],
            scale=found.scale[order],
            test_gram=None if test is None else test[np.ix_(order, order)],
            test_projection=None if found.test_projection is None else found.test_projection[order],
        )

    def _solved(self, number: int, supports: IntArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Eigenvalues, eigenvectors and the target's projections on them; missing and dependent members have eigenvalue 0."""
        found = self._moments(number)
        columns = self.design.columns(supports)
        present = columns != EMPTY
        gram = found.gram[columns[:, :, None], columns[:, None, :]] * (present[:, :, None] & present[:, None, :])
        projection = found.projection[columns] * present
        values, vectors = np.linalg.eigh(gram)
        sound = values > DEPENDENT * values.max(axis=1, initial=0.0)[:, None]
        turned = np.einsum("sij,si->sj", vectors, projection) * sound
        return np.where(sound, values, 0.0), vectors, turned


class FreeEnergy(_LinearScore):
    """The Bayesian free energy.

    Args:
        grid: Of the deviations of noise and weights.
    """

    def __init__(self, design: Design, grid: NoiseGrid | None = None) -> None:
        rows = np.arange(design.n_rows)
        super().__init__(design, [(rows, rows[:0])])
        self._integral = noise_integral(NoiseGrid() if grid is None else grid, design.n_rows)
        self.passes = len(self._integral.grid.ratios)

    def sweep_pass(self, number: int, largest: int) -> list[FloatArray]:
        """Log evidence at one ratio of the deviations."""
        ratio = float(self._integral.grid.ratios[number])
        found = self._ordered(0)
        ridge = replace(found, gram=found.gram + np.eye(len(found.scale)) / ratio, scale=np.zeros_like(found.scale))
        levels = sweep(ridge, largest, len(self.design.required))
        fixed = len(self.design.required)
        return [
            self._integral(number, level.residual) - 0.5 * (level.log_pivots + (size + fixed) * np.log(ratio))
            for size, level in enumerate(levels)
        ]

    def joined(self, first: FloatArray, second: FloatArray) -> FloatArray:
        """Sum of evidences."""
        return np.asarray(np.logaddexp(first, second))

    def finished(self, joined: FloatArray, size: int) -> FloatArray:
        """Free energies."""
        del size
        return -joined

    def energies(self, supports: IntArray) -> FloatArray:
        """Free energies of a list of supports."""
        values, _, turned = self._solved(0, supports)
        squares = np.divide(turned**2, values, out=np.zeros_like(values), where=values > 0.0)
        return self._integral.free_energies(values, squares, self._moments(0).square)


class CrossValidation(_LinearScore):
    """Half the deviance of predictions of rows that were left out: ``n / 2 log(mean square error)``.

    Args:
        folds: Number of folds.
    """

    def __init__(self, design: Design, folds: int = 5) -> None:
        rows = np.arange(design.n_rows)
        held = folds_of(design.n_rows, min(folds, design.n_rows))
        super().__init__(design, [(np.setdiff1d(rows, part), part) for part in held])

    def sweep_pass(self, number: int, largest: int) -> list[FloatArray]:
        """Sums of squared errors of one fold."""
        return [level.test_residual for level in sweep(self._ordered(number), largest, len(self.design.required))]

    def joined(self, first: FloatArray, second: FloatArray) -> FloatArray:
        """Sum over folds."""
        return first + second

    def finished(self, joined: FloatArray, size: int) -> FloatArray:
        """Half the deviance."""
        del size
        n = self.design.n_rows
        return np.asarray(0.5 * n * np.log(np.maximum(joined / n, _FLOOR)))

    def energies(self, supports: IntArray) -> FloatArray:
        """The same for a list of supports."""
        total = np.zeros(len(supports))
        columns = self.design.columns(supports)
        for number in range(self.passes):
            values, vectors, turned = self._solved(number, supports)
            shares = np.divide(turned, values, out=np.zeros_like(values), where=values > 0.0)
            weights = np.einsum("sij,sj->si", vectors, shares) * (columns != EMPTY)
            found = self._moments(number)
            if found.test_gram is None or found.test_projection is None:
                raise ConfigurationError("a fold has no row")
            total += found.test_square - 2.0 * (weights * found.test_projection[columns]).sum(axis=1)
            total += np.einsum("si,sij,sj->s", weights, found.test_gram[columns[:, :, None], columns[:, None, :]], weights)
        return self.finished(np.maximum(total, 0.0), 0)


class Information(_LinearScore):
    """Half the Bayesian information criterion, ``n / 2 log(RSS / n) + k / 2 log n``, and its extended form.

    Args:
        extension: 0 for BIC; EBIC adds this times the logarithm of the number of supports of the size.
    """

    def __init__(self, design: Design, extension: float = 0.0) -> None:
        rows = np.arange(design.n_rows)
        super().__init__(design, [(rows, rows[:0])])
        self._extension = extension

    def sweep_pass(self, number: int, largest: int) -> list[FloatArray]:
        """Residual squares."""
        return [level.residual for level in sweep(self._ordered(number), largest, len(self.design.required))]

    def joined(self, first: FloatArray, second: FloatArray) -> FloatArray:
        """There is one pass."""
        return first + second

    def finished(self, joined: FloatArray, size: int) -> FloatArray:
        """Half the criterion."""
        return self._criterion(joined, np.array(size), np.array(size + len(self.design.required)))

    def energies(self, supports: IntArray) -> FloatArray:
        """The same for a list of supports."""
        values, _, turned = self._solved(0, supports)
        explained = np.divide(turned**2, values, out=np.zeros_like(values), where=values > 0.0).sum(axis=1)
        residual = np.maximum(self._moments(0).square - explained, 0.0)
        columns = (self.design.columns(supports) != EMPTY).sum(axis=1)
        return self._criterion(residual, (supports != EMPTY).sum(axis=1), columns)

    def _criterion(self, residual: FloatArray, units: IntArray, columns: IntArray) -> FloatArray:
        n = self.design.n_rows
        fit = 0.5 * n * np.log(np.maximum(residual / n, _FLOOR)) + 0.5 * np.log(n) * columns
        if self._extension == 0.0:
            return np.asarray(fit)
        counts = np.array([log_binomial(self.design.n_units, size) for size in range(int(units.max(initial=0)) + 1)])
        return np.asarray(fit + self._extension * counts[units])


def linear_score(name: ScoreName, design: Design, folds: int = 5) -> Score:
    """The score of a regression.

    Args:
        name: One of :data:`SCORES`.
        folds: For cross-validation.

    Raises:
        ConfigurationError: No such score.
    """
    match name:
        case "free_energy":
            return FreeEnergy(design)
        case "cv":
            return CrossValidation(design, folds)
        case "bic" | "ebic":
            return Information(design, 1.0 if name == "ebic" else 0.0)
    raise ConfigurationError(f"score {name!r}: expected {', '.join(SCORES)}")
