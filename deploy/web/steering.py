"""Stores users' commands to campaigns: each once for its idempotency key, each with an entry in the audit."""

from __future__ import annotations

import re
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus

from tansaku.deploy.web import projecting
from tansaku.deploy.web.auth.roles import ForbiddenError
from tansaku.deploy.web.errors import ProblemError
from tansaku.deploy.web.services import Services
from tansaku.models.domain.accounts import Actor, Role
from tansaku.models.domain.authors import Actor as Author
from tansaku.models.domain.errors import ConfigurationError, LeaseHeldError, NotFoundError, StoreError
from tansaku.models.domain.identifiers import short_hash
from tansaku.models.domain.records import CampaignRecord, Command, CommandKind, JsonDict
from tansaku.models.domain.requests import ServiceRequest
from tansaku.models.domain.verbs import SteeringKind, judged_state, kinds_shown, needs_driver
from tansaku.tasks.act.checks.rights import may_steer
from tansaku.tasks.act.commands import steer
from tansaku.tasks.act.commands.audit import Change, record_once
from tansaku.tasks.act.commands.runs import request_run
from tansaku.tasks.backends.stores.campaigns import stored_spec
from tansaku.tasks.node.configuration.campaign_files import apply_edits
from tansaku.tasks.read.views.campaign import Campaign
from tansaku.tasks.read.views.service_health import is_starting, last_request
from tansaku.tasks.read.views.status import live_lease, status_of

_SPENDING = ("resume", "retry", "rerun")
"""Commands after which more is computed; a driver carries others out, such as cancel, whatever the quota is."""

_KEY = re.compile(r"[A-Za-z0-9._:-]{8,64}")


@dataclass(frozen=True)
class Order:
    """A command that a user gives.

    Attributes:
        kind: What is requested.
        key: Idempotency key, the id of the stored command.
        candidates: For ``retry`` and ``rerun``: ids; empty: all failed and cancelled ones.
        changes: For ``edit``: new values by key.
        revision: For ``edit``: revision of the spec that the user saw.
    """

    kind: SteeringKind
    key: str
    candidates: tuple[str, ...] = ()
    changes: JsonDict | None = None
    revision: str | None = None

    @property
    def payload(self) -> JsonDict:
        """Payload of the stored command."""
        if self.kind == "edit":
            return dict(self.changes or {})
        return {"candidates": list(self.candidates)} if self.candidates else {}


@dataclass(frozen=True)
class Given:
    """A stored command.

    Attributes:
        command: As stored.
        has_driver: Whether a driver runs that will apply it.
        new: Whether it was stored by this request.
    """

    command: Command
    has_driver: bool
    new: bool


def revision(record: CampaignRecord) -> str:
    """Revision of a campaign's spec: changes with every edit, applied or waiting, and with a new campaign of the name."""
    edits = [command.id for command in record.commands if command.kind == "edit"]
    return short_hash([record.created_at.isoformat(), record.spec, edits])


def give(services: Services, actor: Actor, name: str, order: Order) -> Given:
    """Stores a command. Repeating it with the same key stores nothing and gives the same answer.

    Raises:
        ForbiddenError: The actor may not steer the campaign.
        ProblemError: The key is missing or belongs to another command, or the spec has changed since the user saw it.
        NotFoundError: There is no such campaign or candidate.
        ConfigurationError: A key cannot be edited, or its value is not valid.
        StateError: The command does not apply to a campaign in this state.
        InvalidSpecError: The campaign would spend more than its project's quota allows.
    """
    known = known_command(services, actor, name, order.key, order.kind, order.payload)
    record = services.store.campaign(name)
    if known is not None:
        if known.applied_at_number is None:
            _audit_order(services, actor, record, order)
            _run_for(services, actor, name, order)
        return Given(known, live_lease(record, services.store.now()) is not None, new=False)
    if order.kind in _SPENDING:
        projecting.refuse_over_quota(services, record)
    requested = _store(services, actor, record, order)
    if requested.new:
        _audit_order(services, actor, record, order)
    _run_for(services, actor, name, order)
    stored = _command(services.store.campaign(name), requested.command.id)
    assert stored is not None
    return Given(stored, requested.has_driver, requested.new)


