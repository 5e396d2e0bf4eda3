"""Evaluations as columns, and the change feed: shared by the stores."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

import numpy as np

from tansaku.models.domain.evaluation_columns import HELD, Column
from tansaku.models.domain.pool import IntArray
from tansaku.models.domain.records import CampaignRecord, Evaluation, Quantity
from tansaku.models.domain.states import EvaluationState
from tansaku.models.domain.views import ENDED, STATE_CODES, ActiveMark, Columns, Mark

Row = Sequence[Any]
"""Plain values of one evaluation: those of the columns that are held, then quantities and properties that were asked for."""

Part = Sequence[Sequence[Any]]
"""The rows of some evaluations as columns: for each place of a row the values of all of them."""

_PART = 2000  # rows that are turned into columns at once


def row_of(evaluation: Evaluation, quantities: Sequence[str] = (), properties: Sequence[str] = ()) -> Row:
    """Returns the row of an evaluation."""
    outcome = evaluation.outcome
    return (
        *(column.stored(evaluation) for column in HELD),
        *(None if outcome is None else outcome.quantities.get(name) for name in quantities),
        *(None if outcome is None else outcome.properties.get(name) for name in properties),
    )


def columns_from(
    parts: Iterable[Part], quantities: Sequence[str] = (), properties: Sequence[str] = (), problems: Sequence[str] = ()
) -> Columns:
    """Joins parts to columns sorted by proposal number; they are taken one at a time, to save memory, before the problems."""
    kinds = [*HELD, *(None for _ in (*quantities, *properties))]
    columns: list[list[Any]] = [[] for _ in kinds]
    same: dict[Any, Any] = {}
    for part in parts:
        for kind, column, values in zip(kinds, columns, part, strict=True):
            if kind is not None and kind.number:
                column.append(np.array(values, dtype=np.float64))  # None becomes NaN
            elif kind is not None:
                column.extend(map(same.setdefault, values, values))  # many evaluations share a text
            else:
                column.extend(values)
    held = {kind.name: _joined(kind, column) for kind, column in zip(HELD, columns, strict=False)}
    numbers = held["round"]
    further = columns[len(HELD) :]
    if not (numbers[1:] > numbers[:-1]).all():
        order = np.argsort(numbers, kind="stable")
        held = {name: _taken(column, order) for name, column in held.items()}
        further = [_taken(column, order) for column in further]
    codes = np.array([STATE_CODES[state] for state in held["state"]], dtype=np.int8)
    taken = held["wall_time"] * held["cores"]
    spared = [look is not None and look == by for look, by in zip(held["look"], held["predicted_by"], strict=True)]
    found = Columns(
        numbers=held["round"].astype(np.intp),
        candidates=held["candidate"],
        systems=held["system"],
        surfaces=held["surface"],
        searched=np.array([purpose == "search" for purpose in held["purpose"]], dtype=np.bool_),
        state_codes=codes,
        values=held["value"],
        predicted_by=held["predicted_by"],
        deviations=np.nan_to_num(held["deviation"]),
        predicted_costs=held["predicted_cost"],
        measured_costs=np.where(ENDED[codes] & (taken != 0.0), taken, np.nan),
        spared=np.array(spared, dtype=np.bool_),
        incidents=np.array(held["incident"], dtype=np.bool_) | (codes == STATE_CODES[EvaluationState.FAILED]),
        means=held["predicted_mean"],
        mean_deviations=held["predicted_deviation"],
        changed_at=held["changed_at"].astype(np.intp),
        done_otherwise=~np.isnan(held["done_as"]),
        levels=held["level"],
        quantities={name: tuple(map(_quantity, column)) for name, column in zip(quantities, further, strict=False)},
        properties={name: tuple(column) for name, column in zip(properties, further[len(quantities) :], strict=True)},
        problems=tuple(problems),
    )
    references, looks = (
        np.array([purpose == apart for purpose in held["purpose"]], dtype=np.bool_) for apart in ("reference", "look")
    )
    return found.set_aside(references, looks)


def parts_of(rows: Iterable[Row]) -> Iterator[Part]:
    """Rows as parts."""
    remaining = iter(rows)
    while some := list(islice(remaining, _PART)):
        yield tuple(zip(*some, strict=True))


def _joined(kind: Column, column: list[Any]) -> Any:  # noqa: ANN401 - array or tuple
    return np.concatenate([np.empty(0), *column]) if kind.number else tuple(column)


def _taken(column: Any, order: IntArray) -> Any:  # noqa: ANN401 - array or tuple
    return column[order] if isinstance(column, np.ndarray) else tuple(column[place] for place in order.tolist())


def columns_of(evaluations: Iterable[Evaluation], quantities: Sequence[str] = (), properties: Sequence[str] = ()) -> Columns:
    """Returns evaluations that were read as columns."""
    rows = (row_of(evaluation, quantities, properties) for evaluation in evaluations)
    return columns_from(parts_of(rows), quantities, properties)


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
        now: The present one.
        earlier_count: Present number of evaluations up to ``since.number``.
    """
    if (since.created_at, since.retries, since.count) != (now.created_at, now.retries, earlier_count):
        return None
    before = {entry.number: entry for entry in since.active}
    present = {entry.number: entry for entry in now.active if entry.number <= since.number}
    return sorted(number for number in before.keys() | present.keys() if before.get(number) != present.get(number))


def _quantity(value: Quantity | dict[str, Any] | None) -> Quantity | None:
    return value if value is None or isinstance(value, Quantity) else Quantity.model_validate(value)
