"""Error estimates of predictions: residual noise, increasing with the distance of the input from the training data.

The variance is α + β h^γ, where h ≥ 0 is the surrogate's measure of that distance (a leverage, a posterior variance, the
spread of a committee). α, β and γ maximise the Gaussian likelihood of the errors of left-out groups; a last factor scales
the deviations so that 68.3 % of these errors are within one. Errors of groups that are held out from the whole training give
one more factor.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from tansaku.models.domain.errors import FitError
from tansaku.models.domain.pool import FloatArray
from tansaku.models.domain.records import JsonDict

_WITHIN_ONE = 0.6826894921370859
_FLOOR = 1e-12
_LEAST = 12


@dataclass(frozen=True)
class ErrorModel:
    """Deviation as a function of the distance from the training data [unit of the errors]."""

    noise: float
    slope: float
    power: float
    scale: float

    def deviation(self, distance: FloatArray) -> FloatArray:
        """Standard deviation [unit of the errors], shape of ``distance``."""
        return np.asarray(self.scale * np.sqrt(self.noise + self.slope * distance**self.power))

    def rescaled(self, factor: float) -> ErrorModel:
        """The model with deviations multiplied by a factor."""
        return replace(self, scale=self.scale * factor)

    def document(self) -> JsonDict:
        """Returns the model as plain data."""
        return {"noise": self.noise, "slope": self.slope, "power": self.power, "scale": self.scale}


def fit_error_model(errors: FloatArray, distance: FloatArray) -> ErrorModel:
    """Fits the model to errors of left-out data.

    Args:
        errors: Shape ``(n,)``.
        distance: h, by the fit that did not see them, shape ``(n,)``.

    Raises:
        FitError: A number is not finite.
    """
    from scipy.optimize import minimize

    errors, distance = _finite(errors), _finite(distance)
    spread = max(float(np.mean(errors**2)), _FLOOR**2)
    typical = max(float(np.median(distance)), _FLOOR)

    def unlikelihood(parameters: FloatArray) -> float:
        noise, slope, power = np.exp(parameters)
        variance = spread * (noise + slope * (distance / typical) ** power) + _FLOOR**2
        return float(0.5 * np.mean(np.log(variance) + errors**2 / variance))

    if len(errors) < _LEAST:
        # A few cells determine the size of the errors, not what they depend on.
        return ErrorModel(spread, 0.0, 1.0, 1.0)
    found = minimize(unlikelihood, np.log([0.3, 0.3, 1.0]), method="Nelder-Mead", bounds=[(-12, 6), (-12, 6), (-2, 1)])
    noise, slope, power = (float(value) for value in np.exp(found.x))
    model = ErrorModel(spread * noise, spread * slope / typical**power, power, 1.0)
    scores = np.abs(errors) / np.maximum(model.deviation(distance), _FLOOR)
    return ErrorModel(model.noise, model.slope, model.power, max(float(np.quantile(scores, _WITHIN_ONE)), 1e-3))


def correction(scores: Mapping[str, FloatArray]) -> float:
    """Factor by which deviations are multiplied, so that 68.3 % of the errors of held-out groups lie within one.

    Groups count alike, whatever their size: errors of one group resemble each other. The logarithm of the factor that k groups
    give counts k / (k + 1), as if one more group said that the deviations are right, because another group may need another
    factor.

    Args:
        scores: Errors divided by deviations of each group, at least one, shape ``(n,)``.

    Returns:
        1 without groups.

    Raises:
        FitError: A score is not finite.
    """
    if not scores:
        return 1.0
    values = _finite(np.concatenate(list(scores.values())))
    shares = np.concatenate([np.full(len(found), 1.0 / len(found)) for found in scores.values()])
    order = np.argsort(values, kind="stable")
    within = np.cumsum(shares[order]) / len(scores)
    place = min(int(np.searchsorted(within, _WITHIN_ONE)), len(order) - 1)
    return float(max(values[order][place], 1e-3) ** (len(scores) / (len(scores) + 1)))


def _finite(values: FloatArray) -> FloatArray:
    """The values. Raises FitError when one is not a finite number: no error bar follows from such a one."""
    wrong = int(np.count_nonzero(~np.isfinite(values)))
    if wrong:
        raise FitError(
            f"error bars cannot be calibrated: {wrong} of {len(values)} errors of left-out data are not finite numbers"
        )
    return values
