"""Dump and restore of a whole database: gzipped BSON documents between a header and a footer."""

from __future__ import annotations

import gzip
import os
import secrets
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import bson
from pymongo import ASCENDING, IndexModel
from pymongo.errors import BulkWriteError

from tansaku.models.domain.errors import LeaseHeldError, StoreError, TransientError
from tansaku.models.domain.identifiers import shown
from tansaku.models.domain.records import JsonDict
from tansaku.tasks.backends.stores.archive_documents import COLLECTIONS, PROCESSES
from tansaku.tasks.backends.stores.archive_file import FORMAT, FORMAT_VERSION, documents
from tansaku.tasks.backends.stores.mongo_accounts import ACCOUNT_COLLECTIONS
from tansaku.tasks.backends.stores.mongo_errors import translated
from tansaku.tasks.backends.stores.mongo_notifications import NOTIFICATION_COLLECTIONS
from tansaku.tasks.backends.stores.mongo_requests import REQUEST_COLLECTIONS
from tansaku.tasks.backends.stores.mongo_schedules import SCHEDULE_COLLECTIONS
from tansaku.tasks.backends.stores.mongo_schema import (
    ARTIFACT_INDEX,
    DATABASE_VERSION,
    INDEXES,
    SCHEMA_ID,
    MongoDatabase,
    durable,
)
from tansaku.tasks.backends.stores.staging import Staging, finish, is_staging, staging

_BATCH_BYTES = 8 * 2**20
_CHUNK_INDEX = IndexModel([("files_id", ASCENDING), ("n", ASCENDING)], unique=True)
_ARTIFACT_INDEXES = {"artifacts.files": (ARTIFACT_INDEX,), "artifacts.chunks": (_CHUNK_INDEX,)}
_DUPLICATE = 11000


def dump(database: MongoDatabase, path: Path) -> dict[str, int]:
    """Writes every collection of tansaku except leases of queues to a file; an interrupted dump leaves no file.

    Campaigns should not be running: documents that change meanwhile are written as they are when they are read.

    Returns:
        Number of documents by collection.
    """
    database = durable(database)
    counts: Counter[str] = Counter()
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        with translated(f"dumping database {database.name!r}"), draft.open("xb") as file, gzip.open(file, "wb") as stream:
            names = sorted(name for name in database.list_collection_names() if name in COLLECTIONS and name != PROCESSES)
            finish(database)
            version = database["schema"].find_one({"_id": SCHEMA_ID}) or {"version": DATABASE_VERSION}
            header = {
                "format": FORMAT,
                "format_version": FORMAT_VERSION,
                "schema_version": version["version"],
                "database": database.name,
                "dumped_at": datetime.now(UTC),
            }
            stream.write(bson.encode(header))
            for name in names:
                for document in database[name].find():
                    stream.write(bson.encode({"collection": name, "document": document}))
                    counts[name] += 1
            stream.write(bson.encode({"end": True, "counts": dict(counts)}))
        _sync(draft)
        draft.replace(path)
    except TransientError:
        raise
    except OSError as error:
        raise StoreError(f"{path} cannot be written: {error.strerror}") from error
    finally:
        draft.unlink(missing_ok=True)
    return dict(counts)


def restore(database: MongoDatabase, path: Path, *, force: bool = False) -> dict[str, int]:
    """Reads a dump into a database.

    The whole file is checked before anything is written. Then it is read into collections of other names, which
    replace the old ones when they are complete: until then the database is unchanged, and a restore that is
    interrupted later is completed by the next process that opens the database.

    Leases and helper processes of the dump are left out: they belong to the machines on which it was made.

    Args:
        force: Replace what the database holds.

    Returns:
        Number of documents by collection.

    Raises:
        NotFoundError: No such file.
        StoreError: The file is no whole dump, of a newer schema or damaged, or the database is not empty.
        LeaseHeldError: A driver is using the database, or another process restores it.
    """
    for _ in documents(path):
        pass
    database = durable(database)
    # The owner is settled before anything is looked at: of two restores into an empty database, one would replace the other.
    with translated(f"restoring database {database.name!r}"), staging(database) as staged:
        names = [name for name in database.list_collection_names() if not _internal(name)]
        filled = [name for name in names if name != "schema" and database[name].find_one({}, {"_id": 1}) is not None]
        if filled and not force:
            raise StoreError(
                f"database {database.name!r} is not empty (it has {', '.join(sorted(filled))}); nothing was restored",
                hint="restore into another database, or replace its content with --force",
            )
        _refuse_live_drivers(database)
        counts = _stage(staged, path)
        # A driver may have started while the file was read.
        _refuse_live_drivers(database)
        staged.swap(counts | {"schema": 1})
    return counts


def _refuse_live_drivers(database: MongoDatabase) -> None:
    """Raises LeaseHeldError while any campaign of a database is being driven."""
    held = database["campaigns"].find_one({"$expr": {"$gt": ["$lease.expires_at", "$$NOW"]}}, {"name": 1})
    if held is not None:
        raise LeaseHeldError(
            f"database {database.name!r} cannot be restored: campaign {held.get('name', held['_id'])!r} is being driven",
            hint="stop it, then try again",
        )


def _stage(staged: Staging, path: Path) -> dict[str, int]:
    """Fills the staged collections; a document that violates a unique key is rejected here."""
    staged.begin({**dict.fromkeys(COLLECTIONS, ()), **INDEXES, **_ARTIFACT_INDEXES})
    counts: Counter[str] = Counter()
    name, size = "", 0
    batch: list[JsonDict] = []

    def write() -> None:
        if not batch:
            return
        staged.renew()
        try:
            staged.collection(name).insert_many(batch, ordered=False)
        except BulkWriteError as error:
            found = (error.details or {}).get("writeErrors") or []
            if any(item.get("code") == _DUPLICATE for item in found):
                keys = shown(found[0].get("keyValue"), 200)
                raise StoreError(f"{path} is damaged: two documents of {name} have the same key {keys}") from error
            raise
        counts[name] += len(batch)
        batch.clear()

    for found, document in documents(path):
        if found == PROCESSES:
            continue
        if found != name or size > _BATCH_BYTES:
            write()
            name, size = found, 0
        batch.append(document)
        size += len(bson.encode(document))
    write()
    staged.collection("schema").update_one({"_id": SCHEMA_ID}, {"$setOnInsert": {"version": DATABASE_VERSION}}, upsert=True)
    return dict(counts)


def _internal(name: str) -> bool:
    """Returns whether a restore neither counts nor replaces a collection: what the dashboard keeps is not part of a dump."""
    kept = (*ACCOUNT_COLLECTIONS, *REQUEST_COLLECTIONS, *SCHEDULE_COLLECTIONS, *NOTIFICATION_COLLECTIONS)
    return name.startswith("system.") or is_staging(name) or name in kept


def _sync(file: Path) -> None:
    handle = os.open(file, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
