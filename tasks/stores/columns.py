"""Evaluations as columns, and the change feed: shared by the stores."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from operator import itemgetter
from typing import Any

import numpy as np

from tansaku.models.domain.records import CampaignRecord, Evaluation, Quantity
from tansaku.models.domain.states import EvaluationState
from tansaku.models.domain.views import ActiveMark, Columns, Mark

Row = Sequence[Any]
"""Plain values of one evaluation in the order of :func:`row_of`."""

_FIXED = 14  # entries of a row before its quantities and properties
_STATES = {state.value: state for state in EvaluationState}


def row_of(evaluation: Evaluation, quantities: Sequence[str] = (), properties: Sequence[str] = ()) -> Row:
    """Returns the row of an evaluation."""
    proposal, outcome = evaluation.proposal, evaluation.outcome
    attempts = evaluation.attempts
    return (
        proposal.number,
        proposal.candidate,
        proposal.system,
        proposal.surface,
        proposal.purpose,
        evaluation.state.value,
        proposal.predicted_cost,
        None if outcome is None else outcome.value,
        None if outcome is None else outcome.predicted_by,
        None if outcome is None else outcome.deviation,
        None if outcome is None else outcome.wall_time,
        None if outcome is None else outcome.cores,
        None if proposal.look is None else proposal.look.model,
        any(attempt.failure is not None or attempt.late_outcome is not None for attempt in attempts),
        *(None if outcome is None else outcome.quantities.get(name) for name in quantities),
        *(None if outcome is None else outcome.properties.get(name) for name in properties),
    )


def columns_from(
    rows: Iterable[Row], quantities: Sequence[str] = (), properties: Sequence[str] = (), problems: Sequence[str] = ()
) -> Columns:
    """Builds columns from rows, sorted by proposal number."""
    width = _FIXED + len(quantities) + len(properties)
    turned: list[tuple[Any, ...]] = list(zip(*sorted(rows, key=itemgetter(0)), strict=True)) or [()] * width
    states = tuple(_STATES[value] for value in turned[5])
    values, predicted_by = _numbers(turned[7]), turned[8]
    terminal = np.array([state.terminal for state in states], dtype=np.bool_)
    taken = _numbers(turned[10]) * _numbers(turned[11])
    looks = zip(turned[12], predicted_by, strict=True)
    return Columns(
        numbers=np.array(turned[0], dtype=np.intp),
        candidates=turned[1],
        systems=turned[2],
        surfaces=turned[3],
        searched=np.array([purpose == "search" for purpose in turned[4]], dtype=np.bool_),
        states=states,
        values=values,
        predicted_by=predicted_by,
        deviations=np.nan_to_num(_numbers(turned[9])),
        predicted_costs=_numbers(turned[6]),
        measured_costs=np.where(terminal & (taken != 0.0), taken, np.nan),
        spared=np.array([look is not None and look == model for look, model in looks], dtype=np.bool_),
        incidents=np.array(turned[13], dtype=np.bool_) | np.array([state == EvaluationState.FAILED for state in states], bool),
        quantities={name: tuple(map(_quantity, turned[_FIXED + i])) for i, name in enumerate(quantities)},
        properties={name: turned[_FIXED + len(quantities) + i] for i, name in enumerate(properties)},
        problems=tuple(problems),
    )


def columns_of(evaluations: Iterable[Evaluation], quantities: Sequence[str] = ()) -> Columns:
    """Returns evaluations that were read as columns."""
    return columns_from([row_of(evaluation, quantities) for evaluation in evaluations], quantities)


def mark_of(record: CampaignRecord, count: int, active: Sequence[ActiveMark], highest: int) -> Mark:
    """Returns the mark of a reader who has seen a campaign up to a number.

    Args:
        record: The campaign, read before its evaluations.
        count: Number of evaluations up to ``highest``.
        active: Those in progress.
        highest: Highest proposal number among the evaluations, 0 without any.
    """
    retries = sum(command.kind == "retry" and command.applied_at_number is not None for command in record.commands)
    return Mark(created_at=record.created_at, number=highest, count=count, active=tuple(active), retries=retries)


def without_gaps(mark: Mark) -> bool:
    """Whether every number up to the mark's has an evaluation, so that none can be inserted below it."""
    return mark.count == mark.number


def changed_since(since: Mark, now: Mark, earlier_count: int) -> list[int] | None:
    """Returns the proposal numbers up to the earlier mark's that have changed; None if everything must be read again.

    Args:
        since: The earlier mark.
        now: The present one.
        earlier_count: Present number of evaluations up to ``since.number``.
    """
    if (since.created_at, since.retries, since.count) != (now.created_at, now.retries, earlier_count):
        return None
    before = {entry.number: entry for entry in since.active}
    present = {entry.number: entry for entry in now.active if entry.number <= since.number}
    return sorted(number for number in before.keys() | present.keys() if before.get(number) != present.get(number))


def _numbers(values: Sequence[float | None]) -> np.ndarray[Any, np.dtype[np.float64]]:
    return np.array([np.nan if value is None else value for value in values], dtype=np.float64)


def _quantity(value: Quantity | dict[str, Any] | None) -> Quantity | None:
    return value if value is None or isinstance(value, Quantity) else Quantity.model_validate(value)
