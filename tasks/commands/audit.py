"""Writes the audit of the dashboard: one entry for each change, without secrets."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime

from tansaku.models.domain.accounts import Accounts, Actor, AuditEntry
from tansaku.models.domain.records import JsonDict


@dataclass(frozen=True)
class Change:
    """What was changed; its fields are those of :class:`AuditEntry`."""

    action: str
    subject: str
    before: JsonDict | None = None
    after: JsonDict | None = None


def record_change(accounts: Accounts, actor: Actor, change: Change, now: datetime) -> AuditEntry:
    """Appends a change to the audit.

    Args:
        accounts: Where the audit is stored.
        actor: Who made it.
        change: What was changed.
        now: When.
    """
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
    accounts.append_audit(entry)
    return entry


def entry_id(moment: datetime) -> str:
    """A new id that sorts by time: microseconds, then random digits."""
    return f"{round(moment.timestamp() * 1e6):016x}-{secrets.token_hex(8)}"
