"""Stores requests for proposals and reports of values, with an entry in the audit; the service carries them out."""

from __future__ import annotations

import threading
from contextlib import suppress

from tansaku.deploy.web import projecting, steering
from tansaku.deploy.web.services import Services
from tansaku.models.domain.accounts import Actor
from tansaku.models.domain.errors import LeaseHeldError, StoreError
from tansaku.models.domain.measurements import Attachment
from tansaku.models.domain.records import JsonDict
from tansaku.tasks.act.commands.audit import Change, record_change
from tansaku.tasks.act.measurements import stored_commands
from tansaku.tasks.act.measurements.attachments import Given, store_attachment
from tansaku.tasks.act.measurements.report_file import Report
from tansaku.tasks.act.measurements.waiting import asked_before

_DECODING = threading.Lock()
"""One photo is decoded at a time: it takes a hundred megabytes."""


def ask(services: Services, actor: Actor, name: str, count: int | None, key: str, *, values_only: bool = False) -> bool:
    """Stores a request for proposals, and asks the service to carry it out; returns whether the key was new.

    Args:
        services: Store, audit and service.
        count: How many proposals are to wait; None: as many as last time.
        key: Of the request; the same one twice is the same as once.
        values_only: Whether candidates are proposed even where a descriptor is expected to gain more per price.
    """
    new = steering.known_command(services, actor, name, key, "ask") is None
    if new:
        projecting.refuse_over_quota(services, services.store.campaign(name))
    stored_commands.store_ask(services.store, steering.author_of(actor), name, count, key, values_only=values_only)
    if new:
        _note(services, actor, name, "ask", {"id": key, "count": count} | ({"values": True} if values_only else {}))
    if new or asked_before(services.store, name, key) is None:
        _run(services, actor, name, key)
    return new


def release(services: Services, actor: Actor, name: str, numbers: list[int], key: str) -> bool:
    """Stores a request to release proposals, and asks the service to carry it out; returns whether the key was new."""
    new = steering.known_command(services, actor, name, key, "release") is None
    if new:
        stored_commands.store_release(services.store, steering.author_of(actor), name, numbers, key)
        _note(services, actor, name, "release", {"id": key, "numbers": numbers})
    _run(services, actor, name, key)
    return new


def tell(
    services: Services, actor: Actor, name: str, report: Report, key: str, *, confirmed: bool = True
) -> tuple[stored_commands.Receipt, bool]:
    """Stores a report, completely or not at all, and asks the service to apply it; returns whether the key was new.

    Args:
        services: Store, audit and service.
        key: Of the request; the same one twice is the same as once.
        confirmed: Whether values are stored however far they are from what was expected.
    """
    new = steering.known_command(services, actor, name, key, "tell") is None
    author = steering.author_of(actor)
    receipt = stored_commands.store_report(services.store, author, name, report, key, confirmed=confirmed)
    if new and receipt.command is not None:
        _note(services, actor, name, "tell", {"id": key, "new": receipt.new})
    if receipt.command is not None and not receipt.applied:
        _run(services, actor, name, key)
    return receipt, new


def attach(services: Services, actor: Actor, name: str, given: Given, key: str) -> tuple[Attachment, bool]:
    """Stores a photo or file of a reported value; returns it, and whether the key was new."""
    new = steering.known_command(services, actor, name, key, "attach") is None
    with _DECODING:
        found = store_attachment(services.store, services.artifacts, steering.author_of(actor), name, given, key)
    if new:
        after: JsonDict = {"id": key, "number": given.number, "name": found.name, "sha256": found.sha256}
        _note(services, actor, name, "attach", after)
    _run(services, actor, name, key)
    return found, new


def _note(services: Services, actor: Actor, name: str, action: str, after: JsonDict) -> None:
    change = Change(action=f"campaign.{action}", subject=f"campaign:{name}", after=after)
    record_change(services.accounts, actor, change, services.clock())


def _run(services: Services, actor: Actor, name: str, key: str) -> None:
    """Asks the service to run the campaign; a driver that runs already, or starts later, applies the request too."""
    with suppress(LeaseHeldError, StoreError):
        steering.ask_service(services, actor, name, key)
