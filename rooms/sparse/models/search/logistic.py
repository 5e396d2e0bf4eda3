"""Scores of supports for classes: logistic regression, fitted by Newton steps for many supports at once."""

from __future__ import annotations

import numpy as np

from tansaku.models.averaging.design import Design
from tansaku.models.averaging.subsets import EMPTY, FloatArray, IntArray, Units, log_binomial
from tansaku.models.domain.errors import ConfigurationError
from tansaku.sparse.models.search.scores import SCORES, ScoreName, folds_of

_STEPS = 30
_CONVERGED = 1e-8
_AT_ONCE = 4_000_000  # numbers held in memory
_WEAK = 1e-4  # precision of the weights where the score has no prior: keeps separable classes finite
_LARGEST_CHANGE = 5.0
_WEIGHT_DEVIATIONS = np.geomspace(0.1, 10.0, 9)
_INTERCEPT_PRECISION = 1e-4


class LogisticScore:
    """Laplace free energy with the weights' deviation integrated over a log grid, BIC / 2 or cross-validated deviance / 2.

    Args:
        design: Table with the classes 0 and 1.
        name: One of :data:`SCORES`.
        folds: For cross-validation.

    Raises:
        ConfigurationError: No such score.
    """

    passes = 0  # nothing for the tree: the fit is iterative

    def __init__(self, design: Design, name: ScoreName, folds: int = 5) -> None:
        if name not in SCORES:
            raise ConfigurationError(f"score {name!r}: expected {', '.join(SCORES)}")
        self.design = design
        self.units = Units(design.n_units)
        self._name = name
        self._folds = folds_of(design.n_rows, min(folds, design.n_rows))

    def sweep_pass(self, number: int, largest: int) -> list[FloatArray]:
        """There is none."""
        raise ConfigurationError(f"pass {number} to size {largest}: classes have no tree of supports")

    def joined(self, first: FloatArray, second: FloatArray) -> FloatArray:
        """Sum."""
        return first + second

    def finished(self, joined: FloatArray, size: int) -> FloatArray:
        """Energies as they are."""
        del size
        return joined

    def energies(self, supports: IntArray) -> FloatArray:
        """Energies of supports of units."""
        columns = self.design.columns(supports)
        at_once = max(1, _AT_ONCE // (self.design.n_rows * (columns.shape[1] + 1)))
        result = np.empty(len(supports))
        for start in range(0, len(supports), at_once):
            part = slice(start, start + at_once)
            result[part] = self._some(columns[part], (supports[part] != EMPTY).sum(axis=1))
        return result

    def _some(self, columns: IntArray, units: IntArray) -> FloatArray:
        present = columns != EMPTY
        ones = np.ones((len(columns), self.design.n_rows, 1))
        x = np.concatenate([ones, self.design.x.T[columns].swapaxes(1, 2) * present[:, None, :]], axis=2)
        if self._name == "free_energy":
            return self._evidence(x)
        if self._name == "cv":
            return self._left_out(x)
        _, loss, _ = fitted(x, self.design.y, np.full(x.shape[2], _WEAK))
        energy = loss + 0.5 * np.log(self.design.n_rows) * present.sum(axis=1)
        if self._name == "ebic":
            energy += np.array([log_binomial(self.design.n_units, int(size)) for size in units])
        return np.asarray(energy)

    def _evidence(self, x: FloatArray) -> FloatArray:
        """Minus the log of the average of the Laplace approximation over the deviations of the weights."""
        terms = []
        weights = np.zeros((len(x), x.shape[2]))
        for deviation in _WEIGHT_DEVIATIONS:
            precision = np.concatenate([[_INTERCEPT_PRECISION], np.full(x.shape[2] - 1, deviation**-2)])
            weights, loss, hessian = fitted(x, self.design.y, precision, weights)
            # Members that are missing add their precision to the determinant, which the prior's cancels.
            _, determinant = np.linalg.slogdet(hessian)
            penalty = 0.5 * (weights**2 * precision).sum(axis=1)
            terms.append(-loss - penalty + 0.5 * np.log(precision).sum() - 0.5 * determinant)
        found = np.array(terms)
        top = found.max(axis=0)
        return -np.asarray(top + np.log(np.exp(found - top).mean(axis=0)))

    def _left_out(self, x: FloatArray) -> FloatArray:
        total = np.zeros(len(x))
        rows = np.arange(self.design.n_rows)
        for held in self._folds:
            learned = np.setdiff1d(rows, held)
            weights, _, _ = fitted(x[:, learned], self.design.y[learned], np.full(x.shape[2], _WEAK))
            total += _losses(np.einsum("snk,sk->sn", x[:, held], weights), self.design.y[held])
        return total


def _losses(linear: FloatArray, y: FloatArray) -> FloatArray:
    """Minus log likelihoods; no overflow."""
    return np.asarray((np.logaddexp(0.0, linear) - y * linear).sum(axis=1))


def fitted(
    x: FloatArray, y: FloatArray, precision: FloatArray, start: FloatArray | None = None
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Weights, minus log likelihoods without the penalty, and Hessians with it, by damped Newton steps.

    Args:
        x: Columns of each support, the first all 1, (n_supports, n_rows, n_columns).
        y: Classes, 0 or 1, (n_rows,).
        precision: Of the normal prior of each weight, (n_columns,).
        start: Weights to begin with.
    """
    weights = np.zeros((len(x), x.shape[2])) if start is None else start.copy()
    diagonal = np.diag(precision)
    for _ in range(_STEPS):
        probability = 0.5 * (1.0 + np.tanh(0.5 * np.einsum("snk,sk->sn", x, weights)))
        gradient = np.einsum("snk,sn->sk", x, probability - y) + precision * weights
        hessian = np.matmul((x * (probability * (1.0 - probability))[:, :, None]).swapaxes(1, 2), x) + diagonal
        step = np.linalg.solve(hessian, gradient[:, :, None])[:, :, 0]
        longest = np.abs(step).max(axis=1, keepdims=True)
        weights -= step * np.minimum(1.0, _LARGEST_CHANGE / np.maximum(longest, 1e-300))
        if longest.max() < _CONVERGED:
            break
    return weights, _losses(np.einsum("snk,sk->sn", x, weights), y), hessian
