"""Transfer sources with another level of theory than the campaign: reported before it is created, and in its audit log.

They are allowed, since transfer from a cheap to an expensive level is useful: every source has a correlation, a mean and a
deviation of its own, so values of two levels are never mixed up.
"""

from __future__ import annotations

from datetime import UTC, datetime

from tansaku.models.domain.errors import NotFoundError
from tansaku.models.domain.identifiers import short_hash
from tansaku.models.domain.level_of_theory import level_in_words
from tansaku.models.domain.ports import CampaignStore
from tansaku.models.domain.records import CampaignRecord, Event
from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.models.domain.specs.transfer import TableSourceSpec
from tansaku.tasks.backends.stores.campaigns import stored_spec
from tansaku.tasks.loop.transfer.sources import followed

OTHER_LEVEL = "transfer.other_level"
"""Event: a campaign learns from values of another level of theory."""

UNKNOWN = "unknown (values of a table)"


def note_levels(store: CampaignStore, record: CampaignRecord) -> None:
    """Records in the audit log, once, from which other levels of theory a campaign learns."""
    spec = stored_spec(record)
    if spec.transfer is None:
        return
    own, found = _level(spec), {}
    for source in spec.transfer.sources:
        try:
            theirs = None if isinstance(source, TableSourceSpec) else _level(stored_spec(followed(store, record, source.name)))
        except NotFoundError:
            # Frozen, and deleted since: what it was is in the audit already.
            continue
        if theirs != own:
            found[source.name] = theirs or UNKNOWN
    if found:
        store.append_event(
            Event(
                id=short_hash([record.id, OTHER_LEVEL]),
                campaign=record.id,
                kind=OTHER_LEVEL,
                at=datetime.now(UTC),
                data={"campaign": own or UNKNOWN, "sources": found},
            )
        )


def level_note(spec: CampaignSpec, theirs: str | None) -> str:
    """Returns the note that `check` adds to a source with another level of theory; empty for the same level.

    Args:
        spec: Of the campaign that learns.
        theirs: Description of the source's level, None if unknown.
    """
    own = _level(spec)
    if own == theirs:
        return ""
    return f"; different level of theory, modelled with a correlation: {theirs or UNKNOWN}; here {own or UNKNOWN}"


def stored_level(store: CampaignStore, name: str) -> str | None:
    """Level of theory of a stored campaign in words. Raises NotFoundError."""
    return _level(stored_spec(store.campaign(name)))


def _level(spec: CampaignSpec) -> str | None:
    return level_in_words(spec.calculator.model_dump(mode="json") if spec.calculator is not None else None)
