"""Compare-and-set on stored records, and the outbox of a campaign."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from pymongo.errors import DuplicateKeyError

from tansaku.models.domain.errors import NotFoundError, StoreError, TansakuError, TransientError
from tansaku.models.domain.records import CampaignRecord, Evaluation, JsonDict, Record
from tansaku.tasks.backends.stores.documents import from_document, to_document
from tansaku.tasks.backends.stores.mongo_errors import translated
from tansaku.tasks.backends.stores.mongo_schema import Collections, MongoCollection

_PATIENCE = 100

RecordT = TypeVar("RecordT", bound=Record)
Known = tuple[RecordT, int]
"""A record and its revision in the database."""


def evaluation_document(evaluation: Evaluation) -> JsonDict:
    """Returns the document of a new evaluation."""
    return to_document(evaluation, key="id") | {"revision": 0, "token": _token(evaluation)}


class Swap:
    """Replaces records by the result of a pure function, if they were not changed in between.

    The last written record is cached with its revision, so that a driver need not read before each of its writes. A
    stale cache entry matches no filter; it never answers, rejects or decides that there is nothing to write.
    """

    def __init__(self, collections: Collections) -> None:
        self._collections = collections
        self._evaluations: dict[str, Known[Evaluation]] = {}
        self._campaigns: dict[str, Known[CampaignRecord]] = {}

    def evaluation(
        self, identifier: str, epoch: int, change: Callable[[Evaluation], Evaluation]
    ) -> tuple[Evaluation, Evaluation]:
        """Replaces an evaluation.

        Args:
            epoch: The writer's; an evaluation of a younger one matches no filter.
            change: Pure; returns the same object when there is nothing to write.

        Returns:
            The evaluation before and after.

        Raises:
            NotFoundError: No such evaluation.
            FencedError: From ``change``, when a younger driver owns it.
        """
        known = self._evaluations.pop(identifier, None)
        for _ in range(_PATIENCE):
            old, revision = known or self._read_evaluation(identifier)
            new = _changed_by(change, old, fresh=known is None)
            known = None
            if new is None:
                continue
            if new is old:
                return old, old
            condition = {"_id": identifier, "revision": revision, "epoch": {"$lte": epoch}}
            condition |= {"state": old.state.value, "token": _token(old)}
            fields = _differences(old, new) | {"token": _token(new)}
            if _written(self._collections.evaluations, condition, {"$set": fields, "$inc": {"revision": 1}}):
                if not new.state.terminal:
                    self._evaluations[identifier] = new, revision + 1
                return old, new
        raise TransientError(f"evaluation {identifier} was changed by others {_PATIENCE} times during a write")

    def campaign(
        self, identifier: str, change: Callable[[CampaignRecord], CampaignRecord], entry: tuple[str, JsonDict] | None = None
    ) -> bool:
        """Replaces a campaign record.

        Args:
            change: Returns the same object when there is nothing to write; raises when the writer may not.
            entry: Collection and document to be committed to the outbox in the same operation; an entry that another
                write left there is completed first.

        Returns:
            Whether there was anything to write.

        Raises:
            NotFoundError: No such campaign.
        """
        known = self._campaigns.pop(identifier, None)
        for _ in range(_PATIENCE):
            if known is None and entry is not None:
                self.pour(identifier)
            old, revision = known or self._read_campaign(identifier)
            new = _changed_by(change, old, fresh=known is None)
            known = None
            if new is None:
                continue
            if new is old:
                return False
            update: JsonDict = {"$set": _differences(old, new), "$inc": {"revision": 1}}
            condition: JsonDict = {"_id": identifier, "revision": revision, "epoch": old.epoch}
            if entry is not None:
                condition["outbox"] = []
                update["$push"] = {"outbox": {"collection": entry[0], "document": entry[1]}}
            if _written(self._collections.campaigns, condition, update):
                self._campaigns[identifier] = new, revision + 1
                return True
        raise TransientError(f"campaign {old.name!r} was changed by others {_PATIENCE} times during a write")

    def pour(self, identifier: str) -> None:
        """Inserts the entries committed to a campaign's outbox and clears it; any process may do so at any time.

        Raises:
            StoreError: An entry cannot be inserted, because its unique key belongs to another document.
        """
        with translated("completing writes of a campaign"):
            document = self._collections.campaigns.find_one({"_id": identifier}, {"outbox": 1})
            for entry in () if document is None else document["outbox"]:
                self.complete(identifier, entry["collection"], entry["document"])

    def complete(self, identifier: str, collection: str, committed: JsonDict) -> None:
        """Inserts a committed entry, unless it was inserted before, and removes it from the outbox."""
        target = self._collections.database[collection]
        with translated("completing writes of a campaign"):
            try:
                target.insert_one(committed)
            except DuplicateKeyError as error:
                if target.find_one({"_id": committed["_id"]}, {"_id": 1}) is None:
                    raise StoreError(
                        f"campaign {identifier!r}: {committed['_id']} cannot enter {collection}, its number or candidate "
                        "belongs to another document"
                    ) from error
            done = {"$pull": {"outbox": {"document._id": committed["_id"]}}}
            self._collections.campaigns.update_one({"_id": identifier}, done)

    def remember_new(self, evaluation: Evaluation) -> None:
        """Caches an evaluation that was just inserted."""
        self._evaluations[evaluation.id] = evaluation, 0

    def remember(self, document: JsonDict) -> CampaignRecord:
        """Caches a campaign document that was just read or written."""
        record = from_document(CampaignRecord, document, key="id")
        self._campaigns[record.id] = record, _revision(document)
        return record

    def forget(self, identifier: str) -> None:
        """Drops the cache of a campaign."""
        self._campaigns.pop(identifier, None)

    def specification(self, identifier: str) -> JsonDict:
        """Returns a campaign's cached spec, which is valid for all keys that cannot be edited."""
        known = self._campaigns.get(identifier) or self._read_campaign(identifier)
        return known[0].spec

    def _read_evaluation(self, identifier: str) -> Known[Evaluation]:
        document = self._collections.evaluations.find_one({"_id": identifier})
        if document is None:
            raise NotFoundError(f"no evaluation {identifier!r} is stored")
        return from_document(Evaluation, document, key="id"), _revision(document)

    def _read_campaign(self, identifier: str) -> Known[CampaignRecord]:
        document = self._collections.campaigns.find_one({"_id": identifier})
        if document is None:
            raise NotFoundError(f"no campaign {identifier!r} is stored")
        return from_document(CampaignRecord, document, key="id"), _revision(document)


