"""Output transforms between the objective's unit and the values modelled by the Gaussian process."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from tansaku.models.domain.magnitudes import LARGEST
from tansaku.models.domain.pool import FloatArray, IntArray
from tansaku.models.domain.records import JsonDict

Standardise = Literal["none", "global", "system"]

_NOTHING = 1e-300
_FLOOR_MARGIN = 0.05
_LOW_SHARE = 0.15
_LARGEST_LOG = 700.0
_MOST_BENDS = 50.0  # for two nearly equal values the knee's width would be almost zero, and values far above it unbounded


@dataclass(frozen=True)
class TransformState:
    """A transform with its constants: z = (c(g(y)) − centre[system]) / scale with g = identity or log(y − floor).

    c leaves values up to the knee as they are and lets higher ones grow by their logarithm only.

    Attributes:
        log: Whether g is the logarithm.
        floor: Subtracted before the logarithm [objective's unit].
        centre: Per system, shape ``(n_systems,)``.
        scale: One for all systems.
        knee: Where c begins to bend [unit of g]; None: nowhere.
        width: Above the knee c = knee + width · log(1 + (g − knee) / width).
    """

    log: bool
    floor: float
    centre: FloatArray
    scale: float
    knee: float | None = None
    width: float = 1.0

    def forward(self, values: FloatArray, systems: IntArray) -> FloatArray:
        """Transforms values of candidates of these systems; shapes ``(n,)``."""
        bent = _bend(_g(values, self.log, self.floor), self.knee, self.width)
        return (bent - self.centre[systems]) / self.scale

    def spread(self, values: FloatArray, deviations: FloatArray, systems: IntArray) -> FloatArray:
        """Transforms deviations of values, on their upper side; shapes ``(n,)``."""
        return self.forward(values + deviations, systems) - self.forward(values, systems)

    def bent(self, values: FloatArray) -> FloatArray:
        """Values before standardising, any shape; −∞ for what is not above the floor of a logarithm."""
        if self.log:
            above = np.maximum(values - self.floor, np.finfo(np.float64).tiny)
            return np.where(values > self.floor, _bend(np.log(above), self.knee, self.width), -np.inf)
        return _bend(np.asarray(values, dtype=np.float64), self.knee, self.width)

    def restored(self, bent: FloatArray) -> FloatArray:
        """Inverse of :meth:`bent`, any shape."""
        z = np.asarray(bent, dtype=np.float64)
        if self.knee is not None:
            with np.errstate(over="ignore"):  # of a width next to zero; what is infinite is clipped
                bends = np.clip((z - self.knee) / self.width, 0.0, _MOST_BENDS)
            z = np.where(z > self.knee, self.knee + self.width * np.expm1(bends), z)
        return np.asarray(np.exp(z) + self.floor if self.log else z)

    def moments(self, mean: float, deviation: float, system: int) -> tuple[float, float]:
        """Mean and deviation in the objective's unit.

        Exact for a linear and for a logarithmic transform; above a knee, the median and half of the central 68 %.
        """
        location, width = float(mean * self.scale + self.centre[system]), deviation * self.scale
        if self.knee is not None:
            low, middle, high = self.restored(location + width * np.array([-1.0, 0.0, 1.0])).tolist()
            return middle, 0.5 * (high - low)
        if not self.log:
            return location, float(width)
        # Where values span hundreds of powers of ten, the mean of a log-normal distribution may be too large for a number.
        average = float(np.exp(min(location + 0.5 * width**2, _LARGEST_LOG)))
        deviation = average * float(np.sqrt(np.expm1(min(width**2, _LARGEST_LOG))))
        return average + self.floor, min(deviation, LARGEST**3)

    def to_json(self) -> JsonDict:
        """Plain data with exact floats."""
        return {**vars(self), "centre": self.centre.tolist()}

    @classmethod
    def from_json(cls, data: JsonDict) -> TransformState:
        """Inverse of :meth:`to_json`."""
        return cls(**{**data, "centre": np.asarray(data["centre"], dtype=np.float64)})


@dataclass(frozen=True)
class OutputTransform:
    """The transform of the objective before it is modelled.

    Attributes:
        log: Take the logarithm. While a value is not positive, log(y − floor) with the floor 5 % of the observed
            range below the lowest value.
        standardise: ``global``: subtract the mean and divide by the deviation of all observations; ``system``: subtract each
            system's own mean (the mean of all for a system without data) and divide by one deviation of all.
        compress: Share of the observations above which values grow by their logarithm only; 1 leaves all as they are.
    """

    log: bool = False
    standardise: Standardise = "global"
    compress: float = 1.0

    def fit(self, values: FloatArray, systems: IntArray, n_systems: int) -> TransformState:
        """Determines the constants from observed values.

        Args:
            values: Objective of the observed candidates, shape ``(n,)``.
            systems: Their systems, shape ``(n,)``.
        """
        floor = 0.0
        if self.log and len(values) and values.min() <= 0.0:
            span = float(np.ptp(values))
            lowest = float(values.min())
            floor = lowest - _FLOOR_MARGIN * (span if span > 0.0 else 1.0)
            if floor == lowest:  # by rounding, below large values that are nearly equal
                floor = lowest - _FLOOR_MARGIN * abs(lowest)
            if floor == lowest:  # by underflow
                floor = lowest - _FLOOR_MARGIN
        z = _g(values, self.log, floor)
        knee, width = self._knee(z)
        z = _bend(z, knee, width)
        if self.standardise == "none" or not len(z):
            return TransformState(self.log, floor, np.zeros(n_systems), 1.0, knee, width)
        centre = np.full(n_systems, z.mean())
        if self.standardise == "system":
            counts = np.bincount(systems, minlength=n_systems)
            sums = np.bincount(systems, z, minlength=n_systems)
            centre = np.where(counts > 0, sums / np.maximum(counts, 1), centre)
        deviation = float((z - centre[systems]).std())
        return TransformState(self.log, floor, centre, deviation if deviation > 0.0 else 1.0, knee, width)

    def stretched(self, z: FloatArray) -> FloatArray:
        """Values whose compression the given ones are: their knee is where the given ones have it, below which both are equal.

        Args:
            z: Compressed values, shape ``(n,)``.
        """
        knee, width = self._knee(z)
        return z if knee is None else np.where(z > knee, knee + width * np.expm1(np.maximum(z - knee, 0.0) / width), z)

    def _knee(self, z: FloatArray) -> tuple[float | None, float]:
        """The knee, and as the width its distance from the lowest tenth; no knee where that is nothing."""
        if self.compress >= 1.0 or not len(z):
            return None, 1.0
        low, knee = (float(v) for v in np.quantile(z, (_LOW_SHARE * self.compress, self.compress)))
        width = knee - low
        # A width that is nothing beside the highest values overflows when these are divided by it.
        return (knee, width) if width > _NOTHING * max(1.0, float(z.max()) - knee) else (None, 1.0)


def _g(values: FloatArray, log: bool, floor: float) -> FloatArray:
    return np.log(values - floor) if log else values


def _bend(z: FloatArray, knee: float | None, width: float) -> FloatArray:
    if knee is None:
        return z
    return np.where(z > knee, knee + width * np.log1p(np.maximum(z - knee, 0.0) / width), z)
