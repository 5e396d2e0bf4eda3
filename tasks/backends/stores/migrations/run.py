"""Migrates a database to a newer schema step by step; an interrupted migration continues at the next start."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pymongo.database import Database

import tansaku
from tansaku.models.domain.errors import LeaseHeldError, StoreError
from tansaku.tasks.backends.stores.migrations import Migration

VERSIONED = ("campaigns", "evaluations", "observations", "refits", "retrains", "datasets", "models", "events")


def migrate(database: Database[dict[str, Any]], stored: int, version: int, migrations: Mapping[int, Migration]) -> None:
    """Applies the steps from ``stored`` to ``version``.

    A document is replaced only while it still has the old version, so that a repeated or a concurrent run does no harm.

    Raises:
        StoreError: A step is missing; nothing was changed.
        LeaseHeldError: A driver of the older version is running.
    """
    steps = []
    while stored < version:
        step = migrations.get(stored)
        if step is None or step.to_version <= stored:
            raise StoreError(
                f"database {database.name!r} has schema version {stored}; it cannot be migrated to {version}",
                hint="export it with the tansaku that wrote it and import the file into a new database",
            )
        steps.append((stored, step))
        stored = step.to_version
    refuse_live_drivers(database, f"upgraded by tansaku {tansaku.__version__}")
    for start, step in steps:
        upgraded = {"version": step.to_version, "tansaku": tansaku.__version__}
        for name in VERSIONED:
            _migrate_collection(database, name, start, step)
        database["schema"].update_one({"_id": "schema", "version": start}, {"$set": upgraded})


def _migrate_collection(database: Database[dict[str, Any]], name: str, start: int, step: Migration) -> None:
    change = step.documents.get(name)
    collection = database[name]
    for document in collection.find({"schema_version": start}):
        changed = dict(document) if change is None else change(dict(document))
        changed["schema_version"] = step.to_version
        if isinstance(changed.get("revision"), int):
            # A driver of the older version that was suspended remembers the old revision, and must not write over this.
            changed["revision"] += 1
        collection.replace_one({"_id": document["_id"], "schema_version": start}, changed)


def refuse_live_drivers(database: Database[dict[str, Any]], action: str) -> None:
    """Raises LeaseHeldError while any campaign of a database is being driven.

    Args:
        action: What cannot be done to the database (``migrated``).
    """
    held = database["campaigns"].find_one({"$expr": {"$gt": ["$lease.expires_at", "$$NOW"]}}, {"name": 1})
    if held is not None:
        raise LeaseHeldError(
            f"database {database.name!r} cannot be {action}: campaign {held.get('name', held['_id'])!r} is being driven",
            hint="stop it, then try again",
        )
