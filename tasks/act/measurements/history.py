"""Reported values of a campaign, candidate by candidate, with those that were corrected since."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from pydantic import AwareDatetime

from tansaku.models.domain.measurements import Attachment, Measurement, Reported, attachments_of, reports_of
from tansaku.models.domain.records import Command, JsonDict, Record
from tansaku.tasks.act.measurements.stored_commands import OpenedCampaign
from tansaku.tasks.act.measurements.waiting import candidate_cells


class ReportedValue(Record):
    """A reported measurement.

    Attributes:
        measurement: As it was reported.
        user: Who reported it.
        at: When.
        replaced: Whether a later report corrects it.
        applied: Whether it counts already; otherwise the driver of the campaign takes it next.
        attached: Its photos and files.
    """

    measurement: Measurement
    user: str
    at: AwareDatetime
    replaced: bool = False
    applied: bool = True
    attached: tuple[Attachment, ...] = ()


class CandidateHistory(Record):
    """All that was reported of one candidate at a level.

    Attributes:
        number: Of its evaluation; None before a driver has made one.
        candidate: Its id.
        cells: Description of the candidate.
        instead: Numbers of the proposals in whose place it was measured.
        values: The newest first.
        level: The cheaper level of a look; None: the wanted one.
    """

    number: int | None
    candidate: str
    level: str | None = None
    cells: JsonDict
    instead: tuple[int, ...]
    values: tuple[ReportedValue, ...]

    @property
    def learning(self) -> bool:
        """Whether a value of it is still to be learned from."""
        return not all(value.applied for value in self.values)


def reported_history(opened: OpenedCampaign, most: int) -> list[CandidateHistory]:
    """Returns the values that were reported last, the newest first."""
    levels = {item.proposal.number: item.proposal.level for item in opened.evaluations}
    latest = {item.proposal.candidate: item.proposal.number for item in opened.evaluations if item.proposal.level is None}
    found: dict[tuple[str, str | None], CandidateHistory] = {}
    attached: dict[tuple[str, str], list[Attachment]] = defaultdict(list)
    for item in attachments_of(opened.record.commands):
        attached[item.report, item.candidate].append(item)
    for command, report in _reports(opened):
        level = None if report.number is None else levels.get(report.number)
        known = found.pop((report.candidate, level), None)
        before = () if known is None else known.values
        if report.replaces:
            before = tuple(value.model_copy(update={"replaced": True}) for value in before)
        found[report.candidate, level] = CandidateHistory(
            number=latest.get(report.candidate) if report.number is None else report.number,
            candidate=report.candidate,
            level=level,
            cells={},
            instead=tuple(dict.fromkeys((*(known.instead if known else ()), *report.instead))),
            values=(*_values(command, report, attached[command.id, report.candidate]), *before),
        )
    shown = list(reversed(found.values()))[:most]
    return [item.model_copy(update={"cells": _cells(opened, item)}) for item in shown]


def _reports(opened: OpenedCampaign) -> Iterator[tuple[Command, Reported]]:
    """Reports with measurements, the oldest first."""
    for command in opened.record.commands:
        if command.kind == "tell":
            yield from ((command, report) for report in reports_of(command.payload) if report.measurements)


def _values(command: Command, report: Reported, attached: Sequence[Attachment]) -> tuple[ReportedValue, ...]:
    """Values of a report, the newest first, which has what is attached to them."""
    applied = command.applied_at_number is not None
    found = [
        ReportedValue(measurement=item, user=command.user, at=command.created_at, applied=applied)
        for item in reversed(report.measurements)
    ]
    return (found[0].model_copy(update={"attached": tuple(attached)}), *found[1:])


def _cells(opened: OpenedCampaign, history: CandidateHistory) -> JsonDict:
    """Description of a candidate; one that is new is in the space of the campaign when its driver has taken the report."""
    described = (report.off_pool for _, report in _reports(opened) if report.candidate == history.candidate and report.off_pool)
    new = next((item.cells for item in described if item.cells), None)
    return candidate_cells(opened, history.candidate) if new is None else dict(new)
