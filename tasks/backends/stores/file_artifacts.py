"""Content-addressed values in a folder, and what every store of such values checks."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from tansaku.models.domain.errors import NotFoundError, StoreError, TransientError

_SHA256 = re.compile(r"[0-9a-f]{64}")
CHUNK = 1 << 20
"""Bytes that are read or written at a time."""


class FileArtifactStore:
    """An ``ArtifactStore`` in a folder: a value's name is its hash; a half-written one has another name and folder.

    Args:
        folder: Created when missing.
    """

    def __init__(self, folder: Path) -> None:
        self._values = folder / "values"
        self._uploads = folder / "uploads"
        self._values.mkdir(parents=True, exist_ok=True)
        self._uploads.mkdir(parents=True, exist_ok=True)

    def put(self, path: Path, *, content_type: str = "application/octet-stream") -> str:  # noqa: ARG002 - files have none
        """Stores a file's bytes once; returns their SHA-256."""
        upload = self._uploads / secrets.token_hex(16)
        digest = hashlib.sha256()
        with file_errors(f"storing {path}"):
            with path.open("rb") as source, upload.open("xb") as target:
                while chunk := source.read(CHUNK):
                    digest.update(chunk)
                    target.write(chunk)
                target.flush()
                os.fsync(target.fileno())
            value = self._value(digest.hexdigest())
            value.parent.mkdir(exist_ok=True)
            upload.replace(value)
            _sync_folder(value.parent)
        return value.name

    def get(self, sha256: str, destination: Path) -> Path:
        """Writes a value to a file, checking its hash. Raises NotFoundError."""
        with self.open(sha256) as source:
            return write_checked(source, sha256, destination)

    def open(self, sha256: str) -> BinaryIO:
        """Opens a value for reading. Raises NotFoundError."""
        try:
            return self._value(sha256).open("rb")
        except FileNotFoundError:
            raise unknown_artifact(sha256) from None

    def exists(self, sha256: str) -> bool:
        """Returns whether the value is completely stored."""
        return self._value(sha256).is_file()

    def sweep(self, referenced: Iterator[str], *, older_than: float) -> int:
        """Deletes unreferenced values and half-written uploads older than ``older_than`` seconds; returns how many."""
        kept, limit, swept = set(referenced), time.time() - older_than, 0
        for file in [*self._uploads.iterdir(), *self._values.glob("*/*")]:
            if file.name not in kept and file.stat().st_mtime < limit:
                file.unlink(missing_ok=True)
                swept += 1
        return swept

    def _value(self, sha256: str) -> Path:
        check_sha256(sha256)
        return self._values / sha256[:2] / sha256


@contextmanager
def file_errors(action: str) -> Iterator[None]:
    """Raises StoreError for an error of the file system within; ``action`` names it."""
    try:
        yield
    except TransientError:
        raise
    except OSError as error:
        raise StoreError(f"{action}: {error.strerror}", hint="is the disk full, or the folder read-only?") from error


def check_sha256(sha256: str) -> None:
    """Raises NotFoundError if this cannot be the hash of a value."""
    if _SHA256.fullmatch(sha256) is None:
        raise NotFoundError(f"{sha256!r} is not an artifact: expected 64 hex digits")


def unknown_artifact(sha256: str) -> NotFoundError:
    """The error for a value that is not stored."""
    return NotFoundError(f"artifact {sha256} is not stored")


def write_checked(source: BinaryIO, sha256: str, destination: Path) -> Path:
    """Writes a value to a file whole or not at all. Raises StoreError if its bytes have another hash."""
    draft = destination.with_name(f".{destination.name}.{secrets.token_hex(8)}")
    digest = hashlib.sha256()
    with file_errors(f"writing {destination}"):
        try:
            with draft.open("xb") as target:
                while chunk := source.read(CHUNK):
                    digest.update(chunk)
                    target.write(chunk)
            if digest.hexdigest() != sha256:
                raise StoreError(f"artifact {sha256} is damaged: its bytes hash to {digest.hexdigest()}")
            draft.replace(destination)
        finally:
            draft.unlink(missing_ok=True)
    return destination


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
