"""The best value of a search after each ended evaluation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.pool import BoolArray, FloatArray, IntArray
from tansaku.tasks.read.views.campaign import Campaign
from tansaku.tasks.read.views.origins import best_so_far


@dataclass(frozen=True)
class BestValues:
    """The best value so far. Arrays have one entry for each ended evaluation of the search, in proposal order.

    Attributes:
        evaluation: How many have ended, shape ``(n,)``; 0 of results that were known already.
        cost: Cumulative cost, failures included, shape ``(n,)``.
        value: Result of the last of them [unit], NaN where it has none, shape ``(n,)``.
        best: Best value up to there [unit], NaN before the first, shape ``(n,)``.
        system: Of the last of them, shape ``(n,)``; None: there is one system, or nobody asked.
        best_of_system: Best value of that system up to there [unit], shape ``(n,)``; None as there.
        quantity: Name of the values.
    """

    evaluation: IntArray
    cost: FloatArray
    value: FloatArray
    best: FloatArray
    system: npt.NDArray[np.str_] | None
    best_of_system: FloatArray | None
    quantity: str
    unit: str

    @property
    def improved(self) -> BoolArray:
        """Whether the last of them is the best up to there, shape ``(n,)``."""
        return best_so_far(self.best, 1.0)[1] | best_so_far(self.best, -1.0)[1]


def best_values(reading: Campaign, *, by_system: bool = False) -> BestValues:
    """The best value after each ended evaluation. Predictions count only if nothing was computed.

    Args:
        by_system: Also that of each system.
    """
    arrays = reading.columns
    places = np.flatnonzero(arrays.counted & arrays.terminal)
    values, predicted = arrays.values[places], arrays.predicted[places]
    if (~predicted & ~np.isnan(values)).any():
        values = np.where(predicted, np.nan, values)
    answers = np.where(reading.keeping[places], values, np.nan)
    best, _ = best_so_far(answers, reading.sign)
    several = by_system and len(arrays.system_names) > 1
    codes = arrays.system_codes[places]
    return BestValues(
        evaluation=np.cumsum(reading.counted[places]),
        cost=reading.spent_after(places),
        value=values,
        best=best,
        system=np.array(arrays.system_names, dtype=np.str_)[codes] if several else None,
        best_of_system=_best_of_each(answers, codes, reading.sign) if several else None,
        quantity=reading.spec.quantity,
        unit=reading.spec.objective.unit,
    )


def best_values_found(reading: Campaign) -> BestValues:
    """The same of a search that has found something, also by system.

    Raises:
        ConfigurationError: No evaluation has a value yet.
    """
    found = best_values(reading, by_system=True)
    if np.isnan(found.value).all():
        raise ConfigurationError(f"campaign {reading.record.name!r} has no finished evaluation with a value yet")
    return found


def _best_of_each(answers: FloatArray, codes: IntArray, sign: float) -> FloatArray:
    """The best value so far of the system of each evaluation."""
    found = np.full(len(answers), np.nan)
    for code in np.unique(codes):
        mine = codes == code
        found[mine] = best_so_far(answers[mine], sign)[0]
    return found
