"""Costs of evaluations: predicted when proposed, and measured where the space learns its cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tansaku.models.domain.pool import FloatArray
from tansaku.models.domain.records import JsonDict, Refit
from tansaku.models.domain.specs.space import SpaceSpec
from tansaku.models.domain.views import Columns

MEASURED_UNIT = "core-seconds"


def cost_unit(space: SpaceSpec) -> str | None:
    """Returns the unit of a learned cost; None for costs given by the file, whose unit is unknown."""
    return MEASURED_UNIT if space.learns_cost else None


@dataclass(frozen=True)
class CostComparison:
    """Predicted and actual cost of all fully computed and measured evaluations, in proposal order.

    Attributes:
        predicted: When it was proposed [core-seconds], shape ``(n,)``.
        actual: What it took [core-seconds], shape ``(n,)``.
        candidates: Their ids.
        model: The cost model of the last refit as stored, None before the first.
        refit: Its number.
    """

    predicted: FloatArray
    actual: FloatArray
    candidates: tuple[str, ...]
    model: JsonDict | None
    refit: int | None

    @property
    def median_ratio(self) -> float | None:
        """Median of actual over predicted, None before anything was measured."""
        return float(np.median(self.actual / self.predicted)) if len(self.actual) else None

    def describe(self) -> str:
        """One line."""
        if self.median_ratio is None:
            return "cost: nothing measured yet"
        text = f"cost: {len(self.actual)} evaluations measured; median of actual / predicted {self.median_ratio:.2f}"
        if self.model is None:
            return text
        grown = ", ".join(f"{name}^{power:.2f}" for name, power in self.model["exponents"].items())
        return f"{text}; scales as {grown} (refit {self.refit})"

    def summary(self) -> JsonDict:
        """The same as plain data."""
        return {
            "unit": MEASURED_UNIT,
            "measured": len(self.actual),
            "predicted_sum": float(self.predicted.sum()),
            "actual_sum": float(self.actual.sum()),
            "median_ratio": self.median_ratio,
            "refit": self.refit,
            "model": self.model,
        }


def costs_of(columns: Columns, space: SpaceSpec) -> FloatArray:
    """Returns the costs of evaluations: measured if cost is learned and they have ended, else predicted; shape ``(n,)``."""
    expected = np.where(columns.done_otherwise, 0.0, columns.predicted_costs)
    if not space.learns_cost:
        return expected
    measured = columns.measured_costs
    return np.where(np.isnan(measured), expected, measured)


def compare_costs(columns: Columns, refits: Sequence[Refit], space: SpaceSpec) -> CostComparison | None:
    """Predicted against actual of the search, None where cost is not learned."""
    if not space.learns_cost:
        return None
    chosen = columns.searched & ~columns.spared & ~np.isnan(columns.measured_costs)
    last = next((refit for refit in reversed(refits) if refit.cost is not None), None)
    return CostComparison(
        predicted=columns.predicted_costs[chosen],
        actual=columns.measured_costs[chosen],
        candidates=tuple(columns.candidates[place] for place in np.flatnonzero(chosen)),
        model=last.cost if last is not None else None,
        refit=last.number if last is not None else None,
    )
