"""Stores users' schedules: each change once for its revision, with an entry in the audit. A service carries them out."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from http import HTTPStatus

from tansaku.deploy.web import projecting, training
from tansaku.deploy.web.auth.roles import ForbiddenError
from tansaku.deploy.web.errors import ProblemError
from tansaku.deploy.web.services import Services
from tansaku.deploy.web.steering import author_of, check_address_key, refuse_others, steered
from tansaku.models.domain.accounts import Actor, Role
from tansaku.models.domain.errors import NotFoundError
from tansaku.models.domain.model_registry import Registry
from tansaku.models.domain.records import JsonDict, Record
from tansaku.models.domain.schedules import Schedule
from tansaku.models.domain.trainings import WantedModel
from tansaku.tasks.act.commands.audit import Change, record_change
from tansaku.tasks.act.commands.schedules import check_timing, create_schedule, find_schedule
from tansaku.tasks.loop.training.versions import find_dataset
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


def create(services: Services, actor: Actor, key: str, starts: str | WantedModel, timing: Timing) -> tuple[Schedule, bool]:
    """Stores a schedule; a repeated key stores nothing. Returns the schedule, and whether this call stored it.

    Args:
        starts: The campaign that it runs, or the training that it asks for.

    Raises:
        ProblemError: The key cannot be one.
        FieldError: The cron fields, the zone or a value of the training are none.
        NotFoundError: There is no such campaign, data set or version.
        ForbiddenError: The actor may not run the campaign or train the model.
        InvalidSpecError: It would spend more than its project's quota allows.
        StoreError: It is being deleted, or the key belongs to a schedule of something else.
    """
    check_address_key(key)
    if isinstance(starts, str):
        refuse_others(services, actor, starts)
        projecting.refuse_over_quota(services, services.store.campaign(starts))
    else:
        training.permitted(services, actor, starts)
    known = next((item for item in services.schedules.schedules() if item.id == key), None)
    if known is not None and known.training is not None:
        _refuse_others(services, actor, known)
    wanted = (key, starts, timing.cron, timing.zone, timing.active)
    author = author_of(actor)
    stored = create_schedule(services.schedules, services.store, author, wanted, services.clock())
    if known is None:
        _audit(services, actor, "schedule.create", None, stored)
    return stored, known is None


def change(services: Services, actor: Actor, identifier: str, timing: Timing, revision: int) -> Schedule:
    """Changes a schedule.

    Raises:
        NotFoundError: There is none that could be changed here.
        FieldError: The cron fields or the zone are none.
        ProblemError: It was changed since the user saw it.
    """
    before = find_schedule(services.schedules, identifier)
    _refuse_others(services, actor, before)
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
        _refuse_others(services, actor, before)
    _replace(services, before.model_copy(update={"removed": True}), before.version if revision is None else revision)
    _audit(services, actor, "schedule.remove", before, None)


def lines(services: Services, actor: Actor) -> list[ScheduleLine]:
    """Returns the schedules that an actor may see: all but those of campaigns and data sets that the actor may not see."""
    sight, registry = services.sight(actor), services.seen_registry(actor)
    stored = [known for known in services.schedules.schedules() if _sees(registry, actor, known)]
    found = schedule_lines(services.schedules, services.requests, stored, services.clock())
    return [line for line in found if sight.sees(line.campaign or "")]


def line(services: Services, known: Schedule) -> ScheduleLine:
    """The line of a stored schedule."""
    return schedule_line(known, services.schedules.schedule_mirrors(), services.requests, services.clock())


def changeable(services: Services, actor: Actor, found: Iterable[ScheduleLine]) -> set[str]:
    """Returns the ids of the schedules, of some, that an actor may change."""
    campaigns = set(steered(services, actor, {line.campaign for line in found if line.campaign is not None}))
    stored = {known.id: known for known in services.schedules.schedules()}
    own = [known for line in found if (known := stored.get(line.id)) is not None]
    return {known.id for known in own if known.campaign in campaigns or _is_own(actor, known)}


def _is_own(actor: Actor, known: Schedule) -> bool:
    """Returns whether a schedule is of a training, and the actor's to change."""
    return known.training is not None and actor.may(Role.OPERATOR) and (known.user == actor.name or actor.may(Role.ADMIN))


def _sees(registry: Registry, actor: Actor, known: Schedule) -> bool:
    """Returns whether an actor may see a schedule of a training: its user, and who may see the data set."""
    if known.training is None or _is_own(actor, known):
        return True
    with suppress(NotFoundError):
        return bool(find_dataset(registry, known.training.dataset))
    return False


def _refuse_others(services: Services, actor: Actor, known: Schedule) -> None:
    """Raises ForbiddenError unless an actor may change a schedule, and NotFoundError where the actor may not see it."""
    if known.campaign is not None:
        refuse_others(services, actor, known.campaign)
    elif not _sees(services.seen_registry(actor), actor, known):
        raise NotFoundError(f"no schedule {known.id!r} is stored")
    elif not _is_own(actor, known):
        raise ForbiddenError(f"only {known.user} and admins may change this schedule")


def _replace(services: Services, after: Schedule, revision: int) -> None:
    seen = after.version == revision
    if not seen or not services.schedules.replace_schedule(after):
        detail = "the schedule was changed in the meantime; look at it again"
        raise ProblemError(HTTPStatus.PRECONDITION_FAILED, detail, key="If-Match")


def _audit(services: Services, actor: Actor, action: str, before: Schedule | None, after: Schedule | None) -> None:
    known = after or before
    assert known is not None
    entry = Change(action=action, subject=known.subject, before=_shown(before), after=_shown(after))
    record_change(services.accounts, actor, entry, services.clock())


def _shown(known: Schedule | None) -> JsonDict | None:
    return None if known is None else known.model_dump(mode="json", include={"id", "training", "cron", "zone", "active"})
