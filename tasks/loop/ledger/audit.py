"""The driver's entries in the audit."""

from __future__ import annotations

from datetime import UTC, datetime

from tansaku.models.domain.identifiers import short_hash
from tansaku.models.domain.records import Event, JsonDict
from tansaku.tasks.loop.ledger.context import StepContext


def log_event(context: StepContext, kind: str, key: list[str | int], data: JsonDict) -> None:
    """Appends to the audit under an id made of ``kind`` and ``key``: writing it again is the same as once."""
    campaign = context.lease.campaign
    event = Event(id=short_hash([campaign, kind, *key]), campaign=campaign, kind=kind, at=datetime.now(UTC), data=data)
    context.store.append_event(event)
