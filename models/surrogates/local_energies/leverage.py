"""Leverage, the distance of rows from the training data: h = xᵀ M⁻¹ x, with M the mean of x xᵀ over these data."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import eigh

from tansaku.models.domain.pool import FloatArray, IntArray


@dataclass(frozen=True)
class Leverage:
    """``h`` of rows.

    Attributes:
        columns: Columns in use, shape ``(n_used,)``.
        factor: ``h = |factor @ x|²``, shape ``(rank, n_used)``.
    """

    columns: IntArray
    factor: FloatArray

    @classmethod
    def of(cls, second_moment: FloatArray, used: IntArray) -> Leverage:
        """Builds it from the mean of x xᵀ over the training rows, of the columns in use, shape ``(n_used, n_used)``."""
        values, vectors = eigh(second_moment)
        # Directions without variance in the training data are left out; a row far out along them is far in the others too.
        kept = values > 1e-10 * values[-1]
        return cls(used, (vectors[:, kept] / np.sqrt(values[kept])).T)

    def of_rows(self, rows: FloatArray) -> FloatArray:
        """Leverage of rows of all columns, shape ``(n_rows,)``."""
        return np.asarray(((rows[:, self.columns] @ self.factor.T) ** 2).sum(axis=1))
