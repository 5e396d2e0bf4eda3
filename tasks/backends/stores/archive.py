"""Dump and restore of a whole database: gzipped BSON documents between a header and a footer.

Validation of the documents in a dump before they are restored.
A restore brings back the user's data. It does not restore leases of campaigns and queues or helper processes of drivers,
which are only valid for the machines and the time of the dump.
"""

from __future__ import annotations

import gzip
import os
import re
import secrets
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeGuard

import bson
from bson import ObjectId
from bson.codec_options import CodecOptions
from bson.errors import BSONError
from pymongo import ASCENDING, IndexModel
from pymongo.errors import BulkWriteError

from tansaku.models.domain.errors import LeaseHeldError, NotFoundError, StoreError, TransientError
from tansaku.models.domain.identifiers import check_name, job_name, jobless_name, printable, shown
from tansaku.models.domain.library import LibraryFile
from tansaku.models.domain.model_registry import DatasetRecord, ModelRecord
from tansaku.models.domain.records import (
    SCHEMA_VERSION,
    CampaignRecord,
    Evaluation,
    Event,
    JsonDict,
    Observation,
    Record,
    Refit,
)
from tansaku.models.domain.retraining import Retrain, RetrainEnd
from tansaku.tasks.backends.stores.documents import INTERNAL_FIELDS, check_nesting, from_document, to_document
from tansaku.tasks.backends.stores.mongo_accounts import ACCOUNT_COLLECTIONS
from tansaku.tasks.backends.stores.mongo_errors import translated
from tansaku.tasks.backends.stores.mongo_library import LIBRARY
from tansaku.tasks.backends.stores.mongo_requests import REQUEST_COLLECTIONS
from tansaku.tasks.backends.stores.mongo_schedules import SCHEDULE_COLLECTIONS
from tansaku.tasks.backends.stores.mongo_schema import ARTIFACT_INDEX, INDEXES, SCHEMA_ID, MongoDatabase, durable
from tansaku.tasks.backends.stores.regular_files import check_regular
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
            names = sorted(name for name in database.list_collection_names() if name in _COLLECTIONS and name != _PROCESSES)
            finish(database)
            version = database["schema"].find_one({"_id": SCHEMA_ID}) or {"version": SCHEMA_VERSION}
            header = {
                "format": _FORMAT,
                "format_version": _FORMAT_VERSION,
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
    staged.begin({**dict.fromkeys(_COLLECTIONS, ()), **INDEXES, **_ARTIFACT_INDEXES})
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
        if found == _PROCESSES:
            continue
        if found != name or size > _BATCH_BYTES:
            write()
            name, size = found, 0
        batch.append(document)
        size += len(bson.encode(document))
    write()
    staged.collection("schema").update_one({"_id": SCHEMA_ID}, {"$setOnInsert": {"version": SCHEMA_VERSION}}, upsert=True)
    return dict(counts)


def _internal(name: str) -> bool:
    """Returns whether a restore neither counts nor replaces a collection: what the dashboard keeps is not part of a dump."""
    kept = (*ACCOUNT_COLLECTIONS, *REQUEST_COLLECTIONS, *SCHEDULE_COLLECTIONS)
    return name.startswith("system.") or is_staging(name) or name in kept


def _sync(file: Path) -> None:
    handle = os.open(file, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


_FORMAT = "tansaku-database"
_FORMAT_VERSION = 1
_LARGEST_DOCUMENT = 17 * 2**20
_MOST_EXPANSION = 250
_SMALL = 64 * 2**20


def documents(path: Path) -> Iterator[tuple[str, JsonDict]]:
    """Yields collection and document; if the iteration ends without an error, the dump is complete.

    Raises:
        NotFoundError: No such file.
        StoreError: The file is not a complete dump, has a newer schema, or has a document that does not fit its collection.
    """
    header: JsonDict | None = None
    footer: JsonDict | None = None
    counts: Counter[str] = Counter()
    epochs: dict[str, int] = {}
    for position, entry in enumerate(_entries(path)):
        where = f"{path}, entry {position}"
        if footer is not None:
            raise StoreError(f"{where} is after the end of the dump")
        if header is None:
            header = _checked_header(path, entry)
        elif entry.get("end") is True:
            footer = entry
        else:
            name = entry.get("collection")
            if not isinstance(name, str) or set(entry) != {"collection", "document"}:
                raise StoreError(f"{where} is {shown(entry)}, expected a collection and a document")
            document = _checked(name, entry["document"], f"{where} ({shown(name)})")
            counts[name] += 1
            if name == "campaigns":
                epochs[document["_id"]] = document["epoch"]
            if name == "evaluations":
                # An evaluation with a higher epoch than its campaign could not be written by any driver.
                document["epoch"] = min(document["epoch"], epochs.get(document["campaign"], 0))
            yield name, document
    if header is None or footer is None or footer.get("counts") != dict(counts):
        raise StoreError(f"{path} is not a complete dump: its end is missing or its counts are wrong")


def _checked_header(path: Path, header: JsonDict) -> JsonDict:
    if header.get("format") != _FORMAT or header.get("format_version") != _FORMAT_VERSION:
        found = f"format {shown(header.get('format'))} {shown(header.get('format_version'))}"
        raise StoreError(f"{path} is not a dump of tansaku ({found}); expected {_FORMAT!r} {_FORMAT_VERSION}")
    version = header.get("schema_version")
    if isinstance(version, bool) or not isinstance(version, int) or version < 1:
        raise StoreError(f"{path} has schema version {shown(version)}, expected a number from 1 to {SCHEMA_VERSION}")
    if version > SCHEMA_VERSION:
        raise StoreError(
            f"{path} has schema version {version}, this tansaku reads up to {SCHEMA_VERSION}",
            hint="use the newer tansaku that wrote it",
        )
    return header


def _entries(path: Path) -> Iterator[JsonDict]:
    options: CodecOptions[dict[str, Any]] = CodecOptions(tz_aware=True, tzinfo=UTC)
    total = 0
    try:
        # A decompression bomb must not fill the disk: real dumps expand ten to thirty times.
        most = _SMALL + _MOST_EXPANSION * check_regular(path)
        with gzip.open(path, "rb") as stream:
            while head := stream.read(4):
                length = int.from_bytes(head, "little", signed=True)
                if len(head) < 4 or not 5 <= length <= _LARGEST_DOCUMENT:
                    raise StoreError(f"{path} is not a complete dump: a document of {length} bytes")
                total += length
                if total > most:
                    raise StoreError(f"{path} expands to more than {_MOST_EXPANSION} times its size; a dump does not")
                yield bson.decode(head + stream.read(length - 4), options)
    except FileNotFoundError:
        raise NotFoundError(f"{path} does not exist") from None
    except (OSError, EOFError, zlib.error, BSONError, ValueError, OverflowError, RecursionError) as error:
        raise StoreError(f"{path} is not a complete dump: {printable(str(error))}") from error


_PROCESSES = "site_workers"
"""Collection of leases, left out of a restore."""

_SHA256 = re.compile(r"[0-9a-f]{64}")
_VERSION = re.compile(r"[0-9A-Za-z.+!-]{1,64}")
_MOST = 2**52
_OUTBOX = ("evaluations", "refits", "retrains")


def _checked(collection: str, document: object, where: str) -> JsonDict:
    """Validates a document of a dump and returns it in restorable form."""
    check = _CHECKS.get(collection)
    if check is None:
        raise StoreError(
            f"{where}: {shown(collection)} is not a collection of tansaku; expected one of {', '.join(sorted(_CHECKS))}",
            hint="a LaunchPad in the same database is not restored, because its tasks can run code",
        )
    if not isinstance(document, dict) or document.get("_id") is None:
        raise StoreError(f"{where} is no document: expected keys and values, and an _id")
    try:
        return check(document, where)
    except StoreError as error:
        raise error if error.message.startswith(where) else StoreError(f"{where}: {error.message}") from error
    # A record's own checks read what they are given, which may be of any type.
    except (KeyError, TypeError, ValueError, AttributeError, ArithmeticError, RecursionError) as error:
        raise StoreError(f"{where} is damaged: {type(error).__name__} {shown(str(error))}") from error


def _record(kind: type[Record], document: JsonDict, where: str, key: str | None = None) -> JsonDict:
    """Normalises the document's types: a number stored as text could be read, but not queried or incremented."""
    if not isinstance(document["_id"], str):
        raise StoreError(f"{where}: _id is {shown(document['_id'])}, expected text")
    clean = to_document(from_document(kind, document, key=key))
    check_nesting(clean, where)
    if key is not None:
        del clean[key]
    for name in INTERNAL_FIELDS & document.keys():
        _check_internal(name, document[name], where)
        clean[name] = document[name]
    return {"_id": document["_id"]} | clean


def _check_internal(name: str, value: object, where: str) -> None:
    if name == "void" and isinstance(value, bool):
        return
    if name == "token" and (value is None or isinstance(value, str)):
        return
    if name == "order" and _is_integer(value):
        return
    if name in ("revision", "attempt") and _is_integer(value) and 0 <= value <= _MOST:
        return
    if name == "outbox" and isinstance(value, list):
        return
    raise StoreError(f"{where}: {name} is {shown(value)}, expected the value that tansaku writes")


def _is_integer(value: object) -> TypeGuard[int]:
    """Returns whether a decoded value is an integer; BSON has a class of its own for long ones, and a boolean is none."""
    return isinstance(value, int) and not isinstance(value, bool)


def _needs(document: JsonDict, names: tuple[str, ...], where: str) -> None:
    for name in names:
        if name not in document:
            raise StoreError(f"{where} has no {name}")


def _campaign(document: JsonDict, where: str) -> JsonDict:
    check_name(document["_id"], f"{where}: its id")
    # A dump of an older version has the name as id alone.
    document = {"name": document["_id"]} | document
    check_name(document["name"], f"{where}: its name")
    _needs(document, ("revision", "outbox", "epoch"), where)
    resting = _record(CampaignRecord, document | {"lease": None, "runtime": {}}, where, "id")
    if resting["epoch"] > _MOST:
        raise StoreError(f"{where}: epoch {resting['epoch']}, expected at most {_MOST}")
    poured = []
    for position, entry in enumerate(resting["outbox"]):
        inside = f"{where}: outbox[{position}]"
        if not isinstance(entry, dict) or entry.get("collection") not in _OUTBOX:
            raise StoreError(f"{inside} is {shown(entry)}, expected a document for one of {', '.join(_OUTBOX)}")
        committed = _checked(entry["collection"], entry.get("document"), inside)
        if committed["campaign"] != document["_id"]:
            raise StoreError(f"{inside} belongs to another campaign")
        poured.append({"collection": entry["collection"], "document": committed})
    return resting | {"outbox": poured}


def _evaluation(document: JsonDict, where: str) -> JsonDict:
    _needs(document, ("revision", "token"), where)
    clean = _record(Evaluation, document, where, "id")
    evaluation = from_document(Evaluation, document, key="id")
    current = None if evaluation.current_attempt is None else evaluation.current_attempt.token
    if document["token"] != current:
        raise StoreError(f"{where}: token is not that of its last attempt")
    for attempt in evaluation.attempts:
        # Handles name jobs by which a driver collects, cancels and discards: those of this evaluation, and no others.
        own = job_name(evaluation.campaign, evaluation.id, attempt.number)
        named = own if attempt.handle is None else attempt.handle.get("name", own)
        jobless = (jobless_name(why, evaluation.id, attempt.number) for why in ("report", "void"))
        if attempt.job_name not in (own, *jobless) or named != own:
            raise StoreError(f"{where}: attempt {attempt.number} names job {shown(attempt.job_name)}, expected {own!r}")
    return clean


def _observation(document: JsonDict, where: str) -> JsonDict:
    _needs(document, ("void", "attempt"), where)
    if document["void"] is not True:
        return _record(Observation, document, where)
    taken = {name: document.get(name) for name in ("_id", "campaign", "number", "void", "attempt")}
    whole = isinstance(taken["_id"], str) and isinstance(taken["campaign"], str) and _is_integer(taken["number"])
    if not whole or taken.keys() != document.keys():
        raise StoreError(f"{where} is void; expected _id, campaign, number and attempt alone")
    _check_internal("attempt", taken["attempt"], where)
    return taken


def _retrain(document: JsonDict, where: str) -> JsonDict:
    return _record(Retrain if document.get("kind") == "begun" else RetrainEnd, document, where)


def _schema(document: JsonDict, where: str) -> JsonDict:
    version = document.get("version")
    if document["_id"] != SCHEMA_ID or not _is_integer(version) or version != SCHEMA_VERSION:
        raise StoreError(f"{where} is {shown(document)}, expected schema version {SCHEMA_VERSION}")
    writer = document.get("tansaku")
    known = isinstance(writer, str) and _VERSION.fullmatch(writer) is not None
    return {"_id": SCHEMA_ID, "version": version} | ({"tansaku": writer} if known else {})


def _file(document: JsonDict, where: str) -> JsonDict:
    metadata = document.get("metadata")
    sha256 = metadata.get("sha256") if isinstance(metadata, dict) else None
    if not isinstance(sha256, str) or _SHA256.fullmatch(sha256) is None:
        raise StoreError(f"{where}: metadata.sha256 is {shown(sha256)}, expected 64 hex digits")
    sizes = [document.get("length"), document.get("chunkSize")]
    whole = all(_is_integer(size) and 0 <= size <= _MOST for size in sizes)
    if not (whole and isinstance(document["_id"], ObjectId) and isinstance(document.get("uploadDate"), datetime)):
        raise StoreError(f"{where} is no file of artifacts: expected _id, length, chunkSize and uploadDate")
    return document


def _chunk(document: JsonDict, where: str) -> JsonDict:
    number, owner = document.get("n"), document.get("files_id")
    whole = isinstance(document.get("data"), bytes) and isinstance(owner, ObjectId)
    if not (whole and _is_integer(number) and 0 <= number <= _MOST):
        raise StoreError(f"{where} is no part of an artifact: expected files_id, n and data")
    return document


def _process(document: JsonDict, where: str) -> JsonDict:  # noqa: ARG001 - it is left out, whatever it is
    return document


_CHECKS: dict[str, Callable[[JsonDict, str], JsonDict]] = {
    "campaigns": _campaign,
    "evaluations": _evaluation,
    "observations": _observation,
    "refits": lambda document, where: _record(Refit, document, where),
    "retrains": _retrain,
    "datasets": lambda document, where: _record(DatasetRecord, document, where),
    "models": lambda document, where: _record(ModelRecord, document, where),
    "events": lambda document, where: _record(Event, document, where, "id"),
    LIBRARY: lambda document, where: _record(LibraryFile, document, where, "sha256"),
    "schema": _schema,
    "artifacts.files": _file,
    "artifacts.chunks": _chunk,
    _PROCESSES: _process,
}

_COLLECTIONS = frozenset(_CHECKS)
"""Collections of tansaku."""
