"""Renaming of campaigns in MongoDB: everything is copied to the new name before anything of the old one is deleted."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from pymongo import ASCENDING
from pymongo.errors import BulkWriteError, DuplicateKeyError

from tansaku.models.domain.adoption import ADOPTED
from tansaku.models.domain.records import CampaignRecord, Evaluation, Event, JsonDict, Lease
from tansaku.tasks.backends.stores import campaigns
from tansaku.tasks.backends.stores.documents import from_document, to_document
from tansaku.tasks.backends.stores.mongo_derived import Derived
from tansaku.tasks.backends.stores.mongo_errors import translated
from tansaku.tasks.backends.stores.mongo_schema import Collections, MongoCollection
from tansaku.tasks.backends.stores.mongo_swap import Swap, evaluation_document
from tansaku.tasks.backends.stores.renaming import renamed_evaluation, renamed_event, renamed_labels, renamed_step, step_id

_DUPLICATE = 11000
_AT_ONCE = 500


class Renaming:
    """Moves campaigns to other names.

    The new record reserves its name first. Documents are then inserted under their new ids, and those that are there stay, so
    that a repeat changes nothing. Removing the mark of the new record is the moment at which the campaign has its new name;
    from then on nothing of the old name is read again.
    """

    def __init__(self, collections: Collections, swap: Swap, derived: Derived) -> None:
        self._collections = collections
        self._swap = swap
        self._derived = derived

    def begin(self, lease: Lease, renamed: CampaignRecord) -> None:
        """Reserves the new name, then marks the campaign and ends its lease."""
        old, new = lease.campaign, renamed.name
        with translated(f"renaming campaign {old!r}"):
            self._reserve(old, renamed)
            self._swap.forget(old)
            self._swap.campaign(old, lambda record: campaigns.with_rename(record, lease, new))

    def finish(self, name: str, renamed: CampaignRecord) -> None:
        """Copies everything, removes the new record's mark, deletes the old name's documents and its record."""
        new = renamed.name
        with translated(f"renaming campaign {name!r}"):
            self._swap.forget(name)
            self._swap.forget(new)
            origin = f"outcome.properties.{ADOPTED}"
            self._collections.evaluations.update_many(
                {f"{origin}.campaign": name, f"{origin}.created_at": renamed.created_at.isoformat().replace("+00:00", "Z")},
                {"$set": {f"{origin}.campaign": new}, "$inc": {"revision": 1}},
            )
            known = self._collections.campaigns.find_one({"_id": new}, {"renaming": 1})
            if known is None or known.get("renaming") == name:
                self._reserve(name, renamed)
                self._copy(name, renamed)
                self._collections.campaigns.update_one(
                    {"_id": new, "renaming": name}, {"$unset": {"renaming": ""}, "$inc": {"revision": 1}}
                )
            if self._collections.campaigns.find_one({"_id": name, "renaming": new}, {"_id": 1}) is None:
                return
            for collection in ("evaluations", "observations", "refits", "retrains", "events"):
                self._collections.database[collection].delete_many({"campaign": name})
            self._collections.campaigns.delete_one({"_id": name, "renaming": new})

    def _reserve(self, old: str, renamed: CampaignRecord) -> None:
        """Stores the new record with the mark of the old name; replaces an older such record."""
        document = to_document(renamed) | {"renaming": old, "revision": 0, "outbox": []}
        document["_id"] = document.pop("name")
        try:
            self._collections.campaigns.replace_one({"_id": renamed.name, "renaming": old}, document, upsert=True)
        except DuplicateKeyError as error:
            raise campaigns.name_taken(renamed.name) from error

    def _copy(self, old: str, renamed: CampaignRecord) -> None:
        new, store = renamed.name, self._collections
        found = store.evaluations.find({"campaign": old}).sort("proposal.number", ASCENDING)
        before = [from_document(Evaluation, document, key="id") for document in found]
        labels = renamed_labels(store.retrains.find({"campaign": old, "kind": "ended"}), renamed, old)
        after = [renamed_evaluation(evaluation, new, labels) for evaluation in before]
        _insert(store.evaluations, map(evaluation_document, after))
        for collection in (store.refits, store.retrains):
            documents = collection.find({"campaign": old})
            _insert(
                collection,
                (
                    document | {"_id": step_id(new, document)} | renamed_step(document, old, new, labels)
                    for document in documents
                ),
            )
        ids = {first.id: second.id for first, second in zip(before, after, strict=True)} | (labels or {})
        _insert(store.events, (_event(document, new, ids) for document in store.events.find({"campaign": old})))
        # From the evaluations: an observation's id is made of its evaluation's.
        self._derived.rebuild(after, new, campaigns.objective_unit(renamed.spec))


def _event(document: JsonDict, new: str, ids: dict[str, str]) -> JsonDict:
    renamed = to_document(renamed_event(from_document(Event, document, key="id"), new, ids))
    renamed["_id"] = renamed.pop("id")
    return renamed | {"order": document.get("order", 0)}


def _insert(collection: MongoCollection, documents: Iterable[JsonDict]) -> None:
    """Inserts documents; those whose ids are stored stay as they are."""
    waiting = list(documents)
    for start in range(0, len(waiting), _AT_ONCE):
        try:
            collection.insert_many(waiting[start : start + _AT_ONCE], ordered=False)
        except BulkWriteError as error:
            details = error.details or {}
            if details.get("writeConcernErrors") or any(item["code"] != _DUPLICATE for item in details.get("writeErrors", [])):
                raise


def rename_in_requests(requests: MongoCollection, old: str, new: str, created_at: datetime) -> None:
    """Gives requests for a campaign its new name; one that a later request of that name keeps out is left as it is."""
    found = requests.find({"campaign": old, "campaign_created_at": created_at}, {"_id": 1})
    for document in list(found):
        try:
            requests.update_one({"_id": document["_id"]}, {"$set": {"campaign": new}})
        except DuplicateKeyError:
            continue
