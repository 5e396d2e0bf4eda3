"""Timeline of workers: what ran where, from the last evaluations of a campaign."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from tansaku.models.domain.records import Evaluation
from tansaku.models.domain.states import EvaluationState
from tansaku.tasks.read.views.campaign import Campaign

MOST_EVALUATIONS = 200
"""Evaluations that are shown, the last ones."""

End = Literal["done", "failed", "lost", "running"]
_UNKNOWN = "not known"

_ROUND = (1, 2, 5, 10, 20, 30)
_STEPS = (*_ROUND, *(60 * minutes for minutes in _ROUND), *(3600 * hours for hours in (1, 2, 6, 12, 24)))
"""Distances of marks on the time axis [s]; longer ones are multiples of the last."""

_MOST_MARKS = 5


@dataclass(frozen=True)
class Stretch:
    """A time in which an attempt ran.

    Attributes:
        number: Of its evaluation.
        begin: When it began.
        end: When it ended; of one that runs, the present time.
        ended: How; ``lost``: given up before the next attempt.
        host: Machine, as the result names it.
    """

    number: int
    candidate: str
    begin: datetime
    end: datetime
    ended: End
    host: str = _UNKNOWN


@dataclass(frozen=True)
class Lane:
    """Attempts of a machine that ran one after the other.

    Attributes:
        host: The machine.
        stretches: In order.
        number: Of the lane among those of its machine, from 1.
    """

    host: str
    stretches: tuple[Stretch, ...]
    number: int = 1

    @property
    def name(self) -> str:
        """The machine; with a number from the second lane of the machine on."""
        return self.host if self.number == 1 else f"{self.host} ({self.number})"


@dataclass(frozen=True)
class HostLine:
    """A machine in the table.

    Attributes:
        at_once: Most attempts that ran at once.
        attempts: Number of them.
        failed: Number of those that failed or were given up.
        busy: Share of the time between the first beginning and the last end in which it ran at least one.
    """

    host: str
    at_once: int
    attempts: int
    failed: int
    busy: float


@dataclass(frozen=True)
class Timeline:
    """Attempts by machine.

    Attributes:
        begin: Of the first attempt that is shown.
        end: Of the last one.
        lanes: By machine.
        hosts: The same machine by machine.
    """

    begin: datetime
    end: datetime
    lanes: tuple[Lane, ...]
    hosts: tuple[HostLine, ...]

    def bars(self) -> list[tuple[int, str, float, float, str]]:
        """Each attempt with the number and machine of its line, its begin and length [s], and how it ended."""
        return [
            (place, lane.host, (item.begin - self.begin).total_seconds(), (item.end - item.begin).total_seconds(), item.ended)
            for place, lane in enumerate(self.lanes)
            for item in lane.stretches
        ]

    def columns(self) -> dict[str, list[object]]:
        """The attempts as a table, a row for each."""
        rows = [item for lane in self.lanes for item in lane.stretches]
        return {
            "round": [item.number for item in rows],
            "candidate": [item.candidate for item in rows],
            "machine": [item.host for item in rows],
            "begun": [item.begin.isoformat() for item in rows],
            "ended": [None if item.ended == "running" else item.end.isoformat() for item in rows],
            "took [s]": [round((item.end - item.begin).total_seconds(), 3) for item in rows],
            "state": [item.ended for item in rows],
        }

    def marks(self) -> list[datetime]:
        """Round times between begin and end, at most five, in order; the begin if there are none."""
        whole = (self.end - self.begin).total_seconds()
        fitting = (step for step in _STEPS if whole < _MOST_MARKS * step)
        step = next(fitting, _STEPS[-1] * int(whole / (_MOST_MARKS * _STEPS[-1]) + 1))
        first = -(-self.begin.timestamp() // step) * step
        places = range(int((self.end.timestamp() - first) // step) + 1)
        return [datetime.fromtimestamp(first + step * place, UTC) for place in places] or [self.begin]

    def share(self, moment: datetime) -> float:
        """Place of a time between begin and end, 0 to 1."""
        whole = (self.end - self.begin).total_seconds()
        return (moment - self.begin).total_seconds() / whole if whole > 0 else 0.0


def timeline_of(reading: Campaign, now: datetime, most: int = MOST_EVALUATIONS) -> Timeline | None:
    """The timeline of the last evaluations; None where no attempt has begun, or where values are read or reported.

    Args:
        now: The present time, by the clock of the store.
        most: Number of evaluations.
    """
    if reading.spec.calculator is None or reading.spec.manual:
        return None
    numbers = reading.columns.numbers[-most:].tolist()
    found = [stretch for item in reading.kept.numbered(numbers) for stretch in _stretches(item, now)]
    if not found:
        return None
    lanes = _lanes(found)
    begin, end = min(stretch.begin for stretch in found), max(stretch.end for stretch in found)
    hosts = dict.fromkeys(lane.host for lane in lanes)
    lines = tuple(_line(host, [lane for lane in lanes if lane.host == host], (end - begin).total_seconds()) for host in hosts)
    return Timeline(begin, end, lanes, lines)


def _stretches(evaluation: Evaluation, now: datetime) -> Iterable[Stretch]:
    """The attempts of an evaluation."""
    proposal, outcome = evaluation.proposal, evaluation.outcome
    for place, attempt in enumerate(evaluation.attempts):
        begin, end, host = attempt.started_at, now, _UNKNOWN
        ended: End = "running"
        if place + 1 < len(evaluation.attempts):
            end, ended = evaluation.attempts[place + 1].started_at, "lost"
        elif evaluation.state is EvaluationState.CANCELLED:
            continue
        elif evaluation.state.terminal:
            end, ended = evaluation.finished_at or now, "done" if evaluation.state is EvaluationState.DONE else "failed"
            if outcome is not None:
                begin, end = outcome.started_at or begin, outcome.finished_at or end
                host = outcome.provenance.host if outcome.provenance is not None and outcome.provenance.host else _UNKNOWN
        yield Stretch(proposal.number, proposal.candidate, begin, max(begin, end), ended, host)


def _lanes(stretches: Iterable[Stretch]) -> tuple[Lane, ...]:
    """Each attempt in the first lane of its machine that is free when it begins."""
    lanes: dict[str, list[list[Stretch]]] = {}
    for stretch in sorted(stretches, key=lambda item: (item.begin, item.number)):
        own = lanes.setdefault(stretch.host, [])
        free = next((lane for lane in own if lane[-1].end <= stretch.begin), None)
        if free is None:
            own.append([stretch])
        else:
            free.append(stretch)
    hosts = sorted(lanes, key=lambda host: (host == _UNKNOWN, host))
    return tuple(Lane(host, tuple(lane), number) for host in hosts for number, lane in enumerate(lanes[host], start=1))


def _line(host: str, lanes: list[Lane], whole: float) -> HostLine:
    stretches = sorted((stretch for lane in lanes for stretch in lane.stretches), key=lambda item: item.begin)
    busy, until = 0.0, stretches[0].begin
    for stretch in stretches:
        busy += max(0.0, (stretch.end - max(stretch.begin, until)).total_seconds())
        until = max(until, stretch.end)
    failed = sum(stretch.ended in ("failed", "lost") for stretch in stretches)
    return HostLine(host, len(lanes), len(stretches), failed, busy / whole if whole > 0 else 0.0)
