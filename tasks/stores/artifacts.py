"""Content-addressed storage of large values: in a folder, or in GridFS."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import BinaryIO, cast

from bson import ObjectId
from gridfs import GridFSBucket
from gridfs.errors import FileExists, NoFile

from tansaku.models.domain.errors import NotFoundError, StoreError, TransientError
from tansaku.models.domain.identifiers import file_sha256
from tansaku.tasks.stores.mongo_errors import translated
from tansaku.tasks.stores.mongo_schema import ARTIFACT_INDEX, MongoDatabase, durable

_SHA256 = re.compile(r"[0-9a-f]{64}")
_CHUNK = 1 << 20
_IN_MEMORY = 16 << 20


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
        with _files(f"storing {path}"):
            with path.open("rb") as source, upload.open("xb") as target:
                while chunk := source.read(_CHUNK):
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
            return _write_checked(source, sha256, destination)

    def open(self, sha256: str) -> BinaryIO:
        """Opens a value for reading. Raises NotFoundError."""
        try:
            return self._value(sha256).open("rb")
        except FileNotFoundError:
            raise _unknown(sha256) from None

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
        _check(sha256)
        return self._values / sha256[:2] / sha256


class GridFSArtifactStore:
    """An ``ArtifactStore`` in GridFS (``artifacts.files`` and ``artifacts.chunks``).

    A value is there once its file document is: it is written after the last chunk, under a unique hash. Chunks of a killed
    upload belong to no file document and are swept.

    Args:
        database: From ``connection.connect``.

    Raises:
        TransientError: The server does not answer.
    """

    def __init__(self, database: MongoDatabase) -> None:
        self._database = durable(database)
        self._files = self._database["artifacts.files"]
        self._chunks = self._database["artifacts.chunks"]
        self._bucket = GridFSBucket(self._database, bucket_name="artifacts")
        with translated("opening the artifacts"):
            self._files.create_indexes([ARTIFACT_INDEX])

    def put(self, path: Path, *, content_type: str = "application/octet-stream") -> str:
        """Stores a file's bytes once; returns their SHA-256."""
        with _files(f"storing {path}"):
            sha256 = file_sha256(path)
        upload = ObjectId()
        with _files(f"storing {path}"), translated(f"storing artifact {sha256}"), path.open("rb") as source:
            # A value that is stored again must not be swept as old.
            touched = {"$set": {"uploadDate": datetime.now(UTC)}}
            if self._files.find_one_and_update({"metadata.sha256": sha256}, touched, projection={"_id": 1}) is not None:
                return sha256
            metadata = {"sha256": sha256, "content_type": content_type}
            stream = self._bucket.open_upload_stream_with_id(upload, sha256, metadata=metadata)
            digest = hashlib.sha256()
            while chunk := source.read(_CHUNK):
                digest.update(chunk)
                stream.write(chunk)
            if digest.hexdigest() != sha256:
                stream.abort()
                raise StoreError(f"{path} changed while it was being stored")
            try:
                stream.close()
            except FileExists:
                self._chunks.delete_many({"files_id": upload})
        return sha256

    def get(self, sha256: str, destination: Path) -> Path:
        """Writes a value to a file, checking its hash. Raises NotFoundError."""
        with self.open(sha256) as source:
            return _write_checked(source, sha256, destination)

    def open(self, sha256: str) -> BinaryIO:
        """Opens a value for reading. Raises NotFoundError."""
        identifier = self._identifier(sha256)
        if identifier is None:
            raise _unknown(sha256)
        # Read everything now, so that an outage is raised here and not while the caller reads the stream.
        value = SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115 - the caller closes it
        with translated(f"reading artifact {sha256}"):
            try:
                self._bucket.download_to_stream(identifier, value)
            except NoFile:
                raise _unknown(sha256) from None
        value.seek(0)
        return cast(BinaryIO, value)

    def exists(self, sha256: str) -> bool:
        """Returns whether the value is completely stored."""
        return self._identifier(sha256) is not None

    def sweep(self, referenced: Iterator[str], *, older_than: float) -> int:
        """Deletes unreferenced values and half-written uploads older than ``older_than`` seconds; returns how many."""
        limit = datetime.now(UTC) - timedelta(seconds=older_than)
        kept, swept = set(referenced), 0
        with translated("sweeping artifacts"):
            for file in self._files.find({"uploadDate": {"$lt": limit}}, {"metadata.sha256": 1}):
                if file["metadata"]["sha256"] in kept:
                    continue
                # The file document goes first, unless a put has touched it since; chunks without one are orphans.
                if self._files.delete_one({"_id": file["_id"], "uploadDate": {"$lt": limit}}).deleted_count:
                    self._chunks.delete_many({"files_id": file["_id"]})
                    swept += 1
            for upload in self._orphans():
                if upload.generation_time < limit:
                    self._chunks.delete_many({"files_id": upload})
                    swept += 1
        return swept

    def _orphans(self) -> list[ObjectId]:
        stages: list[dict[str, object]] = [
            {"$group": {"_id": "$files_id"}},
            {"$lookup": {"from": "artifacts.files", "localField": "_id", "foreignField": "_id", "as": "file"}},
            {"$match": {"file": []}},
        ]
        return [found["_id"] for found in self._chunks.aggregate(stages)]

    def _identifier(self, sha256: str) -> ObjectId | None:
        _check(sha256)
        with translated(f"looking for artifact {sha256}"):
            found = self._files.find_one({"metadata.sha256": sha256}, {"_id": 1})
        return None if found is None else found["_id"]


@contextmanager
def _files(action: str) -> Iterator[None]:
    try:
        yield
    except TransientError:
        raise
    except OSError as error:
        raise StoreError(f"{action}: {error.strerror}", hint="is the disk full, or the folder read-only?") from error


def _check(sha256: str) -> None:
    if _SHA256.fullmatch(sha256) is None:
        raise NotFoundError(f"{sha256!r} is not an artifact: expected 64 hex digits")


def _unknown(sha256: str) -> NotFoundError:
    return NotFoundError(f"artifact {sha256} is not stored")


def _write_checked(source: BinaryIO, sha256: str, destination: Path) -> Path:
    draft = destination.with_name(f".{destination.name}.{secrets.token_hex(8)}")
    digest = hashlib.sha256()
    with _files(f"writing {destination}"):
        try:
            with draft.open("xb") as target:
                while chunk := source.read(_CHUNK):
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
