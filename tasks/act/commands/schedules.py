"""Schedules of campaigns and trainings: what users may store, and the changes of it. A service carries them out."""

from __future__ import annotations

import re
from datetime import datetime
from zoneinfo import available_timezones

from tansaku.models.domain.authors import Actor
from tansaku.models.domain.errors import FieldError, NotFoundError, StoreError
from tansaku.models.domain.ports import CampaignStore
from tansaku.models.domain.schedules import Schedule, Schedules
from tansaku.models.domain.trainings import WantedModel
from tansaku.tasks.backends.stores.campaigns import refuse_reserved

_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_FIELDS = (
    ("minute", 0, 59, ()),
    ("hour", 0, 23, ()),
    ("day of the month", 1, 31, ()),
    ("month", 1, 12, _MONTHS),
    ("day of the week", 0, 7, _DAYS),
)
_PART = re.compile(r"(?:\*|(\w{1,3})(?:-(\w{1,3}))?)(?:/(\d{1,2}))?", re.ASCII)
_OF_THE_MACHINE = {"localtime", "Factory"}
"""Names of the database of time zones that mean another zone on each machine, or none."""

_LONGEST = 100
_LONGEST_MONTH = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def check_timing(cron: str, zone: str) -> str:
    """Checks when a schedule starts runs.

    Args:
        cron: Five fields of numbers, names of months and days, ``*``, ``-``, ``,`` and ``/``.
        zone: Name of a time zone, such as ``Europe/Berlin``.

    Returns:
        The fields, separated by one space each.

    Raises:
        FieldError: With the key ``cron`` or ``zone``.
    """
    if zone not in available_timezones() - _OF_THE_MACHINE:
        raise FieldError(
            "zone", f"{zone[:_LONGEST]!r} is not a time zone; expected one such as UTC, Europe/Berlin or Asia/Tokyo"
        )
    fields = cron.split()
    if len(fields) != len(_FIELDS) or len(cron) > _LONGEST:
        raise FieldError("cron", f"{cron[:_LONGEST]!r}: expected five fields, such as 30 2 * * 1-5")
    _, _, days, months, _ = (_chosen(text, *field) for text, field in zip(fields, _FIELDS, strict=True))
    if all(min(days) > _LONGEST_MONTH[month - 1] for month in months):
        dates = f"day {fields[2]} of month {fields[3]}"
        raise FieldError("cron", f"{cron!r}: {dates} never comes; expected a day that one of the months has, such as 28 2")
    return " ".join(fields)


def _chosen(text: str, name: str, low: int, high: int, names: tuple[str, ...]) -> set[int]:
    """Numbers that a field gives. Raises FieldError."""
    chosen: set[int] = set()
    for part in text.split(","):
        numbers = _numbers(part, low, high, names)
        if not numbers:
            raise FieldError("cron", f"{name} {text!r}: expected numbers of {low} to {high}, with * - , and /")
        chosen.update(numbers)
    return chosen


def _numbers(part: str, low: int, high: int, names: tuple[str, ...]) -> range:
    """Numbers of a part of a field; none if it cannot be one."""
    found = _PART.fullmatch(part)
    if found is None:
        return range(0)
    first, last, step = found.groups()
    begin = low if first is None else _number(first, low, names)
    end = begin if first is not None and last is step is None else high if last is None else _number(last, low, names)
    if begin is None or end is None or not low <= begin <= end <= high or (step is not None and not 0 < int(step) <= high):
        return range(0)
    return range(begin, end + 1, int(step or 1))


def _number(text: str, low: int, names: tuple[str, ...]) -> int | None:
    if text.upper() in names:
        return names.index(text.upper()) + low
    return int(text) if text.isdecimal() else None


def create_schedule(
    schedules: Schedules,
    store: CampaignStore,
    actor: Actor,
    wanted: tuple[str, str | WantedModel, str, str, bool],
    now: datetime,
) -> Schedule:
    """Stores a schedule; storing it again with the same id changes nothing.

    Args:
        wanted: Id, campaign or training, cron fields, time zone, and whether it is on.

    Raises:
        NotFoundError: No campaign of this name is stored.
        StoreError: It is being deleted, or the id belongs to a schedule of something else.
        FieldError: The fields or the zone are none.
    """
    identifier, starts, cron, zone, active = wanted
    record = store.campaign(starts) if isinstance(starts, str) else None
    if record is not None:
        refuse_reserved(record)
    stored = schedules.add_schedule(
        Schedule(
            id=identifier,
            campaign=None if record is None else record.name,
            campaign_created_at=None if record is None else record.created_at,
            training=None if isinstance(starts, str) else starts,
            cron=check_timing(cron, zone),
            zone=zone,
            active=active,
            user=actor.name,
            origin=actor.origin,
            created_at=now,
        )
    )
    if starts not in (stored.campaign, stored.training):
        raise StoreError(f"schedule {identifier} is of {stored.subject}; expected another key")
    return stored


def find_schedule(schedules: Schedules, identifier: str) -> Schedule:
    """A schedule that is not to vanish. Raises NotFoundError, also for those kept by Prefect's own page."""
    found = next((known for known in schedules.schedules() if known.id == identifier and not known.removed), None)
    if found is None:
        raise NotFoundError(f"no schedule {identifier!r} is stored here; those made on Prefect's page are changed there")
    return found
