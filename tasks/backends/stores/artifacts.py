"""Content-addressed values in GridFS."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import BinaryIO, cast

from bson import ObjectId
from gridfs import GridFSBucket
from gridfs.errors import FileExists, NoFile

from tansaku.models.domain.errors import StoreError
from tansaku.models.domain.identifiers import file_sha256
from tansaku.tasks.backends.stores.file_artifacts import CHUNK, check_sha256, file_errors, unknown_artifact, write_checked
from tansaku.tasks.backends.stores.mongo_errors import translated
from tansaku.tasks.backends.stores.mongo_schema import ARTIFACT_INDEX, MongoDatabase, build_indexes, durable

_IN_MEMORY = 16 << 20


class GridFSArtifactStore:
    """An ``ArtifactStore`` in GridFS (``artifacts.files`` and ``artifacts.chunks``).

    A value is there once its file document is: it is written after the last chunk, under a unique hash. Chunks of a killed
    upload belong to no file document and are swept.

    Raises:
        TransientError: The server does not answer.
    """

    def __init__(self, database: MongoDatabase) -> None:
        self._database = durable(database)
        self._files = self._database["artifacts.files"]
        self._chunks = self._database["artifacts.chunks"]
        self._bucket = GridFSBucket(self._database, bucket_name="artifacts")
        with translated("opening the artifacts"):
            build_indexes(self._files, [ARTIFACT_INDEX])

    def put(self, path: Path, *, content_type: str = "application/octet-stream") -> str:
        """Stores a file's bytes once; returns their SHA-256."""
        with file_errors(f"storing {path}"):
            sha256 = file_sha256(path)
        upload = ObjectId()
        with file_errors(f"storing {path}"), translated(f"storing artifact {sha256}"), path.open("rb") as source:
            # A value that is stored again must not be swept as old.
            touched = {"$set": {"uploadDate": datetime.now(UTC)}}
            if self._files.find_one_and_update({"metadata.sha256": sha256}, touched, projection={"_id": 1}) is not None:
                return sha256
            metadata = {"sha256": sha256, "content_type": content_type}
            stream = self._bucket.open_upload_stream_with_id(upload, sha256, metadata=metadata)
            digest = hashlib.sha256()
            while chunk := source.read(CHUNK):
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
            return write_checked(source, sha256, destination)

    def open(self, sha256: str) -> BinaryIO:
        """Opens a value for reading. Raises NotFoundError."""
        identifier = self._identifier(sha256)
        if identifier is None:
            raise unknown_artifact(sha256)
        # Read everything now, so that an outage is raised here and not while the caller reads the stream.
        value = SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115 - the caller closes it
        with translated(f"reading artifact {sha256}"):
            try:
                self._bucket.download_to_stream(identifier, value)
            except NoFile:
                raise unknown_artifact(sha256) from None
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
        check_sha256(sha256)
        with translated(f"looking for artifact {sha256}"):
            found = self._files.find_one({"metadata.sha256": sha256}, {"_id": 1})
        return None if found is None else found["_id"]
