"""The list of the library's files in MongoDB, collection ``library``; dumps contain it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

from pymongo import ASCENDING, DESCENDING, IndexModel
from pymongo.errors import DuplicateKeyError

from tansaku.models.domain.errors import StoreError
from tansaku.models.domain.library import MOST_UPLOADS, LibraryFile
from tansaku.models.domain.records import JsonDict
from tansaku.tasks.backends.stores.documents import from_document, to_document
from tansaku.tasks.backends.stores.mongo_errors import translated
from tansaku.tasks.backends.stores.mongo_schema import MongoCollection, MongoDatabase, build_indexes, durable

LIBRARY = "library"
LIBRARY_INDEX = IndexModel([("name", ASCENDING), ("created_at", DESCENDING)], name="name")
_NEWEST = [("created_at", DESCENDING), ("_id", DESCENDING)]


class MongoLibrary:
    """A ``FileLibrary`` in MongoDB."""

    def __init__(self, database: MongoDatabase) -> None:
        self._database = durable(database)

    @cached_property
    def _files(self) -> MongoCollection:
        """The collection, with its index: built when it is first used, so that other commands need not wait."""
        with translated("opening the library"):
            build_indexes(self._database[LIBRARY], [LIBRARY_INDEX])
        return self._database[LIBRARY]

    def add_file(self, file: LibraryFile) -> LibraryFile:
        """Adds a file; returns the known one of the same content, with this upload."""
        document = to_document(file, key="sha256")
        with translated(f"storing file {file.name!r}"):
            try:
                self._files.insert_one(document)
            except DuplicateKeyError:
                self._note_upload(file)
        stored = self.file(file.sha256)
        if stored is None:
            raise StoreError(f"file {file.name!r} was removed while it was being stored")
        return stored

    def _note_upload(self, file: LibraryFile) -> None:
        """Replaces the uploads of the user and name by this one; killed in between, it lacks the earlier ones."""
        same = {"user": file.user, "name": file.name}
        upload = to_document(file.every_upload[0])
        self._files.update_one({"_id": file.sha256}, {"$pull": {"uploads": same}})
        self._files.update_one({"_id": file.sha256}, {"$push": {"uploads": {"$each": [upload], "$slice": -MOST_UPLOADS}}})

    def file(self, sha256: str) -> LibraryFile | None:
        """The file of this content, or None."""
        with translated("reading a file's record"):
            found = self._files.find_one({"_id": sha256})
        return None if found is None else from_document(LibraryFile, found, key="sha256")

    def files(self, name: str | None = None) -> list[LibraryFile]:
        """All, or those that were uploaded under a name, the newest first."""
        chosen: JsonDict = {} if name is None else {"$or": [{"name": name}, {"uploads.name": name}]}
        with translated("reading the library"):
            return [from_document(LibraryFile, found, key="sha256") for found in self._files.find(chosen).sort(_NEWEST)]

    def remove_file(self, sha256: str) -> bool:
        """Removes a file from the list; returns whether it was there."""
        with translated("removing a file"):
            return self._files.delete_one({"_id": sha256}).deleted_count == 1

    def named_artifacts(self) -> Iterator[str]:
        """The SHA-256 of every file, be its record readable or not."""
        with translated("reading the library"):
            for found in self._database[LIBRARY].find({}, {"_id": 1}):
                yield str(found["_id"])
