"""Warning that a stored campaign continues with another version of an installed plug-in than computed its results."""

from __future__ import annotations

from datetime import UTC, datetime

from tansaku.models.domain.identifiers import short_hash
from tansaku.models.domain.ports import CampaignStore
from tansaku.models.domain.records import CampaignRecord, Event
from tansaku.tasks.backends.stores.campaigns import stored_spec
from tansaku.tasks.loop.reuse.keys import computing_plugins

OTHER_PLUGINS = "warning.plugins"
"""Kind of the event."""


def note_plugins(store: CampaignStore, record: CampaignRecord) -> None:
    """Records in the audit log, once for each set of versions, which other versions of plug-ins computed results."""
    now = computing_plugins(stored_spec(record))
    if not now:
        return
    before = {
        plugin
        for evaluation in store.evaluations(record.name)
        if evaluation.outcome is not None and evaluation.outcome.provenance is not None
        for plugin in evaluation.outcome.provenance.plugins
    }
    # A plug-in is written "distribution version (kind: name)": the part in brackets says which one it is.
    parts = {_part(plugin) for plugin in now}
    others = sorted(plugin for plugin in before - now if _part(plugin) in parts)
    if others:
        versions = sorted(now)
        store.append_event(
            Event(
                id=short_hash([record.id, OTHER_PLUGINS, versions]),
                campaign=record.id,
                kind=OTHER_PLUGINS,
                at=datetime.now(UTC),
                data={"now": versions, "before": others},
            )
        )


def _part(plugin: str) -> str:
    return plugin.rpartition("(")[2]
