"""Replaces several collections atomically: they are filled under other names, then renamed.

One document says who restores and, once everything is staged, which collections are to be renamed. Until that mark is set the
database has only its old content. Afterwards, the next process that opens the database completes the renaming, so that no
process ever sees a mixture.

Each restore has names of its own for its collections and sets the mark only in the document that it still owns: a process that
was taken for dead can neither fill the collections of its successor nor replace the data.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import Any

from pydantic import ValidationError
from pymongo import IndexModel, ReturnDocument
from pymongo.collection import Collection
from pymongo.database import Database
from pymongo.errors import DuplicateKeyError, OperationFailure, PyMongoError

from tansaku.models.domain.errors import LeaseHeldError, StoreError
from tansaku.models.domain.records import JsonDict, LeaseOwner
from tansaku.tasks.ground.site.processes import has_ended, this_driver

STAGED = "restoring."
"""Prefix of the names of collections until they are complete."""

MARK = "restoring"
LEASE_S = 120.0
_RESTORE = "restore"
_NO_SUCH_COLLECTION = 26
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
_UNMARKED: JsonDict = {"staged": {"$exists": False}}
_EXPIRED: JsonDict = {"$expr": {"$lte": ["$expires_at", "$$NOW"]}}


def is_staging(name: str) -> bool:
    """Returns whether a collection is part of a restore and not of the data."""
    return name == MARK or name.startswith(STAGED)


class Staging:
    """The collections of one restore; made by :func:`staging`.

    Args:
        database: What is restored.
        token: Which restore this is, in the owner's document and in the names of its collections.
    """

    def __init__(self, database: Database[dict[str, Any]], token: str) -> None:
        self._database = database
        self._mine: JsonDict = {"_id": _RESTORE, "token": token}
        self._prefix = f"{STAGED}{token}."
        self._indexes: dict[str, Mapping[str, Any]] = {}
        self._renewed = time.monotonic()

    def begin(self, indexes: Mapping[str, Iterable[IndexModel]]) -> None:
        """Removes the remains of interrupted restores and creates empty collections with their indexes.

        Args:
            indexes: By collection; documents that break a unique one are refused before the swap.
        """
        _drop(self._database, STAGED)
        for name, several in indexes.items():
            self._database.create_collection(f"{self._prefix}{name}")
            if models := list(several):
                self.collection(name).create_indexes(models)
            self._indexes[name] = self.collection(name).index_information()

    def collection(self, name: str) -> Collection[dict[str, Any]]:
        """The staged collection that will replace the one of this name."""
        return self._database[f"{self._prefix}{name}"]

    def renew(self) -> None:
        """Extends the lease if some time has passed.

        Raises:
            LeaseHeldError: Another process has taken the database over.
        """
        if time.monotonic() - self._renewed < LEASE_S / 10:
            return
        self._renewed = time.monotonic()
        extended = self._database[MARK].update_one(self._mine | _UNMARKED, [{"$set": {"expires_at": _from_now()}}])
        if not extended.matched_count:
            raise self._lost()

    def swap(self, counts: Mapping[str, int]) -> None:
        """Replaces the old collections by the staged ones.

        Args:
            counts: Number of documents that were written, by collection.

        Raises:
            StoreError: A staged collection is not what was written; nothing was replaced.
            LeaseHeldError: Another process has taken the database over; nothing was replaced.
        """
        for name, indexes in self._indexes.items():
            self.renew()
            found = self.collection(name).count_documents({})
            if found != counts.get(name, 0) or self.collection(name).index_information() != indexes:
                raise StoreError(
                    f"database {self._database.name!r} was not restored: collection {name} was changed while it was filled "
                    f"({counts.get(name, 0)} documents were written, {found} were found, or its indexes differ)",
                    hint="nothing was replaced; run the restore again",
                )
        mark = {"$set": {"staged": list(self._indexes), "prefix": self._prefix}}
        if not self._database[MARK].update_one(self._mine | _UNMARKED, mark).matched_count:
            raise self._lost()
        finish(self._database)

    def abandon(self) -> None:
        """Removes the staged collections and gives the database free, unless the mark has been set."""
        if self._database[MARK].find_one(self._mine | {"staged": {"$exists": True}}) is None:
            self._database[MARK].delete_one(self._mine | _UNMARKED)
            _drop(self._database, self._prefix)

    def _lost(self) -> LeaseHeldError:
        held = self._database[MARK].find_one({"_id": _RESTORE})
        return _held(self._database.name, held, "this restore took too long and lost the database; nothing was replaced: ")


@contextmanager
def staging(database: Database[dict[str, Any]]) -> Iterator[Staging]:
    """Makes this process the only one that restores the database; what it has staged and not swapped is removed at the end.

    Raises:
        LeaseHeldError: Another process restores it.
    """
    finish(database)
    staged = Staging(database, _take(database))
    try:
        yield staged
    finally:
        with suppress(PyMongoError):  # remains do no harm; the next restore removes them
            staged.abandon()


def finish(database: Database[dict[str, Any]]) -> None:
    """Completes an interrupted swap, if there is one; several processes may do so at once."""
    for mark in database[MARK].find({"staged": {"$exists": True}}):
        for name in mark["staged"]:
            try:
                database[f"{mark.get('prefix', STAGED)}{name}"].rename(name, dropTarget=True)
            except OperationFailure as error:
                if error.code != _NO_SUCH_COLLECTION:
                    raise
        # Only an older tansaku's mark names collections to drop.
        for name in mark.get("dropped", ()):
            database.drop_collection(name)
        # The collection stays: dropping it could take away the document of a restore that has begun since.
        database[MARK].delete_one({"_id": mark["_id"], "token": mark.get("token")})


def _take(database: Database[dict[str, Any]]) -> str:
    """Makes this process the owner of the restore and returns its token."""
    token = secrets.token_hex(8)
    marks = database[MARK]
    with suppress(DuplicateKeyError):
        marks.update_one({"_id": _RESTORE}, {"$setOnInsert": {"token": None, "expires_at": _LONG_AGO}}, upsert=True)
    held = marks.find_one({"_id": _RESTORE})
    free: list[JsonDict] = [_EXPIRED]
    if held is not None and _has_ended(held.get("owner")):
        free.append({"token": held["token"]})
    owned = {
        "token": token,
        "owner": {"$literal": this_driver().model_dump(mode="json")},
        "since": "$$NOW",
        "expires_at": _from_now(),
    }
    taken = marks.find_one_and_update(
        {"_id": _RESTORE, "$or": free} | _UNMARKED, [{"$set": owned}], return_document=ReturnDocument.AFTER
    )
    if taken is None:
        raise _held(database.name, marks.find_one({"_id": _RESTORE}), "")
    return token


def _has_ended(owner: object) -> bool:
    """Returns whether the process that restored has certainly ended; that of another host may live."""
    try:
        known = LeaseOwner.model_validate(owner)
    except ValidationError:
        return False
    return has_ended(known)


def _held(database: str, held: JsonDict | None, prefix: str) -> LeaseHeldError:
    who = "another process"
    if held is not None and isinstance(held.get("owner"), dict) and isinstance(held.get("since"), datetime):
        owner, since = held["owner"], held["since"].isoformat(timespec="seconds")
        who = f"{owner.get('user')}@{owner.get('host')} (process {owner.get('pid')}) since {since}"
    return LeaseHeldError(
        f"{prefix}database {database!r} is being restored by {who}",
        hint=f"wait until it ends; a restore that was killed on another machine can be repeated after {LEASE_S:.0f} s",
    )


def _from_now() -> JsonDict:
    return {"$add": ["$$NOW", LEASE_S * 1000.0]}


def _drop(database: Database[dict[str, Any]], prefix: str) -> None:
    for name in database.list_collection_names():
        if name.startswith(prefix):
            database.drop_collection(name)
