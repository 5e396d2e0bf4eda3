"""Schedules as the dashboard shows them: the requested ones beside those of the Prefect servers."""

from __future__ import annotations

from datetime import datetime

from pydantic import AwareDatetime

from tansaku.models.domain.records import Record
from tansaku.models.domain.schedules import Schedule, ScheduleMirror, ScheduleRow, Schedules
from tansaku.models.domain.trainings import Trainings, WantedModel

FRESH = 30.0
"""A mirror older than this is not believed [s]."""

MOMENT = "%Y-%m-%d %H:%M:%SZ"
"""Format of times in results; pages show them in local time."""


class ScheduleLine(Record):
    """A schedule.

    Attributes:
        id: To change it by; of those kept by Prefect's page the server's, which nothing here changes.
        read_only: Whether it is kept by Prefect's own page.
        campaign: That it runs; None: it does another task.
        training: That it asks for; None: it does another task.
        task: What it does.
        cron: Fields, or the interval in words.
        revision: Of what is stored; None: read-only.
        state: Its state, in words.
        service: That has it; None: none yet.
    """

    id: str
    read_only: bool
    campaign: str | None
    training: WantedModel | None
    task: str
    cron: str
    zone: str
    active: bool
    revision: int | None
    next_at: AwareDatetime | None
    last_result: str
    state: str
    service: str | None


def schedule_lines(schedules: Schedules, trainings: Trainings, stored: list[Schedule], now: datetime) -> list[ScheduleLine]:
    """Schedules: first those stored here, the oldest first, then those of Prefect's page.

    Args:
        stored: Those that are shown.
        now: The time; services and the dashboard may differ by some seconds.
    """
    mirrors = schedules.schedule_mirrors()
    own = [schedule_line(known, mirrors, trainings, now) for known in stored]
    foreign = [_foreign(row, mirror) for mirror in mirrors for row in mirror.rows if row.own is None]
    return own + foreign


def schedule_line(known: Schedule, mirrors: list[ScheduleMirror], trainings: Trainings, now: datetime) -> ScheduleLine:
    """The line of a stored schedule."""
    found = [(row, mirror) for mirror in mirrors for row in mirror.rows if row.own == known.id]
    row, mirror = found[0] if found else (None, None)
    problems = [mirror.problems[known.id] for mirror in mirrors if known.id in mirror.problems]
    return ScheduleLine(
        id=known.id,
        read_only=False,
        campaign=known.campaign,
        training=known.training,
        task="run" if known.training is None else "train",
        cron=known.cron,
        zone=known.zone,
        active=known.active,
        revision=known.version,
        next_at=None if row is None or known.removed else row.next_at,
        last_result="" if row is None else _last_result(row, trainings),
        state=_state(known, row, mirror, problems, now),
        service=None if mirror is None else mirror.id,
    )


def _last_result(row: ScheduleRow, trainings: Trainings) -> str:
    """Returns the end of the last run; of one that asked for a training, what became of that."""
    training = None if row.last_run is None else trainings.training(row.last_run)
    if training is None:
        return row.last_result
    words = f"{training.state} as {training.version}" if training.version else training.state.value
    when = f"since {training.created_at:{MOMENT}}" if training.ended_at is None else f"at {training.ended_at:{MOMENT}}"
    return f"{words} {when}: {training.reason}" if training.reason else f"{words} {when}"


def _state(known: Schedule, row: ScheduleRow | None, mirror: ScheduleMirror | None, problems: list[str], now: datetime) -> str:
    if known.removed:
        return "is being removed"
    if row is None or mirror is None:
        return f"not in force: {problems[0]}" if problems else "stored; waits for the service"
    if (now - mirror.mirrored_at).total_seconds() > FRESH:
        return f"in force when service {mirror.id} was last seen"
    if (row.timing, row.zone, row.active) != (known.cron, known.zone, known.active):
        return "changed; waits for the service"
    return "in force" if known.active else "off"


def _foreign(row: ScheduleRow, mirror: ScheduleMirror) -> ScheduleLine:
    return ScheduleLine(
        id=row.id,
        read_only=True,
        campaign=row.campaign,
        training=None,
        task=row.task,
        cron=row.timing,
        zone=row.zone,
        active=row.active,
        revision=None,
        next_at=row.next_at,
        last_result=row.last_result,
        state="kept by Prefect's own page",
        service=mirror.id,
    )
