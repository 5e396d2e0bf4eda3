"""Damped linear least squares of a linearised loss, with the matrix of the weights or of the residuals, whichever is smaller.

With derivatives J of residuals r by the weights w, strength s of their decay and damping μ, t = s + μ, the step is

    (JᵀJ + t)⁻¹ (Jᵀ r + s w)  =  (s/t) w + Jᵀ (J Jᵀ + t)⁻¹ (r − (s/t) J w)
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np

from tansaku.models.domain.pool import FloatArray


class Linearised(Protocol):
    """A linearised loss, from which a step is computed."""

    @property
    def loss(self) -> float:
        """Loss at the weights."""
        ...

    @property
    def product(self) -> FloatArray:
        """Half of the loss's gradient, shape ``(n_weights,)``."""
        ...

    @property
    def typical(self) -> float:
        """Mean of the diagonal of the normal equations, the unit of the damping."""
        ...

    def step(self, damping: float) -> FloatArray:
        """The step to subtract from the weights, shape ``(n_weights,)``.

        Raises:
            scipy.linalg.LinAlgError: The damping is too small for double precision.
        """
        ...


@dataclass(frozen=True)
class ByWeights:
    """Normal equations.

    Attributes:
        product: Half of the loss's gradient, shape ``(n_weights,)``.
        matrix: JᵀJ + s, of which the lower triangle is filled, shape ``(n_weights, n_weights)``.
    """

    loss: float
    product: FloatArray
    matrix: FloatArray

    @property
    def typical(self) -> float:
        """Mean of the diagonal of the normal equations, the unit of the damping."""
        return float(np.mean(np.diag(self.matrix)))

    def step(self, damping: float) -> FloatArray:
        """The step to subtract from the weights, shape ``(n_weights,)``."""
        return _solved(self.matrix, damping, self.product)


@dataclass(frozen=True)
class ByResiduals:
    """The same for fewer residuals than weights.

    Attributes:
        loss: At the weights.
        off: Residuals, shape ``(n_residuals,)``.
        derivatives: J, shape ``(n_residuals, n_weights)``.
        matrix: J Jᵀ, of which the lower triangle is filled, shape ``(n_residuals, n_residuals)``.
        weights: Shape ``(n_weights,)``.
        strength: s.
    """

    loss: float
    off: FloatArray
    derivatives: FloatArray
    matrix: FloatArray
    weights: FloatArray
    strength: float

    @property
    def product(self) -> FloatArray:
        """Half of the loss's gradient, shape ``(n_weights,)``."""
        return self.derivatives.T @ self.off + self.strength * self.weights

    @property
    def typical(self) -> float:
        """Mean of the diagonal of the normal equations, the unit of the damping."""
        return float(np.trace(self.matrix)) / len(self.weights) + self.strength

    def step(self, damping: float) -> FloatArray:
        """The step to subtract from the weights, shape ``(n_weights,)``."""
        whole = self.strength + damping
        share = self.strength / whole
        solved = _solved(self.matrix, whole, self.off - share * self._of_weights)
        return share * self.weights + self.derivatives.T @ solved

    @cached_property
    def _of_weights(self) -> FloatArray:
        return self.derivatives @ self.weights


def _solved(lower: FloatArray, added: float, right: FloatArray) -> FloatArray:
    """(A + added)⁻¹ right, of A the lower triangle."""
    from scipy.linalg import cho_factor, cho_solve

    # LAPACK stores by columns: the transposed view is factorised in place.
    upper = lower.T.copy(order="F")
    upper[np.diag_indices(len(upper))] += added
    found: FloatArray = cho_solve(cho_factor(upper, lower=False, overwrite_a=True), right)
    return found
