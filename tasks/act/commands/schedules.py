"""Schedules of stored campaigns: what users may store, and the changes of it. A service carries them out."""

from __future__ import annotations

import re
from datetime import datetime
from zoneinfo import available_timezones

from tansaku.models.domain.errors import FieldError, NotFoundError, StoreError
from tansaku.models.domain.ports import CampaignStore
from tansaku.models.domain.schedules import Schedule, Schedules
from tansaku.tasks.act.commands.actor import Actor
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
_LONGEST = 100


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
    if zone not in available_timezones():
        raise FieldError("zone", f"{zone[:_LONGEST]!r} is not a time zone; expected one such as UTC or Europe/Berlin")
    fields = cron.split()
    if len(fields) != len(_FIELDS) or len(cron) > _LONGEST:
        raise FieldError("cron", f"{cron[:_LONGEST]!r}: expected five fields, such as 30 2 * * 1-5")
    for text, (name, low, high, names) in zip(fields, _FIELDS, strict=True):
        for part in text.split(","):
            if not _fits(part, low, high, names):
                raise FieldError("cron", f"{name} {text!r}: expected numbers of {low} to {high}, with * - , and /")
    return " ".join(fields)


def _fits(part: str, low: int, high: int, names: tuple[str, ...]) -> bool:
    found = _PART.fullmatch(part)
    if found is None:
        return False
    first, last, step = found.groups()
    ends = [_number(text, low, names) for text in (first, last) if text is not None]
    if any(end is None or not low <= end <= high for end in ends) or (step is not None and not 0 < int(step) <= high):
        return False
    known = [end for end in ends if end is not None]
    return known == sorted(known)


def _number(text: str, low: int, names: tuple[str, ...]) -> int | None:
    if text.upper() in names:
        return names.index(text.upper()) + low
    return int(text) if text.isdecimal() else None


def create_schedule(
    schedules: Schedules, store: CampaignStore, actor: Actor, wanted: tuple[str, str, str, str, bool], now: datetime
) -> Schedule:
    """Stores a schedule; storing it again with the same id changes nothing.

    Args:
        schedules: Where it is stored.
        wanted: Id, campaign, cron fields, time zone, and whether it is on.

    Raises:
        NotFoundError: No campaign of this name is stored.
        StoreError: It is being deleted, or the id belongs to a schedule of another campaign.
        FieldError: The fields or the zone are none.
    """
    identifier, name, cron, zone, active = wanted
    record = store.campaign(name)
    refuse_reserved(record)
    stored = schedules.add_schedule(
        Schedule(
            id=identifier,
            campaign=name,
            campaign_created_at=record.created_at,
            cron=check_timing(cron, zone),
            zone=zone,
            active=active,
            user=actor.name,
            origin=actor.origin,
            created_at=now,
        )
    )
    if stored.campaign != name:
        raise StoreError(f"schedule {identifier} is of campaign {stored.campaign!r}, not {name!r}")
    return stored


def find_schedule(schedules: Schedules, identifier: str) -> Schedule:
    """A schedule that is not to vanish. Raises NotFoundError, also for those kept by Prefect's own page."""
    found = next((known for known in schedules.schedules() if known.id == identifier and not known.removed), None)
    if found is None:
        raise NotFoundError(f"no schedule {identifier!r} is stored here; those made on Prefect's page are changed there")
    return found
