"""Scores of supports for classes by a linear support vector machine, fitted by Newton steps for many supports at once."""

from __future__ import annotations

import numpy as np

from tansaku.models.averaging.design import Design
from tansaku.models.averaging.subsets import FloatArray
from tansaku.models.domain.errors import ConfigurationError
from tansaku.sparse.models.search.logistic import LogisticScore
from tansaku.sparse.models.search.scores import CLASS_SCORES, Score, ScoreName

_STEPS = 50
_CONVERGED = 1e-9
_HALVINGS = 2.0 ** -np.arange(12)
_INTERCEPT_PRECISION = 1e-4


class MarginScore(LogisticScore):
    """Hinge loss of rows that were left out, summed: ``max(0, 1 - margin)``.

    The machine minimises ``|w|² / 2`` plus the sum of squared hinge losses (C = 1) on standardised columns.

    Args:
        design: Table with the classes 0 and 1.
        folds: Of the cross-validation.
    """

    def __init__(self, design: Design, folds: int = 5) -> None:
        super().__init__(design, "cv", folds)

    def _left_out(self, x: FloatArray) -> FloatArray:
        total, rows = np.zeros(len(x)), np.arange(self.design.n_rows)
        for held in self._folds:
            learned = np.setdiff1d(rows, held)
            weights = separated(x[:, learned], self.design.y[learned])
            total += np.maximum(_slack(x[:, held], self.design.y[held], weights), 0.0).sum(axis=1)
        return total


def separated(x: FloatArray, y: FloatArray) -> FloatArray:
    """Weights of the machine of each support, (n_supports, n_columns).

    The loss is piecewise quadratic: a Newton step is exact once the rows inside the margin no longer change; before that the
    best of a step and its halves is taken (Keerthi & DeCoste 2005, J. Mach. Learn. Res. 6, 341).

    Args:
        x: Columns of each support, the first all 1, (n_supports, n_rows, n_columns).
        y: Classes, 0 or 1, (n_rows,).
    """
    sign = 2.0 * y - 1.0
    precision = np.array([_INTERCEPT_PRECISION, *[1.0] * (x.shape[2] - 1)])
    weights = np.zeros((len(x), x.shape[2]))
    for _ in range(_STEPS):
        slack = _slack(x, y, weights)
        inside = slack > 0.0
        gradient = precision * weights - 2.0 * np.einsum("snk,sn->sk", x, np.where(inside, slack, 0.0) * sign)
        hessian = 2.0 * np.matmul((x * inside[:, :, None]).swapaxes(1, 2), x) + np.diag(precision)
        step = np.linalg.solve(hessian, gradient[:, :, None])[:, :, 0]
        tried = weights - _HALVINGS[:, None, None] * step
        losses = np.array([_objective(x, y, precision, trial) for trial in tried])
        weights = tried[losses.argmin(axis=0), np.arange(len(x))]
        if np.abs(step).max() < _CONVERGED:
            break
    return weights


def _slack(x: FloatArray, y: FloatArray, weights: FloatArray) -> FloatArray:
    """One minus the margin, (n_supports, n_rows)."""
    return np.asarray(1.0 - (2.0 * y - 1.0) * np.einsum("snk,sk->sn", x, weights))


def _objective(x: FloatArray, y: FloatArray, precision: FloatArray, weights: FloatArray) -> FloatArray:
    squared = (np.maximum(_slack(x, y, weights), 0.0) ** 2).sum(axis=1)
    return np.asarray(squared + 0.5 * (precision * weights**2).sum(axis=1))


def class_score(name: ScoreName, design: Design, folds: int = 5) -> Score:
    """The score of a classification.

    Args:
        name: One of :data:`CLASS_SCORES`.
        design: Table with the classes 0 and 1.
        folds: For cross-validation.

    Raises:
        ConfigurationError: No such score.
    """
    if name not in CLASS_SCORES:
        raise ConfigurationError(f"score {name!r}: expected {', '.join(CLASS_SCORES)}")
    return MarginScore(design, folds) if name == "svm" else LogisticScore(design, name, folds)
