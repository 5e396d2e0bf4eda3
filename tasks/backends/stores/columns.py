"""Evaluations as columns, and the change feed: shared by the stores."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

import numpy as np

from tansaku.models.domain.pool import IntArray
from tansaku.models.domain.records import CampaignRecord, Evaluation, Quantity
from tansaku.models.domain.states import EvaluationState
from tansaku.models.domain.views import ActiveMark, Columns, Mark

Row = Sequence[Any]
"""Plain values of one evaluation in the order of :func:`row_of`."""

Part = Sequence[Sequence[Any]]
"""The rows of some evaluations as columns: for each place of a row the values of all of them."""

_FIXED = 18  # entries of a row before its quantities and properties
_NUMERIC = frozenset({6, 7, 9, 10, 11, 14, 15})  # numbers or None
_REPEATED = frozenset({2, 3, 4, 5, 8, 12})  # texts that many evaluations share
_PART = 2000  # rows that are turned into columns at once
_STATES = {state.value: state for state in EvaluationState}
_ENDED = {state.value: state.terminal for state in EvaluationState}


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
        proposal.predicted_mean,
        proposal.predicted_deviation,
        round(1000 * (evaluation.finished_at or evaluation.proposed_at).timestamp()),
        evaluation.done_as is not None,
        *(None if outcome is None else outcome.quantities.get(name) for name in quantities),
        *(None if outcome is None else outcome.properties.get(name) for name in properties),
    )


def columns_from(
    parts: Iterable[Part], quantities: Sequence[str] = (), properties: Sequence[str] = (), problems: Sequence[str] = ()
) -> Columns:
    """Joins parts to columns sorted by proposal number; they are taken one at a time, to save memory, before the problems."""
    width = _FIXED + len(quantities) + len(properties)
    columns: list[list[Any]] = [[] for _ in range(width)]
    same: dict[Any, Any] = {}
    for part in parts:
        for place, column in enumerate(part):
            if place in _NUMERIC:
                columns[place].append(_numbers(column))
            elif place in _REPEATED:
                columns[place].extend(map(same.setdefault, column, column))
            else:
                columns[place].extend(column)
    numbers = np.array(columns[0], dtype=np.intp)
    order = np.argsort(numbers, kind="stable")
    sorted_already = bool((numbers[1:] > numbers[:-1]).all())
    found = [_ordered(column, order, sorted_already, place in _NUMERIC) for place, column in enumerate(columns)]
    states, predicted_by = tuple(map(_STATES.__getitem__, found[5])), found[8]
    terminal = np.array(list(map(_ENDED.__getitem__, found[5])), dtype=np.bool_)
    taken = found[10] * found[11]
    return Columns(
        numbers=np.array(found[0], dtype=np.intp),
        candidates=found[1],
        systems=found[2],
        surfaces=found[3],
        searched=np.array([purpose == "search" for purpose in found[4]], dtype=np.bool_),
        states=states,
        values=found[7],
        predicted_by=predicted_by,
        deviations=np.nan_to_num(found[9]),
        predicted_costs=found[6],
        measured_costs=np.where(terminal & (taken != 0.0), taken, np.nan),
        spared=np.array([look is not None and look == by for look, by in zip(found[12], predicted_by, strict=True)], np.bool_),
        incidents=np.array(found[13], dtype=np.bool_) | np.array([state is EvaluationState.FAILED for state in states], bool),
        means=found[14],
        mean_deviations=found[15],
        changed_at=np.array(found[16], dtype=np.intp),
        done_otherwise=np.array(found[17], dtype=np.bool_),
        quantities={name: tuple(map(_quantity, found[_FIXED + i])) for i, name in enumerate(quantities)},
        properties={name: found[_FIXED + len(quantities) + i] for i, name in enumerate(properties)},
        problems=tuple(problems),
    )


def parts_of(rows: Iterable[Row]) -> Iterator[Part]:
    """Rows as parts."""
    remaining = iter(rows)
    while some := list(islice(remaining, _PART)):
        yield tuple(zip(*some, strict=True))


def _ordered(column: list[Any], order: IntArray, sorted_already: bool, numeric: bool) -> Any:  # noqa: ANN401 - array or tuple
    if numeric:
        joined = np.concatenate([np.empty(0), *column])
        return joined if sorted_already else joined[order]
    return tuple(column) if sorted_already else tuple(column[place] for place in order.tolist())


def columns_of(evaluations: Iterable[Evaluation], quantities: Sequence[str] = ()) -> Columns:
    """Returns evaluations that were read as columns."""
    return columns_from(parts_of(row_of(evaluation, quantities) for evaluation in evaluations), quantities)


def mark_of(record: CampaignRecord, count: int, active: Sequence[ActiveMark], highest: int) -> Mark:
    """Returns the mark of a reader who has seen a campaign up to a number.

    Args:
        record: The campaign, read before its evaluations.
        count: Number of evaluations up to ``highest``.
        active: Those in progress.
        highest: Highest proposal number among the evaluations, 0 without any.
    """
    retries = sum(command.kind in ("retry", "tell") and command.applied_at_number is not None for command in record.commands)
    return Mark(created_at=record.created_at, number=highest, count=count, active=tuple(active), retries=retries)


def without_gaps(mark: Mark) -> bool:
    """Returns whether every number up to the mark's has an evaluation, so that none can be inserted below it."""
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
    return np.array(values, dtype=np.float64)  # None becomes NaN


def _quantity(value: Quantity | dict[str, Any] | None) -> Quantity | None:
    return value if value is None or isinstance(value, Quantity) else Quantity.model_validate(value)
