"""Records as documents: plain data with aware UTC times of millisecond resolution, the same for every store."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar

from pydantic import ValidationError

from tansaku.models.domain.errors import StoreError
from tansaku.models.domain.records import JsonDict, Record

INTERNAL_FIELDS = frozenset({"attempt", "order", "outbox", "revision", "token", "void"})
"""Fields of stored documents that are no part of the record."""

_INT64 = 2**63

RecordT = TypeVar("RecordT", bound=Record)


def utc_now() -> datetime:
    """The present, aware, in whole milliseconds (what BSON keeps of a time)."""
    return in_milliseconds(datetime.now(UTC))


def in_milliseconds(moment: datetime) -> datetime:
    """Drops what a database would drop, and converts to UTC."""
    return moment.astimezone(UTC).replace(microsecond=moment.microsecond // 1000 * 1000)


def plain(value: object, where: str = "") -> Any:  # noqa: ANN401 - plain data has no narrower type
    """Copies plain data; tuples become lists, enums their strings, times whole milliseconds.

    Args:
        value: Dicts with string keys, lists, strings, 64-bit integers, floats, booleans, times and None.
        where: Path of ``value``, for the error.

    Raises:
        StoreError: Something else is in it, which would not come back as it went in.
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
            raise StoreError(f"{where}: {value.isoformat()} has no time zone; aware times only")
        return in_milliseconds(value)
    if isinstance(value, Mapping):
        return {_key(key, where): plain(item, f"{where}.{key}" if where else str(key)) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item, f"{where}.{position}") for position, item in enumerate(value)]
    raise StoreError(f"{where}: a {type(value).__name__} is no plain data and cannot be stored")


def _key(key: object, where: str) -> str:
    if not isinstance(key, str) or "\0" in key:
        raise StoreError(f"{where}: key {key!r} cannot be stored; keys are strings without NUL")
    return str.__str__(key)


def to_document(record: Record) -> JsonDict:
    """Plain data of a record, its id under its own name."""
    document: JsonDict = plain(record.model_dump(mode="python"))
    return document


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
        return kind.model_validate(data)
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
        raise StoreError(f"stored {kind.__name__} {document.get('_id')!r} is damaged: {problems}") from error


def normalised(record: RecordT) -> RecordT:
    """The record as it will come back from a database."""
    return from_document(type(record), to_document(record))
