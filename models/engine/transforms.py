"""Output transforms: between the objective's unit and what the Gaussian process sees."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from tansaku.models.domain.pool import FloatArray, IntArray
from tansaku.models.domain.records import JsonDict

Standardise = Literal["none", "global", "system"]

_FLOOR_MARGIN = 0.05


@dataclass(frozen=True)
class TransformState:
    """A transform with its constants: z = (g(y) − centre[system]) / scale with g = identity or log(y − floor).

    Attributes:
        log: Whether g is the logarithm.
        floor: Subtracted before the logarithm [objective's unit].
        centre: Per system, shape ``(n_systems,)``.
        scale: One for all systems.
    """

    log: bool
    floor: float
    centre: FloatArray
    scale: float

    def forward(self, values: FloatArray, systems: IntArray) -> FloatArray:
        """Transforms values of candidates of these systems; shapes ``(n,)``."""
        return (_g(values, self.log, self.floor) - self.centre[systems]) / self.scale

    def moments(self, mean: float, deviation: float, system: int) -> tuple[float, float]:
        """Mean and deviation in the objective's unit of a normal (or, under the logarithm, log-normal) prediction."""
        location, width = mean * self.scale + self.centre[system], (deviation * self.scale) ** 2
        if not self.log:
            return float(location), float(np.sqrt(width))
        average = float(np.exp(location + 0.5 * width))
        return average + self.floor, average * float(np.sqrt(np.expm1(width)))

    def to_json(self) -> JsonDict:
        """Plain data with exact floats."""
        return {"log": self.log, "floor": self.floor, "centre": self.centre.tolist(), "scale": self.scale}

    @classmethod
    def from_json(cls, data: JsonDict) -> TransformState:
        """Inverse of :meth:`to_json`."""
        return cls(bool(data["log"]), float(data["floor"]), np.asarray(data["centre"], dtype=np.float64), float(data["scale"]))


@dataclass(frozen=True)
class OutputTransform:
    """What is done to the objective before it is modelled.

    Attributes:
        log: Take the logarithm. While a value is not positive, log(y − floor) with the floor 5 % of the observed
            range below the lowest value.
        standardise: ``global``: subtract the mean and divide by the deviation of all observations; ``system``: subtract each
            system's own mean (the mean of all for a system without data) and divide by one deviation of all.
    """

    log: bool = False
    standardise: Standardise = "global"

    def fit(self, values: FloatArray, systems: IntArray, n_systems: int) -> TransformState:
        """Determines the constants from observed values.

        Args:
            values: Objective of the observed candidates, shape ``(n,)``.
            systems: Their systems, shape ``(n,)``.
            n_systems: Number of systems.
        """
        floor = 0.0
        if self.log and len(values) and values.min() <= 0.0:
            span = float(np.ptp(values))
            floor = float(values.min()) - _FLOOR_MARGIN * (span if span > 0.0 else 1.0)
        z = _g(values, self.log, floor)
        if self.standardise == "none" or not len(z):
            return TransformState(self.log, floor, np.zeros(n_systems), 1.0)
        centre = np.full(n_systems, z.mean())
        if self.standardise == "system":
            counts = np.bincount(systems, minlength=n_systems)
            sums = np.bincount(systems, z, minlength=n_systems)
            centre = np.where(counts > 0, sums / np.maximum(counts, 1), centre)
        deviation = float(z.std())
        return TransformState(self.log, floor, centre, deviation if deviation > 0.0 else 1.0)


def _g(values: FloatArray, log: bool, floor: float) -> FloatArray:
    return np.log(values - floor) if log else values
