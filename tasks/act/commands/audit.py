"""Writes the audit of the dashboard: one entry for each change, without secrets."""

from __future__ import annotations

import itertools
import secrets
from dataclasses import dataclass
from datetime import datetime

from tansaku.models.domain.accounts import Accounts, Actor, AuditEntry, Role
from tansaku.models.domain.identifiers import short_hash
from tansaku.models.domain.records import CampaignRecord, JsonDict
from tansaku.models.domain.trainings import TrainingRequest
from tansaku.tasks.ground.site.users import user_name

_ORDER = itertools.count()
_LOOKED_AT = 100
"""Last entries on a subject, among which an earlier call's is looked for."""


@dataclass(frozen=True)
class Change:
    """A change by a user; its fields are those of :class:`AuditEntry`."""

    action: str
    subject: str
    before: JsonDict | None = None
    after: JsonDict | None = None


def creation(record: CampaignRecord, copy_of: str = "") -> Change:
    """Change: a campaign was created.

    Args:
        copy_of: The one whose spec it has; empty: none.
    """
    after: JsonDict = {"spec_hash": record.spec_hash, "files": [file.path for file in record.files]}
    if copy_of:
        after["copy_of"] = copy_of
    return Change("campaign.create", f"campaign:{record.name}", after=after)


def renaming(record: CampaignRecord, names: tuple[str, str], before: int) -> Change:
    """Change: a campaign was renamed; the same renaming has the same id.

    Args:
        names: The old and the new one.
        before: How many names it had before the old one.
    """
    old, new = names
    identifier = short_hash([record.created_at.isoformat(), old, new, before])
    return Change("campaign.rename", f"campaign:{old}", before={"name": old}, after={"id": identifier, "name": new})


def training_change(request: TrainingRequest) -> Change:
    """Change: a training of a model was asked for."""
    after = {"id": request.id, "dataset": request.spec["dataset"], "surrogate": request.spec["surrogate"]["type"]}
    return Change("model.train", f"model:{request.model}", after=after)


def by_command() -> Actor:
    """The actor of a command line, who has all rights: access is decided by the database."""
    return Actor(name=user_name(), role=Role.ADMIN)


def record_change(accounts: Accounts, actor: Actor, change: Change, now: datetime) -> AuditEntry:
    """Appends a change to the audit.

    Args:
        accounts: Where the audit is stored.
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


def record_once(accounts: Accounts, actor: Actor, change: Change, now: datetime) -> None:
    """Records a change, unless an earlier call with the same id did; that call may have been killed before recording it."""
    known = accounts.audit(subject=change.subject, limit=_LOOKED_AT)
    identifier = (change.after or {}).get("id")
    if not any(entry.action == change.action and (entry.after or {}).get("id") == identifier for entry in known):
        record_change(accounts, actor, change, now)


def entry_id(moment: datetime) -> str:
    """A new id that sorts by time: microseconds, the order of this process's entries, then random digits."""
    return f"{round(moment.timestamp() * 1e6):016x}-{next(_ORDER) % (1 << 32):08x}{secrets.token_hex(4)}"