def known_command(
    services: Services, actor: Actor, name: str, key: str, kind: CommandKind, payload: JsonDict | None = None
) -> Command | None:
    """Returns the command of a campaign that has a key already; None: the key is new.

    Args:
        key: Idempotency key.
        payload: Payload of the command; None: that of any.

    Raises:
        ForbiddenError, NotFoundError: As of :func:`refuse_others`.
        ProblemError: The key cannot be one, or belongs to another command.
    """
    check_key(key)
    refuse_others(services, actor, name)
    known = _command(services.store.campaign(name), key)
    if known is not None and (known.kind != kind or payload not in (None, known.payload)):
        raise ProblemError(HTTPStatus.CONFLICT, f"this key belongs to another command ({known.kind})", key="Idempotency-Key")
    return known


def refuse_others(services: Services, actor: Actor, name: str) -> None:
    """Raises ForbiddenError unless an actor may steer a campaign, and NotFoundError if there is none that the actor sees."""
    services.sight(actor).check(name)
    record = services.store.campaign(name)
    if not may_steer(services.accounts, actor, record):
        raise ForbiddenError(f"you may not steer campaign {name!r}: {why_not(actor, record)}")


def why_not(actor: Actor, record: CampaignRecord) -> str:
    """Reason why an actor may not steer a campaign, and who can change it."""
    if not actor.may(Role.OPERATOR):
        return "you are a viewer; an admin can make you an operator"
    if record.owner is None:
        return "it was created on the command line; an admin can share it with you"
    return f"it is {record.owner}'s; its owner or an admin can share it with you"


def steered(services: Services, actor: Actor, names: Iterable[str]) -> list[str]:
    """Returns the campaigns, of some, that an actor may steer; for admins also those that cannot be read."""
    found, sight = [], services.sight(actor)
    for name in filter(sight.sees, names):
        with suppress(NotFoundError, StoreError):
            if actor.may(Role.ADMIN) or may_steer(services.accounts, actor, services.store.campaign(name)):
                found.append(name)
    return found


def offered(services: Services, actor: Actor, reading: Campaign) -> frozenset[SteeringKind]:
    """Commands whose buttons an actor is shown for a campaign now; one that is starting has those of one that runs."""
    if not may_steer(services.accounts, actor, reading.record):
        return frozenset()
    record, state = reading.record, status_of(reading).state
    starting = is_starting(state, record.epoch, last_request(services.requests, record))
    return kinds_shown(judged_state(record, state, driven=starting or reading.lease is not None))


def ask_to_run(services: Services, actor: Actor, name: str, key: str) -> tuple[ServiceRequest, bool]:
    """Stores a request to run a campaign. With the same key, or while such a request waits, it stores nothing.

    Args:
        key: Idempotency key, the id of the request.

    Returns:
        The stored request, and whether this call stored it.

    Raises:
        ForbiddenError: The actor may not steer the campaign.
        ProblemError: The key cannot be one.
        NotFoundError: There is no such campaign.
        LeaseHeldError: A driver runs it.
        StoreError: It is paused or being deleted, cannot be read, or the key belongs to another request.
        InvalidSpecError: It would spend more than its project's quota allows.
    """
    check_key(key)
    refuse_others(services, actor, name)
    if services.requests.request(key) is None:
        projecting.refuse_over_quota(services, services.store.campaign(name))
    return ask_service(services, actor, name, key)


def ask_service(services: Services, actor: Actor, name: str, key: str) -> tuple[ServiceRequest, bool]:
    """Stores the same request for something that is granted already; arguments, returns and errors as of :func:`ask_to_run`."""
    check_key(key)
    refuse_others(services, actor, name)
    known = services.requests.request(key)
    request = request_run(services.requests, services.store, author_of(actor), name, key, services.clock())
    new = known is None and request.id == key
    if request.id == key:
        audit_once(services, actor, Change(action="campaign.run", subject=f"campaign:{name}", after={"id": key}))
    return request, new


