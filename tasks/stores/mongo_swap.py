"""Compare-and-set on stored records, and the outbox of a campaign."""

from __future__ import annotations

from collections.abc import Callable

from pymongo.errors import DuplicateKeyError

from tansaku.models.domain.errors import NotFoundError, StoreError, TransientError
from tansaku.models.domain.records import CampaignRecord, Evaluation, JsonDict
from tansaku.tasks.stores.documents import from_document, to_document
from tansaku.tasks.stores.mongo_errors import translated
from tansaku.tasks.stores.mongo_schema import Collections, MongoCollection

_PATIENCE = 100


def evaluation_document(evaluation: Evaluation) -> JsonDict:
    """An evaluation as it is first stored."""
    document = to_document(evaluation)
    document["_id"] = document.pop("id")
    return document | {"revision": 0, "token": _token(evaluation)}


def swap_evaluation(
    collection: MongoCollection, identifier: str, epoch: int, change: Callable[[Evaluation], Evaluation]
) -> tuple[Evaluation, Evaluation]:
    """Replaces an evaluation by what ``change`` makes of it, if nobody changed it in between; else tries again.

    Args:
        epoch: The writer's; an evaluation of a younger one matches no filter.
        change: Pure; returns the same object when there is nothing to write.

    Returns:
        The evaluation before and after.

    Raises:
        NotFoundError: No such evaluation.
        FencedError: From ``change``, when a younger driver owns it.
    """
    for _ in range(_PATIENCE):
        document = collection.find_one({"_id": identifier})
        if document is None:
            raise NotFoundError(f"no evaluation {identifier!r} is stored")
        old = from_document(Evaluation, document, key="id")
        new = change(old)
        if new is old:
            return old, old
        condition = {
            "_id": identifier,
            "revision": document["revision"],
            "epoch": {"$lte": epoch},
            "state": old.state.value,
            "token": _token(old),
        }
        fields = _changed(to_document(old), to_document(new)) | {"token": _token(new)}
        update = {"$set": fields, "$inc": {"revision": 1}}
        if collection.find_one_and_update(condition, update, projection={"_id": 1}) is not None:
            return old, new
    raise TransientError(f"evaluation {identifier} was changed by others {_PATIENCE} times while it was being written")


def swap_campaign(
    collections: Collections,
    name: str,
    change: Callable[[CampaignRecord], CampaignRecord],
    entry: tuple[str, JsonDict] | None = None,
) -> CampaignRecord:
    """Replaces a campaign record by what ``change`` makes of it, if nobody changed it in between; else tries again.

    Args:
        change: Returns the same object when there is nothing to write; raises when the writer may not.
        entry: Collection and document to be committed to the outbox in the same operation.

    Returns:
        The record as it is now.
    """
    for _ in range(_PATIENCE):
        document = collections.campaigns.find_one({"_id": name})
        if document is None:
            raise NotFoundError(f"no campaign {name!r} is stored")
        if entry is not None and document["outbox"]:
            pour_outbox(collections, name)
        old = from_document(CampaignRecord, document, key="name")
        new = change(old)
        if new is old:
            return old
        update: JsonDict = {"$set": _changed(to_document(old), to_document(new)), "$inc": {"revision": 1}}
        if entry is not None:
            update["$push"] = {"outbox": {"collection": entry[0], "document": entry[1]}}
        condition = {"_id": name, "revision": document["revision"], "epoch": old.epoch}
        if collections.campaigns.find_one_and_update(condition, update, projection={"_id": 1}) is not None:
            return new
    raise TransientError(f"campaign {name!r} was changed by others {_PATIENCE} times while it was being written")


def pour_outbox(collections: Collections, name: str) -> None:
    """Inserts what was committed to a campaign's outbox and clears it; any process may do so at any time.

    Raises:
        StoreError: An entry cannot be inserted, because its unique key belongs to another document.
    """
    with translated(f"completing writes of campaign {name!r}"):
        document = collections.campaigns.find_one({"_id": name}, {"outbox": 1})
        for entry in () if document is None else document["outbox"]:
            target, committed = collections.database[entry["collection"]], entry["document"]
            try:
                target.insert_one(committed)
            except DuplicateKeyError as error:
                if target.find_one({"_id": committed["_id"]}, {"_id": 1}) is None:
                    raise StoreError(
                        f"campaign {name!r}: {committed['_id']} cannot enter {entry['collection']}, its number or candidate "
                        "belongs to another document"
                    ) from error
            collections.campaigns.update_one({"_id": name}, {"$pull": {"outbox": {"document._id": committed["_id"]}}})


def _token(evaluation: Evaluation) -> str | None:
    attempt = evaluation.current_attempt
    return None if attempt is None else attempt.token


def _changed(old: JsonDict, new: JsonDict) -> JsonDict:
    return {field: value for field, value in new.items() if old[field] != value}
