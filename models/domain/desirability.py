"""Several quantities combined into one number between 0 and 1, by how desirable each is.

Derringer & Suich (1980), https://doi.org/10.1080/00224065.1980.11980968: each quantity has a desirability between 0, of no use,
and 1, as good as wanted; the geometric mean is 0 where one of them is.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tansaku.models.domain.pool import FloatArray
from tansaku.models.domain.specs.objective import DesiredSpec


def positions(desired: Sequence[DesiredSpec], values: FloatArray) -> FloatArray:
    """Returns where quantities lie between of no use (0) and as good as wanted (1), not cut at these ends; same shape.

    Args:
        desired: Quantities.
        values: Of them [their units], the last axis by quantity.
    """
    ends = np.array([item.ends for item in desired])
    return np.asarray((values - ends[:, 0]) / (ends[:, 1] - ends[:, 0]))


def desirability(desired: Sequence[DesiredSpec], values: FloatArray) -> FloatArray:
    """Returns the weighted geometric mean of the desirabilities, of the shape of the values without their last axis.

    Args:
        desired: As of :func:`positions`.
        values: As of :func:`positions`.
    """
    weights = np.array([item.weight for item in desired])
    single = np.clip(positions(desired, values), 0.0, 1.0)
    return np.asarray(np.prod(single ** (weights / weights.sum()), axis=-1))
