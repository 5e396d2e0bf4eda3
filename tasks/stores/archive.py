"""A whole database in one file: gzipped BSON documents between a header and a footer."""

from __future__ import annotations

import gzip
import os
import secrets
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import bson
from bson.codec_options import CodecOptions
from bson.errors import BSONError

from tansaku.models.domain.errors import NotFoundError, StoreError, TransientError
from tansaku.models.domain.records import SCHEMA_VERSION, JsonDict
from tansaku.tasks.stores.migrations.run import refuse_live_drivers
from tansaku.tasks.stores.mongo_errors import translated
from tansaku.tasks.stores.mongo_schema import SCHEMA_ID, MongoDatabase, durable

FORMAT = "tansaku-database"
FORMAT_VERSION = 1
_BATCH_BYTES = 8 * 2**20
_LARGEST_DOCUMENT = 17 * 2**20


def dump(database: MongoDatabase, path: Path) -> dict[str, int]:
    """Writes every collection to a file; an interrupted dump leaves no file of that name.

    Campaigns should be at rest: documents that change meanwhile are taken as they are when their turn comes.

    Returns:
        Number of documents by collection.
    """
    database = durable(database)
    counts: Counter[str] = Counter()
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        with translated(f"dumping database {database.name!r}"), draft.open("xb") as file, gzip.open(file, "wb") as stream:
            names = sorted(name for name in database.list_collection_names() if not name.startswith("system."))
            version = database["schema"].find_one({"_id": SCHEMA_ID}) or {"version": SCHEMA_VERSION}
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
    """Reads a dump into a database; the file is checked to its end before anything is written.

    Args:
        force: Replace what the database holds.

    Returns:
        Number of documents by collection.

    Raises:
        NotFoundError: No such file.
        StoreError: The file is no whole dump or of a newer schema, or the database is not empty.
        LeaseHeldError: A driver is at work in the database.
    """
    counts = _verify(path)
    database = durable(database)
    with translated(f"restoring database {database.name!r}"):
        names = [name for name in database.list_collection_names() if not name.startswith("system.")]
        filled = [name for name in names if name != "schema" and database[name].find_one({}, {"_id": 1}) is not None]
        if filled and not force:
            raise StoreError(
                f"database {database.name!r} is not empty (it has {', '.join(sorted(filled))}); nothing was restored",
                hint="restore into another database, or replace what is there with --force",
            )
        refuse_live_drivers(database, "restored")
        for name in names:
            database.drop_collection(name)
        for name, batch in _batches(path):
            database[name].insert_many(batch, ordered=False)
    return counts


def _sync(file: Path) -> None:
    handle = os.open(file, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _verify(path: Path) -> dict[str, int]:
    counts: Counter[str] = Counter()
    footer: JsonDict | None = None
    for position, entry in enumerate(_entries(path)):
        if position == 0:
            _check_header(path, entry)
        elif entry.get("end"):
            footer = entry
        else:
            counts[entry["collection"]] += 1
    if footer is None or footer["counts"] != dict(counts):
        raise StoreError(f"{path} is not a whole dump: its end is missing or its counts are wrong")
    return dict(counts)


def _check_header(path: Path, header: JsonDict) -> None:
    if header.get("format") != FORMAT or header.get("format_version") != FORMAT_VERSION:
        raise StoreError(f"{path} is no dump of tansaku (format {header.get('format')!r} {header.get('format_version')!r})")
    if header["schema_version"] > SCHEMA_VERSION:
        raise StoreError(
            f"{path} has schema version {header['schema_version']}, this tansaku reads up to {SCHEMA_VERSION}",
            hint="use the newer tansaku that wrote it",
        )


def _batches(path: Path) -> Iterator[tuple[str, list[JsonDict]]]:
    name, size = "", 0
    batch: list[JsonDict] = []
    for entry in _entries(path):
        if "collection" not in entry:
            continue
        if batch and (entry["collection"] != name or size > _BATCH_BYTES):
            yield name, batch
            batch, size = [], 0
        name = entry["collection"]
        batch.append(entry["document"])
        size += len(bson.encode(entry["document"]))
    if batch:
        yield name, batch


def _entries(path: Path) -> Iterator[JsonDict]:
    options: CodecOptions[dict[str, Any]] = CodecOptions(tz_aware=True, tzinfo=UTC)
    try:
        with gzip.open(path, "rb") as stream:
            while head := stream.read(4):
                length = int.from_bytes(head, "little", signed=True)
                if len(head) < 4 or not 5 <= length <= _LARGEST_DOCUMENT:
                    raise StoreError(f"{path} is no whole dump: a document of {length} bytes")
                yield bson.decode(head + stream.read(length - 4), options)
    except FileNotFoundError:
        raise NotFoundError(f"{path} does not exist") from None
    except (OSError, EOFError, BSONError) as error:
        raise StoreError(f"{path} is no whole dump: {error}") from error
