"""Evaluations of a search with several objectives that no other one beats."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tansaku.models.domain.history import oriented
from tansaku.models.domain.pool import BoolArray, FloatArray, IntArray
from tansaku.models.domain.specs.campaign import ObjectiveSpec
from tansaku.models.domain.views import Columns
from tansaku.models.engine.front import on_front


@dataclass(frozen=True)
class Evaluated:
    """Evaluations of the search with values of all objectives.

    Attributes:
        places: In the columns, shape ``(n,)``.
        values: As computed, the first objective first, shape ``(n, n_objectives)``.
        keeping: Whether they keep all limits, shape ``(n,)``.
        member: Whether they keep all limits and are on the front, shape ``(n,)``.
    """

    places: IntArray
    values: FloatArray
    keeping: BoolArray
    member: BoolArray


def evaluated_front(arrays: Columns, objective: ObjectiveSpec) -> Evaluated | None:
    """The front of a campaign; None where there is one objective, or nothing has all values yet.

    Args:
        arrays: Evaluations, with the values of further objectives.
        objective: Of the campaign.
    """
    if not objective.goals:
        return None
    values: FloatArray = np.column_stack([arrays.values, arrays.further(objective.goals)])
    places = np.flatnonzero(arrays.searched & ~np.isnan(values).any(axis=1))
    if not len(places):
        return None
    keeping = arrays.keeping(objective.limits)[places]
    member = keeping.copy()
    member[member] = on_front(oriented(values[places][member], objective.directions))
    return Evaluated(places, values[places], keeping, member)
