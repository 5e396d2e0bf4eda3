"""How good the proposer's predictions were, what it chose last and why, and what each system has so far."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from tansaku.models.domain.records import Evaluation, Record
from tansaku.models.domain.states import EvaluationState
from tansaku.tasks.views.origins import best_of, predicted, value_of
from tansaku.tasks.views.readings import Reading

MOST_POINTS = 2000
"""Points of a figure."""

EXPECTED_WITHIN = (0.683, 0.954)
"""Shares of a normal distribution within one and two standard deviations."""


class Predictions(Record):
    """Values as they were predicted when their candidates were proposed, and as they were computed.

    Attributes:
        numbers: Of the proposals.
        predicted: Means [``unit``].
        deviations: Standard deviations [``unit``].
        computed: Values [``unit``].
        unit: Of the objective.
        count: Number of evaluations that have both; the lists hold the last of them.
        within: Shares of the computed values within one and two standard deviations of their means; None: there are none.
        error: Root mean square of the differences [``unit``]; None: there are none.
    """

    numbers: tuple[int, ...]
    predicted: tuple[float, ...]
    deviations: tuple[float, ...]
    computed: tuple[float, ...]
    unit: str
    count: int
    within: tuple[float, float] | None
    error: float | None


class SystemLine(Record):
    """What was found for a system.

    Attributes:
        system: Its name.
        best: Best value of the search [the objective's unit]; None: there is none.
        candidate: That has it.
        number: Of its proposal.
        evaluations: Of the search.
        failed: Those without a value.
    """

    system: str
    best: float | None
    candidate: str | None
    number: int | None
    evaluations: int
    failed: int


def predictions_of(reading: Reading, most: int = MOST_POINTS) -> Predictions:
    """Predicted and computed values of the search.

    Args:
        reading: The campaign.
        most: Number of points, the last ones.
    """
    rows: list[tuple[int, float, float, float]] = []
    for item in reading.search:
        mean, deviation = item.proposal.predicted_mean, item.proposal.predicted_deviation
        value = None if predicted(item) else value_of(item)
        if mean is not None and deviation is not None and value is not None:
            rows.append((item.proposal.number, mean, deviation, value))
    differences = [abs(value - mean) for _, mean, _, value in rows]
    deviations = [row[2] for row in rows]
    shown = rows[max(0, len(rows) - most) :]
    return Predictions(
        numbers=tuple(row[0] for row in shown),
        predicted=tuple(row[1] for row in shown),
        deviations=tuple(row[2] for row in shown),
        computed=tuple(row[3] for row in shown),
        unit=reading.spec.objective.unit,
        count=len(rows),
        within=(_within(differences, deviations, 1.0), _within(differences, deviations, 2.0)) if rows else None,
        error=(sum(difference**2 for difference in differences) / len(rows)) ** 0.5 if rows else None,
    )


def last_proposals(reading: Reading, most: int = 10) -> tuple[Evaluation, ...]:
    """The last proposals of the search, the newest first."""
    return reading.search[: -most - 1 : -1]


def system_lines(reading: Reading) -> list[SystemLine]:
    """The systems that have an evaluation, by name."""
    by_system: dict[str, list[Evaluation]] = defaultdict(list)
    for item in reading.search:
        by_system[item.proposal.system].append(item)
    return [_system_line(name, by_system[name], reading.sign) for name in sorted(by_system)]


def _system_line(name: str, evaluations: Sequence[Evaluation], sign: float) -> SystemLine:
    best = best_of(evaluations, sign)
    return SystemLine(
        system=name,
        best=None if best is None else value_of(best),
        candidate=None if best is None else best.proposal.candidate,
        number=None if best is None else best.proposal.number,
        evaluations=len(evaluations),
        failed=sum(item.state is EvaluationState.FAILED for item in evaluations),
    )


def _within(differences: Sequence[float], deviations: Sequence[float], times: float) -> float:
    pairs = zip(differences, deviations, strict=True)
    return sum(difference <= times * deviation for difference, deviation in pairs) / len(differences)
