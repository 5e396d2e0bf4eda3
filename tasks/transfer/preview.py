"""Preview of a campaign's transfer sources before it is created."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from tansaku.models.domain.ports import CampaignStore
from tansaku.models.domain.specs.transfer import TableSourceSpec
from tansaku.tasks.resources import Resources
from tansaku.tasks.transfer.checks import check_circle
from tansaku.tasks.transfer.levels import level_note, stored_level
from tansaku.tasks.transfer.sources import Target, campaign_source, table_source

Database = Callable[[], AbstractContextManager[Resources]]
"""Opens the database of stored campaigns."""


def preview(target: Target, base_path: Path, database: Database | None) -> tuple[str, ...]:
    """Returns one line per source.

    Args:
        target: The campaign.
        base_path: Folder in which its relative paths start.
        database: None: stored campaigns are listed, but not read.

    Raises:
        ConfigurationError: A source is unknown, empty or does not fit.
    """
    if database is None or all(isinstance(source, TableSourceSpec) for source in target.transfer.sources):
        return _lines(target, base_path, None)
    with database() as resources:
        check_circle(resources.store, target.spec.name, target.transfer)
        return _lines(target, base_path, resources.store)


def _lines(target: Target, base_path: Path, store: CampaignStore | None) -> tuple[str, ...]:
    lines = []
    for i, source in enumerate(target.transfer.sources):
        key = f"transfer.sources[{i}]"
        if isinstance(source, TableSourceSpec):
            count = len(table_source(target, source, key, base_path).values)
            lines.append(f"the table {source.name}: {count} observations{level_note(target.spec, None)}")
        elif store is None:
            lines.append(f"the campaign {source.name}: will be read when this campaign is created")
        else:
            count = len(campaign_source(target, source, key, store).values)
            when = "so far; read again at each refit" if source.follow else "frozen when this campaign is created"
            apart = level_note(target.spec, stored_level(store, source.name))
            lines.append(f"the campaign {source.name}: {count} observations, {when}{apart}")
    return tuple(lines)