def _audit_order(services: Services, actor: Actor, record: CampaignRecord, order: Order) -> None:
    after: JsonDict = {"id": order.key, "payload": order.payload}
    before = None if order.kind != "edit" else {key: _value_of(record.spec, key) for key in order.payload}
    audit_once(services, actor, Change(f"campaign.{order.kind}", f"campaign:{record.name}", before, after))


def _value_of(spec: JsonDict, key: str) -> object:
    """The value of a dotted key, None where it is not given."""
    found: object = spec
    for part in key.split("."):
        found = found.get(part) if isinstance(found, dict) else None
    return found


def audit_once(services: Services, actor: Actor, change: Change) -> None:
    """As :func:`record_once`."""
    record_once(services.accounts, actor, change, services.clock())


def check_key(key: str) -> None:
    """Raises ProblemError if an idempotency key is missing, too short or too long."""
    if _KEY.fullmatch(key) is None:
        detail = "expected 8 to 64 letters, digits and ._:-, another value for each command"
        raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, detail, key="Idempotency-Key")


def check_address_key(key: str) -> None:
    """Raises ProblemError if an idempotency key cannot be the id of something that has an address of its own."""
    check_key(key)
    if not key.replace("-", "").isalnum():
        raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, "expected letters, digits and -", key="Idempotency-Key")


def _run_for(services: Services, actor: Actor, name: str, order: Order) -> None:
    """Asks the service to run a campaign that has no driver and whose new command needs one, as `tansaku resume` runs it."""
    if needs_driver(order.kind):
        with suppress(LeaseHeldError):
            ask_service(services, actor, name, order.key)


def _store(services: Services, actor: Actor, record: CampaignRecord, order: Order) -> steer.Requested:
    author = author_of(actor)
    if order.kind != "edit":
        earlier = steer.find_earlier(
            services.store, record, order.kind, lambda: status_of(services.readings.reading(record.name)).state
        )
        return earlier or steer.store_request(services.store, author, record, order.kind, order.candidates, order.key)
    if order.revision is None:
        raise ProblemError(HTTPStatus.PRECONDITION_REQUIRED, "an edit needs the revision it starts from", key="If-Match")
    if order.revision != revision(record):
        detail = "the campaign was edited in the meantime; look at it again"
        raise ProblemError(HTTPStatus.PRECONDITION_FAILED, detail, key="If-Match")
    changes = dict(order.changes or {})
    before = stored_spec(record)
    known = services.readings.reading(record.name).prospects
    after = apply_edits(before, changes)
    services.desk.check_edit(actor, before, after, None if known is None else known.pool)
    with projecting.granted_edit(services, record, after.budget):
        requested = steer.request_edit(services.store, author, record.name, changes, order.key)
    if requested is None:
        raise ConfigurationError("the edit would change nothing")
    return requested


def author_of(actor: Actor) -> Author:
    """The actor as stored with commands and requests."""
    return Author(actor.name, f"dashboard, {actor.address}")


def _command(record: CampaignRecord, key: str) -> Command | None:
    return next((command for command in record.commands if command.id == key), None)


def outlook(given: Given) -> str:
    """Describes when a stored command takes effect."""
    kind, at_number = given.command.kind, given.command.applied_at_number
    if at_number is not None:
        return f"{kind}: applied from evaluation {at_number} on"
    if given.has_driver:
        return f"{kind}: stored; it takes effect before the next proposal"
    if kind == "pause":
        return "pause: stored; it does not run until it is resumed"
    if needs_driver(kind):
        return f"{kind}: stored; it is not running, so the service is asked to run it"
    return f"{kind}: stored; it is not running now, so the command takes effect when it runs"


def find_given(record: CampaignRecord, key: str | None, *, has_driver: bool) -> Given | None:
    """The command of a key, None if there is none.

    Args:
        key: Id of the command.
        has_driver: Whether a driver runs the campaign.
    """
    command = None if key is None else _command(record, key)
    return None if command is None else Given(command, has_driver, new=False)