def _revision(document: JsonDict) -> int:
    revision = document.get("revision")
    if not isinstance(revision, int):
        raise StoreError(f"stored document {document['_id']!r} is damaged: revision: expected a whole number")
    return revision


def _changed_by(change: Callable[[RecordT], RecordT], old: RecordT, *, fresh: bool) -> RecordT | None:
    """Returns the changed record; None if only a fresh read can decide."""
    if fresh:
        return change(old)
    try:
        new = change(old)
    except TansakuError:
        return None
    return None if new is old else new


def _written(collection: MongoCollection, condition: JsonDict, update: JsonDict) -> bool:
    return collection.find_one_and_update(condition, update, projection={"_id": 1}) is not None


def _token(evaluation: Evaluation) -> str | None:
    attempt = evaluation.current_attempt
    return None if attempt is None else attempt.token


def _differences(old: Record, new: Record) -> JsonDict:
    # Records are frozen: what is the same object has not changed, and may be large.
    same = {name for name in type(new).model_fields if getattr(new, name) is getattr(old, name)}
    before, after = to_document(old, same), to_document(new, same)
    changed = {field: value for field, value in after.items() if before.get(field) != value}
    # Documents leave out some fields while they are empty.
    return changed | {field: getattr(new, field) for field in before.keys() - after.keys()}
