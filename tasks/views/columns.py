"""What the search has done, from columns instead of whole evaluations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from tansaku.models.domain.errors import StoreError
from tansaku.models.domain.history import Entry, search_entry
from tansaku.models.domain.pool import CandidatePool
from tansaku.models.domain.ports import CampaignStore
from tansaku.models.domain.records import Evaluation
from tansaku.models.domain.specs.objective import FurtherObjectiveSpec
from tansaku.models.domain.states import EvaluationState
from tansaku.models.domain.units import recorded_in
from tansaku.models.domain.views import Columns


def complete_columns(store: CampaignStore, name: str) -> Columns:
    """Returns the evaluations of a campaign as columns.

    Raises:
        StoreError: One of them cannot be read.
    """
    columns = store.columns(name)
    if columns.problems:
        raise StoreError(columns.problems[0])
    return columns


def search_entries_of(
    columns: Columns,
    pool: CandidatePool,
    failed: Mapping[int, Evaluation],
    further: Sequence[FurtherObjectiveSpec] = (),
    *,
    learns_cost: bool = False,
) -> list[Entry]:
    """Entries of a campaign's search proposals, by number.

    Args:
        columns: Its evaluations, with the quantities of further objectives.
        pool: All candidates.
        failed: Failed evaluations by number.
        further: Objectives besides the first.
        learns_cost: Whether the campaign's cost is learned.

    Raises:
        NotFoundError: An evaluation's candidate is not in the pool.
    """
    places = np.flatnonzero(columns.searched).tolist()
    positions = pool.positions([columns.candidates[place] for place in places]).tolist()
    numbers, costs = columns.numbers.tolist(), columns.predicted_costs.tolist()
    measured = columns.measured_costs.tolist() if learns_cost else None
    others = _further_values(columns, further)
    found = columns.values.tolist()
    deviations, spared = columns.deviations.tolist(), columns.spared.tolist()
    entries = []
    for place, position in zip(places, positions, strict=True):
        number, state = numbers[place], columns.states[place]
        if state is EvaluationState.FAILED and number in failed:
            entries.append(search_entry(failed[number], position, further, learns_cost=learns_cost))
            continue
        value, rest = found[place], others[place] if others is not None else ()
        known = state is EvaluationState.DONE and value == value and rest is not None
        entries.append(
            Entry(
                number=number,
                position=position,
                cost=costs[place],
                state=state,
                value=value if known else None,
                others=rest if known and rest is not None else (),
                measured=measured[place] if measured is not None and measured[place] == measured[place] else None,
                deviation=deviations[place] if known else 0.0,
                spared=spared[place],
            )
        )
    return entries


def _further_values(columns: Columns, further: Sequence[FurtherObjectiveSpec]) -> list[tuple[float, ...] | None] | None:
    """Returns each evaluation's values of further objectives, None where one is missing; None without such objectives."""
    if not further:
        return None
    rows = zip(*(columns.quantities[objective.property] for objective in further), strict=True)
    found: list[tuple[float, ...] | None] = []
    for row in rows:
        pairs = [(quantity, objective) for quantity, objective in zip(row, further, strict=True) if quantity is not None]
        complete = len(pairs) == len(further)
        found.append(
            tuple(recorded_in(quantity.value, quantity.unit, objective.unit) for quantity, objective in pairs)
            if complete
            else None
        )
    return found
