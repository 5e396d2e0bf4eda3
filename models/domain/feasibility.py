"""Results within the limits of an objective."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from tansaku.models.domain.pool import BoolArray, FloatArray
from tansaku.models.domain.specs.objective import LimitSpec

if TYPE_CHECKING:
    # Loads the descriptions of objectives, which may import the ports, which import this.
    from tansaku.models.domain.specs.campaign import ObjectiveSpec

_ROUNDING = 1e-9
"""Share of a limit by which a value may be beyond it: 0.07 is 7.000000000000001 %."""


def keeps_limits(limits: Sequence[LimitSpec], further: FloatArray) -> BoolArray:
    """Returns which results keep all limits; all, where there are none.

    Args:
        limits: Of an objective.
        further: Values of its further quantities [their units], NaN where there is none; those with a limit come last, shape
            ``(n, n_further)``.

    Returns:
        Shape ``(n,)``; a result without a value keeps none.
    """
    kept = np.ones(len(further), dtype=np.bool_)
    for place, limit in enumerate(limits, start=further.shape[1] - len(limits)):
        low, high = limit.bounds
        column = further[:, place]
        kept &= (column >= low - _ROUNDING * abs(low)) & (column <= high + _ROUNDING * abs(high))
    return kept


def excess(limits: Sequence[LimitSpec], further: FloatArray) -> FloatArray:
    """Returns by how much results exceed the limits together, each in units of its deviation among them, shape ``(n,)``.

    Args:
        limits: Of an objective.
        further: As of :func:`keeps_limits`.
    """
    total = np.zeros(len(further))
    for place, limit in enumerate(limits, start=further.shape[1] - len(limits)):
        low, high = limit.bounds
        column = further[:, place]
        total += np.maximum(np.maximum(low - column, column - high), 0.0) / (column.std() or 1.0)
    return total


def answers_of(objective: ObjectiveSpec, values: FloatArray) -> FloatArray:
    """Values of the objectives alone, NaN in results that break a limit, shape ``(n, n_objectives)``.

    Args:
        values: The value and the further quantities of each result, shape ``(n, 1 + n_further)``.
    """
    kept = keeps_limits(objective.limits, values[:, 1:])
    return np.where(kept[:, None], values[:, : 1 + len(objective.goals)], np.nan)


def limits_said(limits: Sequence[LimitSpec]) -> str:
    """Returns limits as people write them, empty where there are none."""
    return ", ".join(limit.describe() for limit in limits)
