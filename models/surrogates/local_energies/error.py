"""How far a prediction may be off: residual noise, and more of it the farther a row lies from the training data.

The variance is α + β h^γ with the leverage h = xᵀ M⁻¹ x over the features in use, M being the mean of x xᵀ over the training
data. α, β, γ make the errors of left-out groups most likely as Gaussian ones; a last factor makes 68.3 % of them lie within one
deviation.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import eigh
from scipy.optimize import minimize

from tansaku.models.domain.pool import FloatArray
from tansaku.models.domain.records import JsonDict

_WITHIN_ONE = 0.6826894921370859
_FLOOR = 1e-12
_LEAST = 12


@dataclass(frozen=True)
class Leverage:
    """``h`` of rows.

    Attributes:
        columns: Columns in use, shape ``(n_used,)``.
        factor: ``h = |factor @ x|²``, shape ``(rank, n_used)``.
    """

    columns: np.ndarray[tuple[int], np.dtype[np.intp]]
    factor: FloatArray

    @classmethod
    def of(cls, second_moment: FloatArray, used: np.ndarray[tuple[int], np.dtype[np.intp]]) -> Leverage:
        """From the mean of x xᵀ over the training rows, shape ``(n, n)``, and the columns in use."""
        values, vectors = eigh(second_moment[np.ix_(used, used)])
        # Directions in which the training data have no extent are cut; far out along them is still far in the others.
        kept = values > 1e-10 * values[-1]
        return cls(used, (vectors[:, kept] / np.sqrt(values[kept])).T)

    def of_rows(self, rows: FloatArray) -> FloatArray:
        """Leverage of rows of all columns, shape ``(n_rows,)``."""
        return np.asarray(((rows[:, self.columns] @ self.factor.T) ** 2).sum(axis=1))


@dataclass(frozen=True)
class ErrorModel:
    """Deviation as a function of leverage [eV]."""

    noise: float
    slope: float
    power: float
    scale: float

    def deviation(self, leverage: FloatArray) -> FloatArray:
        """Standard deviation [eV], shape of ``leverage``."""
        return np.asarray(self.scale * np.sqrt(self.noise + self.slope * leverage**self.power))

    def document(self) -> JsonDict:
        """As plain data."""
        return {"noise": self.noise, "slope": self.slope, "power": self.power, "scale": self.scale}


def fit_error_model(errors: FloatArray, leverage: FloatArray) -> ErrorModel:
    """Fits the model to errors of left-out data.

    Args:
        errors: [eV], shape ``(n,)``.
        leverage: By the fit that did not see them, shape ``(n,)``.
    """
    spread = max(float(np.mean(errors**2)), _FLOOR**2)
    typical = max(float(np.median(leverage)), _FLOOR)

    def unlikelihood(parameters: FloatArray) -> float:
        noise, slope, power = np.exp(parameters)
        variance = spread * (noise + slope * (leverage / typical) ** power) + _FLOOR**2
        return float(0.5 * np.mean(np.log(variance) + errors**2 / variance))

    if len(errors) < _LEAST:
        # A few cells say how large the errors are and nothing of what they depend on.
        return ErrorModel(spread, 0.0, 1.0, 1.0)
    found = minimize(unlikelihood, np.log([0.3, 0.3, 1.0]), method="Nelder-Mead", bounds=[(-12, 6), (-12, 6), (-2, 1)])
    noise, slope, power = (float(value) for value in np.exp(found.x))
    model = ErrorModel(spread * noise, spread * slope / typical**power, power, 1.0)
    scores = np.abs(errors) / np.maximum(model.deviation(leverage), _FLOOR)
    return ErrorModel(model.noise, model.slope, model.power, max(float(np.quantile(scores, _WITHIN_ONE)), 1e-3))
