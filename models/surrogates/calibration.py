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

