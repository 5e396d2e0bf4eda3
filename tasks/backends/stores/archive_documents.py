"""Validation of the documents in a dump before they are restored.

A restore brings back the user's data. It does not restore leases of campaigns and queues or helper processes of drivers,
which are only valid for the machines and the time of the dump.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import TypeGuard

from bson import ObjectId

import tansaku
from tansaku.models.domain.errors import StoreError
from tansaku.models.domain.identifiers import check_name, job_name, jobless_name, shown
from tansaku.models.domain.library import LibraryFile
from tansaku.models.domain.model_registry import DatasetRecord, ModelRecord
from tansaku.models.domain.records import (
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
from tansaku.tasks.backends.stores.mongo_library import LIBRARY
from tansaku.tasks.backends.stores.mongo_schema import DATABASE_VERSION, SCHEMA_ID

PROCESSES = "site_workers"
"""Collection of leases, left out of a restore."""

_SHA256 = re.compile(r"[0-9a-f]{64}")
_VERSION = re.compile(r"[0-9A-Za-z.+!-]{1,64}")
_MOST = 2**52
_OUTBOX = ("evaluations", "refits", "retrains")


def checked(collection: str, document: object, where: str) -> JsonDict:
    """Validates a document of a dump and returns it in restorable form.

    Args:
        collection: Where it stood.
        document: As decoded.
        where: Which one it is, for messages.

    Raises:
        StoreError: The collection is not one of tansaku's, or the document does not belong to it.
    """
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
    if name == "order" and is_integer(value):
        return
    if name in ("revision", "attempt") and is_integer(value) and 0 <= value <= _MOST:
        return
    if name == "outbox" and isinstance(value, list):
        return
    raise StoreError(f"{where}: {name} is {shown(value)}, expected the value that tansaku writes")


def is_integer(value: object) -> TypeGuard[int]:
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
        committed = checked(entry["collection"], entry.get("document"), inside)
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
    whole = isinstance(taken["_id"], str) and isinstance(taken["campaign"], str) and is_integer(taken["number"])
    if not whole or taken.keys() != document.keys():
        raise StoreError(f"{where} is void; expected _id, campaign, number and attempt alone")
    _check_internal("attempt", taken["attempt"], where)
    return taken


def _retrain(document: JsonDict, where: str) -> JsonDict:
    return _record(Retrain if document.get("kind") == "begun" else RetrainEnd, document, where)


def _schema(document: JsonDict, where: str) -> JsonDict:
    version = document.get("version")
    if document["_id"] != SCHEMA_ID or not is_integer(version) or not 1 <= version <= DATABASE_VERSION:
        raise StoreError(f"{where} is {shown(document)}, expected schema version {DATABASE_VERSION} or less")
    if version < DATABASE_VERSION:
        # All other documents are brought into the present form as they are read.
        return {"_id": SCHEMA_ID, "version": DATABASE_VERSION, "tansaku": tansaku.__version__}
    writer = document.get("tansaku")
    known = isinstance(writer, str) and _VERSION.fullmatch(writer) is not None
    return {"_id": SCHEMA_ID, "version": version} | ({"tansaku": writer} if known else {})


def _file(document: JsonDict, where: str) -> JsonDict:
    metadata = document.get("metadata")
    sha256 = metadata.get("sha256") if isinstance(metadata, dict) else None
    if not isinstance(sha256, str) or _SHA256.fullmatch(sha256) is None:
        raise StoreError(f"{where}: metadata.sha256 is {shown(sha256)}, expected 64 hex digits")
    sizes = [document.get("length"), document.get("chunkSize")]
    whole = all(is_integer(size) and 0 <= size <= _MOST for size in sizes)
    if not (whole and isinstance(document["_id"], ObjectId) and isinstance(document.get("uploadDate"), datetime)):
        raise StoreError(f"{where} is no file of artifacts: expected _id, length, chunkSize and uploadDate")
    return document


def _chunk(document: JsonDict, where: str) -> JsonDict:
    number, owner = document.get("n"), document.get("files_id")
    whole = isinstance(document.get("data"), bytes) and isinstance(owner, ObjectId)
    if not (whole and is_integer(number) and 0 <= number <= _MOST):
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
    PROCESSES: _process,
}

COLLECTIONS = frozenset(_CHECKS)
"""Collections of tansaku."""
