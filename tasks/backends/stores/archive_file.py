"""Reads a dump: gzipped BSON documents between a header and a footer, each checked before it is yielded."""

from __future__ import annotations

import gzip
import stat
import zlib
from collections import Counter
from collections.abc import Iterator
from datetime import UTC
from pathlib import Path
from typing import Any

import bson
from bson.codec_options import CodecOptions
from bson.errors import BSONError

from tansaku.models.domain.errors import NotFoundError, StoreError
from tansaku.models.domain.identifiers import printable, shown
from tansaku.models.domain.records import JsonDict
from tansaku.tasks.backends.stores.archive_documents import checked
from tansaku.tasks.backends.stores.mongo_schema import DATABASE_VERSION

FORMAT = "tansaku-database"
FORMAT_VERSION = 1
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
            document = checked(name, entry["document"], f"{where} ({shown(name)})")
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
    if header.get("format") != FORMAT or header.get("format_version") != FORMAT_VERSION:
        found = f"format {shown(header.get('format'))} {shown(header.get('format_version'))}"
        raise StoreError(f"{path} is not a dump of tansaku ({found}); expected {FORMAT!r} {FORMAT_VERSION}")
    version = header.get("schema_version")
    if isinstance(version, bool) or not isinstance(version, int) or version < 1:
        raise StoreError(f"{path} has schema version {shown(version)}, expected a number from 1 to {DATABASE_VERSION}")
    if version > DATABASE_VERSION:
        raise StoreError(
            f"{path} has schema version {version}, this tansaku reads up to {DATABASE_VERSION}",
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


def check_regular(path: Path) -> int:
    """Returns the size of a file [bytes].

    Raises:
        FileNotFoundError: There is no such file.
        OSError: Its folder cannot be read.
        StoreError: It is no regular file.
    """
    found = path.stat()
    if not stat.S_ISREG(found.st_mode):
        raise StoreError(f"{path} is not a regular file (it is a folder, a pipe or a device)")
    return found.st_size
