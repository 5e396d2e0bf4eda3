"""Writes the audit of the dashboard: one entry for each change, without secrets."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from tansaku.models.domain.accounts import Actor, AuditEntry
from tansaku.models.domain.records import JsonDict

if TYPE_CHECKING:
    from tansaku.deploy.web.services import Services


@dataclass(frozen=True)
class Change:
    """What was changed; see :class:`AuditEntry`."""

    action: str
    subject: str
    before: JsonDict | None = None
    after: JsonDict | None = None


def record_change(services: Services, actor: Actor, change: Change) -> AuditEntry:
    """Appends a change to the audit.

    Args:
        services: Of the application.
        actor: Who made it.
        change: What was changed.
    """
    now = services.clock()
    entry = AuditEntry(
        id=entry_id(now),
        at=now,
        actor=actor.name,
        address=actor.address,
        action=change.action,
        subject=change.subject,
        before=change.before,
        after=change.after,
    )
    services.accounts.append_audit(entry)
    return entry


def entry_id(moment: datetime) -> str:
    """A new id that sorts by time: milliseconds, then random digits."""
    return f"{round(moment.timestamp() * 1000):013x}-{secrets.token_hex(8)}"
