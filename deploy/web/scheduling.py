"""Stores users' schedules: each change once for its revision, with an entry in the audit. A service carries them out."""

from __future__ import annotations

from http import HTTPStatus

from tansaku.deploy.web import projecting
from tansaku.deploy.web.errors import ProblemError
from tansaku.deploy.web.services import Services
from tansaku.deploy.web.steering import author_of, check_address_key, refuse_others
from tansaku.models.domain.accounts import Actor, Role
from tansaku.models.domain.records import JsonDict, Record
from tansaku.models.domain.schedules import Schedule
from tansaku.tasks.act.commands.audit import Change, record_change
from tansaku.tasks.act.commands.schedules import check_timing, create_schedule, find_schedule
from tansaku.tasks.read.views.schedules import ScheduleLine, schedule_line, schedule_lines


class Timing(Record):
    """Times at which a schedule starts runs.

    Attributes:
        cron: Five fields.
        zone: Time zone.
        active: Whether it is on.
    """

    cron: str
    zone: str
    active: bool


def create(services: Services, actor: Actor, key: str, campaign: str, timing: Timing) -> tuple[Schedule, bool]:
    """Stores a schedule; a repeated key stores nothing. Returns the schedule, and whether this call stored it.

    Raises:
        ProblemError: The key cannot be one.
        FieldError: The cron fields or the zone are none.
        NotFoundError: There is no such campaign.
        InvalidSpecError: It would spend more than its project's quota allows.
        StoreError: It is being deleted, or the key belongs to a schedule of another campaign.
    """
    check_address_key(key)
    refuse_others(services, actor, campaign)
    projecting.refuse_over_quota(services, services.store.campaign(campaign))
    known = any(item.id == key for item in services.schedules.schedules())
    wanted = (key, campaign, timing.cron, timing.zone, timing.active)
    author = author_of(actor)
    stored = create_schedule(services.schedules, services.store, author, wanted, services.clock())
    if not known:
        _audit(services, actor, "schedule.create", None, stored)
    return stored, not known


def change(services: Services, actor: Actor, identifier: str, timing: Timing, revision: int) -> Schedule:
    """Changes a schedule.

    Raises:
        NotFoundError: There is none that could be changed here.
        FieldError: The cron fields or the zone are none.
        ProblemError: It was changed since the user saw it.
    """
    before = find_schedule(services.schedules, identifier)
    refuse_others(services, actor, before.campaign)
    cron = check_timing(timing.cron, timing.zone)
    after = before.model_copy(update={"cron": cron, "zone": timing.zone, "active": timing.active})
    _replace(services, after, revision)
    _audit(services, actor, "schedule.change", before, after)
    return find_schedule(services.schedules, identifier)


def remove(services: Services, actor: Actor, identifier: str, revision: int | None = None) -> None:
    """Marks a schedule for removal by the service.

    Args:
        revision: That the user saw; None: any.

    Raises:
        NotFoundError: There is none that could be removed here.
        ProblemError: It was changed since the user saw it.
    """
    before = find_schedule(services.schedules, identifier)
    if not actor.may(Role.ADMIN):  # also where the campaign cannot be read any more
        refuse_others(services, actor, before.campaign)
    _replace(services, before.model_copy(update={"removed": True}), before.version if revision is None else revision)
    _audit(services, actor, "schedule.remove", before, None)


def lines(services: Services, actor: Actor) -> list[ScheduleLine]:
    """Returns the schedules that an actor may see: all but those of campaigns that the actor may not see."""
    sight = services.sight(actor)
    return [line for line in schedule_lines(services.schedules, services.clock()) if sight.sees(line.campaign or "")]


def line(services: Services, known: Schedule) -> ScheduleLine:
    """The line of a stored schedule."""
    return schedule_line(known, services.schedules.schedule_mirrors(), services.clock())


def _replace(services: Services, after: Schedule, revision: int) -> None:
    seen = after.version == revision
    if not seen or not services.schedules.replace_schedule(after):
        detail = "the schedule was changed in the meantime; look at it again"
        raise ProblemError(HTTPStatus.PRECONDITION_FAILED, detail, key="If-Match")


def _audit(services: Services, actor: Actor, action: str, before: Schedule | None, after: Schedule | None) -> None:
    known = after or before
    assert known is not None
    entry = Change(action=action, subject=f"campaign:{known.campaign}", before=_shown(before), after=_shown(after))
    record_change(services.accounts, actor, entry, services.clock())


def _shown(known: Schedule | None) -> JsonDict | None:
    return None if known is None else known.model_dump(mode="json", include={"id", "cron", "zone", "active"})
