"""Records as documents: plain data with aware UTC times of millisecond resolution, the same for every store."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, TypeVar

import bson
from bson import Int64
from bson.errors import BSONError
from pydantic import ValidationError
from pydantic_core import ErrorDetails

import tansaku
from tansaku.models.domain.errors import StoreError
from tansaku.models.domain.identifiers import printable, shown
from tansaku.models.domain.moments import in_milliseconds
from tansaku.models.domain.plugins import reasons_for
from tansaku.models.domain.records import SCHEMA_VERSION, JsonDict, Record

INTERNAL_FIELDS = frozenset({"attempt", "order", "outbox", "revision", "token", "void"})
"""Fields of stored documents that are no part of the record."""

_INT64 = 2**63
_SHA256 = re.compile(r"[0-9a-f]{64}")
_DEEPEST = 80
_LARGEST = 15 * 2**20  # MongoDB's limit is 16 MiB; the store adds fields to a document
_VALUES = frozenset({str, int, Int64, float, bool, type(None), datetime})
"""Types of the values that tansaku writes, as a database gives them back: exactly these, as ``bson.Code`` is a ``str``."""

RecordT = TypeVar("RecordT", bound=Record)
Readable = tuple[list[RecordT], list[str]]
"""Records, and what is wrong with those that cannot be read."""


def plain(value: object, where: str = "") -> Any:  # noqa: ANN401 - plain data has no narrower type
    """Copies plain data; tuples become lists, enums their strings, times whole milliseconds.

    Args:
        value: Dicts with string keys, lists, strings, 64-bit integers, floats, booleans, times and None.
        where: Path of ``value``, for the error.

    Raises:
        StoreError: It contains another type, which would not be restored unchanged.
    """
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, float):
        return float(value)
    if isinstance(value, int):
        if not -_INT64 <= value < _INT64:
            raise StoreError(f"{where}: {value} does not fit into 64 bits and cannot be stored")
        return int(value)
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise StoreError(f"{where}: {value.isoformat()} has no time zone; expected a time with one")
        try:
            return in_milliseconds(value)
        except OverflowError as error:
            raise StoreError(f"{where}: {value.isoformat()} cannot be expressed in UTC") from error
    if isinstance(value, Mapping):
        return {_key(key, where): plain(item, f"{where}.{key}" if where else str(key)) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item, f"{where}.{position}") for position, item in enumerate(value)]
    raise StoreError(f"{where}: a {type(value).__name__} is not plain data and cannot be stored")


def _key(key: object, where: str) -> str:
    if not isinstance(key, str) or "\0" in key:
        raise StoreError(f"{where}: key {key!r} cannot be stored; keys are strings without NUL")
    return str.__str__(key)


def to_document(record: Record, without: Collection[str] = (), *, key: str | None = None) -> JsonDict:
    """Plain data of a record.

    Args:
        without: Fields that are left out.
        key: Field of the record that is stored as ``_id``; None: its id stays under its own name.
    """
    document: JsonDict = plain(record.model_dump(mode="python", exclude=set(without)))
    return document if key is None else {"_id": document.pop(key), **document}


def from_document(kind: type[RecordT], document: Mapping[str, Any], *, key: str | None = None) -> RecordT:
    """Record of a stored document.

    Args:
        kind: Class of the record.
        document: As read, with the fields the store adds.
        key: Field of the record that is stored as ``_id``.

    Raises:
        StoreError: The document does not fit: damaged, or written by another program.
    """
    data = {name: value for name, value in document.items() if name != "_id" and name not in INTERNAL_FIELDS}
    if key is not None:
        data[key] = document["_id"]
    try:
        _check_values({name: value for name, value in document.items() if name != "_id" or key is not None})
        return kind.model_validate(data)
    except ValidationError as error:
        raise _damage(kind, document, problems_of(error)) from error
    except TypeError as error:
        raise _damage(kind, document, str(error)) from error


def _check_values(document: JsonDict) -> None:
    """Raises TypeError that names the first value of a type that tansaku does not write.

    Pydantic would read some of them as what they are not: the text of a program, the digits of a decimal number.
    """
    waiting: list[tuple[tuple[object, ...], Any]] = [((), document)]
    for where, container in waiting:  # which grows meanwhile
        named = type(container) is dict
        if _VALUES.issuperset(map(type, container.values() if named else container)):
            continue  # nearly all of them, and every evaluation that is read passes here
        for name, value in container.items() if named else enumerate(container):
            kind = type(value)
            if kind is dict or kind is list or kind is tuple:
                waiting.append(((*where, name), value))
            elif kind not in _VALUES:
                path = printable(".".join(map(str, (*where, name))))
                raise TypeError(f"{path} is of type {kind.__name__}, expected plain data")


def _damage(kind: type[Record], document: Mapping[str, Any], problems: str) -> StoreError:
    stored, hint = document.get("schema_version"), None
    if isinstance(stored, int) and stored > SCHEMA_VERSION:
        problems = f"schema_version: {stored}, and this tansaku {tansaku.__version__} reads {SCHEMA_VERSION}"
        hint = "has another version of tansaku upgraded the database?"
    return StoreError(f"stored {kind.__name__} {shown(document.get('_id'))} is damaged: {problems}", hint=hint)


def check_storable(record: Record, where: str) -> None:
    """Rejects, before anything is written, what the database would reject.

    Args:
        record: Read from a file.
        where: What it is, for the message.

    Raises:
        StoreError: It is nested too deeply, too large, or holds a key, number, text or time that a database does not take.
    """
    document = plain(record.model_dump(mode="python"), where)
    check_nesting(document, where)
    try:
        size = len(bson.encode(document))
    except (BSONError, ValueError, OverflowError) as error:
        raise StoreError(f"{where} cannot be stored: {printable(str(error))}") from error
    if size > _LARGEST:
        raise StoreError(f"{where} has {size} bytes, expected at most {_LARGEST}")


def check_nesting(value: object, where: str, depth: int = 0) -> None:
    """Raises StoreError when plain data are nested too deeply for a database, or have a key with a special meaning."""
    if depth > _DEEPEST:
        raise StoreError(f"{where} is nested more than {_DEEPEST} levels deep")
    if isinstance(value, dict):
        for key, item in value.items():
            if key.startswith("$"):
                raise StoreError(f"{where}: key {shown(key)} cannot be stored; expected no '$' first")
            check_nesting(item, where, depth + 1)
    elif isinstance(value, list):
        for item in value:
            check_nesting(item, where, depth + 1)


def problems_of(error: ValidationError, most: int = 3) -> str:
    """Formats pydantic's errors as one printable line.

    Args:
        most: Largest number of errors shown.
    """
    found = error.errors(include_url=False, include_input=False)
    text = "; ".join(f"{'.'.join(map(str, item['loc']))}: {_message_of(item)}" for item in found[:most])
    return printable(text[:2000]) + (f"; and {len(found) - most} more" if len(found) > most else "")


def _message_of(item: ErrorDetails) -> str:
    if item["type"] != "union_tag_invalid":
        return item["msg"]
    tag = str(item["ctx"]["tag"])
    return f"type {tag!r} is not known here{reasons_for(tag) or '; the plug-in that brings it is not installed'}"


def sha256s_in(value: object) -> Iterator[str]:
    """Returns every SHA-256 that is a value anywhere in plain data, even if the data are otherwise invalid."""
    if isinstance(value, str):
        if _SHA256.fullmatch(value):
            yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from sha256s_in(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from sha256s_in(item)


def readable_of(kind: type[RecordT], documents: Iterable[Mapping[str, Any]], *, key: str | None = None) -> Readable[RecordT]:
    """Returns the records of stored documents, and the problems of invalid documents."""
    records, problems = [], []
    for document in documents:
        try:
            records.append(from_document(kind, document, key=key))
        except StoreError as error:
            problems.append(error.message)
    return records, problems


def normalised(record: RecordT) -> RecordT:
    """Returns the record as a database would return it."""
    return from_document(type(record), to_document(record))
