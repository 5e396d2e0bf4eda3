"""The table of a campaign's evaluations, filtered, sorted and by pages; its failures by reason; its curve of the best value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from pydantic import AwareDatetime

from tansaku.models.domain.records import Evaluation, Record
from tansaku.models.domain.states import EvaluationState
from tansaku.tasks.views.costs import cost_of
from tansaku.tasks.views.failures import FailedEvaluation, failure_reason, may_succeed
from tansaku.tasks.views.origins import predicted, value_of
from tansaku.tasks.views.readings import Reading

Sort = Literal["round", "newest", "best", "cost"]
SORTS: tuple[Sort, ...] = ("round", "newest", "best", "cost")
MOST_POINTS = 1000
"""Points of a curve: more than a screen shows."""


class EvaluationLine(Record):
    """An evaluation in the table.

    Attributes:
        round: Number of its proposal.
        deviation: Predicted standard deviation of a predicted value.
        cost: Measured, or expected.
        reason: Why there is no value.
        predicted: Whether the value is predicted by a trained model.
    """

    round: int
    candidate: str
    system: str
    purpose: str
    state: EvaluationState
    value: float | None
    deviation: float | None
    predicted: bool
    cost: float
    attempts: int
    reason: str | None
    finished_at: AwareDatetime | None


@dataclass(frozen=True)
class Selection:
    """Which evaluations are shown, and in which order.

    Attributes:
        state: Only those in this state; None: all.
        system: Only those of this system; None: all.
        sort: By round, the newest or best first, or the highest cost first.
        after: Number of the last evaluation of the previous page; None: the first page.
        limit: Evaluations on a page.
    """

    state: EvaluationState | None = None
    system: str | None = None
    sort: Sort = "round"
    after: int | None = None
    limit: int = 50


@dataclass(frozen=True)
class TablePage:
    """A page of the table.

    Attributes:
        lines: Evaluations.
        next: ``after`` of the next page; None: this is the last one.
        total: Evaluations that match on all pages.
    """

    lines: tuple[EvaluationLine, ...]
    next: int | None
    total: int


def table_page(reading: Reading, selection: Selection) -> TablePage:
    """A page of a campaign's evaluations. A page begins behind the place of an evaluation, even if that no longer matches."""
    matching = [
        item
        for item in reading.evaluations
        if selection.state in (None, item.state) and selection.system in (None, item.proposal.system)
    ]
    matching.sort(key=lambda item: _sort_key(reading, item, selection.sort))
    left = matching
    previous = None if selection.after is None else evaluation_of(reading, selection.after)
    if previous is not None:
        place = _sort_key(reading, previous, selection.sort)
        left = [item for item in matching if _sort_key(reading, item, selection.sort) > place]
    shown = left[: selection.limit]
    following = shown[-1].proposal.number if len(left) > len(shown) else None
    return TablePage(tuple(evaluation_line(reading, item) for item in shown), following, len(matching))


def _sort_key(reading: Reading, evaluation: Evaluation, sort: Sort) -> tuple[float, int]:
    number = evaluation.proposal.number
    if sort == "newest":
        return (-number, number)
    if sort == "cost":
        return (-cost_of(evaluation, reading.spec.space), number)
    if sort == "best":
        value = value_of(evaluation)
        return (float("inf") if value is None else reading.sign * value, number)
    return (number, number)


def evaluation_line(reading: Reading, evaluation: Evaluation) -> EvaluationLine:
    """An evaluation's line in the table."""
    proposal, outcome = evaluation.proposal, evaluation.outcome
    return EvaluationLine(
        round=proposal.number,
        candidate=proposal.candidate,
        system=proposal.system,
        purpose=proposal.purpose,
        state=evaluation.state,
        value=value_of(evaluation),
        deviation=None if outcome is None else outcome.deviation,
        predicted=predicted(evaluation),
        cost=cost_of(evaluation, reading.spec.space),
        attempts=len(evaluation.attempts),
        reason=failure_reason(evaluation),
        finished_at=evaluation.finished_at,
    )


def evaluation_of(reading: Reading, number: int) -> Evaluation | None:
    """The evaluation of a proposal number, None without one."""
    return next((item for item in reading.evaluations if item.proposal.number == number), None)


def systems_of(reading: Reading) -> list[str]:
    """Systems that have an evaluation, sorted."""
    return sorted({item.proposal.system for item in reading.evaluations})


@dataclass(frozen=True)
class FailureGroup:
    """Failed evaluations with the same reason.

    Attributes:
        reason: Reason and message.
        failures: By round.
        may_succeed: Whether another attempt may end otherwise.
    """

    reason: str
    failures: tuple[FailedEvaluation, ...]
    may_succeed: bool


def failure_groups(failures: Sequence[FailedEvaluation]) -> list[FailureGroup]:
    """Failed evaluations by reason, the largest group first."""
    found: dict[str, list[FailedEvaluation]] = {}
    for failure in failures:
        found.setdefault(failure.reason, []).append(failure)
    groups = [FailureGroup(reason, tuple(same), may_succeed(same[0])) for reason, same in found.items()]
    return sorted(groups, key=lambda group: -len(group.failures))


class Series(Record):
    """The best value so far of the search against evaluations and cost; lists have one entry for each point.

    Attributes:
        evaluations: Number of ended evaluations.
        cost: Their cumulative cost, failures included.
        value: Result of the last of them, None where it has none.
        best: Best value up to there, None before the first.
        cost_unit: None where the file gives costs, whose unit is unknown.
    """

    evaluations: list[int]
    cost: list[float]
    value: list[float | None]
    best: list[float | None]
    unit: str
    cost_unit: str | None
    direction: str


def best_series(reading: Reading, most: int = MOST_POINTS) -> Series:
    """The curve of the best value so far.

    Every improvement is a point. Of the other evaluations as many as fit are points, evenly spaced. Predictions count only if
    nothing was computed.

    Args:
        reading: The campaign.
        most: Points besides the improvements.
    """
    ended = [item for item in reading.search if item.state.terminal]
    computed = any(value_of(item) is not None and not predicted(item) for item in ended)
    step = max(1, -(-len(ended) // max(1, most)))
    rows: list[tuple[int, float, float | None, float | None]] = []
    best: float | None = None
    spent = 0.0
    for count, item in enumerate(ended, 1):
        spent += cost_of(item, reading.spec.space)
        value = None if computed and predicted(item) else value_of(item)
        improved = value is not None and (best is None or reading.sign * value < reading.sign * best)
        best = value if improved else best
        if improved or count % step == 0 or count == len(ended):
            rows.append((count, spent, value, best))
    return Series(
        evaluations=[row[0] for row in rows],
        cost=[row[1] for row in rows],
        value=[row[2] for row in rows],
        best=[row[3] for row in rows],
        unit=reading.spec.objective.unit,
        cost_unit=reading.status.cost_unit,
        direction=reading.spec.objective.direction,
    )


def improvements(series: Series, most: int = 20) -> list[tuple[int, float, float]]:
    """The last improvements of a curve, as evaluations, cost and best value: the curve as text."""
    rows = []
    last: float | None = None
    for count, spent, best in zip(series.evaluations, series.cost, series.best, strict=True):
        if best is not None and best != last:
            rows.append((count, spent, best))
            last = best
    return rows[-most:]


def neighbours(reading: Reading, number: int) -> tuple[int | None, int | None]:
    """Numbers of the previous and the next evaluation, None without one."""
    numbers = sorted(item.proposal.number for item in reading.evaluations)
    before = max((known for known in numbers if known < number), default=None)
    return before, min((known for known in numbers if known > number), default=None)
