"""Collections, their indexes and the schema version of a database."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC
from typing import Any

from bson.codec_options import CodecOptions, DatetimeConversion
from pymongo import ASCENDING, IndexModel, ReadPreference, WriteConcern
from pymongo.collection import Collection
from pymongo.database import Database
from pymongo.errors import DuplicateKeyError, OperationFailure

import tansaku
from tansaku.models.domain.errors import StoreError
from tansaku.models.domain.records import JsonDict
from tansaku.tasks.backends.stores.mongo_errors import translated
from tansaku.tasks.backends.stores.staging import finish

MongoDatabase = Database[dict[str, Any]]
MongoCollection = Collection[dict[str, Any]]

DATABASE_VERSION = 2
"""Version of what a database holds. In version 1 a campaign had no name but its id, and no reason why its search ended."""

SCHEMA_ID = "schema"
_OLDEST = 1  # that is upgraded
_NOT_AUTHORIZED = 13
_MAJORITY: WriteConcern = WriteConcern(w="majority", j=True)

INDEXES: dict[str, tuple[IndexModel, ...]] = {
    "campaigns": (
        # Whatever wrote a document without a name, the next program that opens the database gives it one.
        IndexModel([("name", ASCENDING)], name="name", unique=True, partialFilterExpression={"name": {"$type": "string"}}),
    ),
    "evaluations": (
        IndexModel([("campaign", ASCENDING), ("proposal.number", ASCENDING)], name="number", unique=True),
        IndexModel(
            [
                ("campaign", ASCENDING),
                ("proposal.candidate", ASCENDING),
                ("proposal.source", ASCENDING),
                ("proposal.replicate", ASCENDING),
            ],
            name="candidate",
            unique=True,
        ),
        IndexModel([("campaign", ASCENDING), ("state", ASCENDING), ("proposal.number", ASCENDING)], name="state"),
        # Of pages: by system, and by value with and without a system.
        IndexModel([("campaign", ASCENDING), ("proposal.system", ASCENDING), ("proposal.number", ASCENDING)], name="system"),
        IndexModel([("campaign", ASCENDING), ("outcome.value", ASCENDING), ("proposal.number", ASCENDING)], name="value"),
        IndexModel(
            [
                ("campaign", ASCENDING),
                ("proposal.system", ASCENDING),
                ("outcome.value", ASCENDING),
                ("proposal.number", ASCENDING),
            ],
            name="system_value",
        ),
    ),
    "observations": (
        IndexModel([("campaign", ASCENDING), ("number", ASCENDING)], name="number", unique=True),
        IndexModel([("campaign", ASCENDING), ("system", ASCENDING), ("value", ASCENDING)], name="value"),
    ),
    "refits": (IndexModel([("campaign", ASCENDING), ("number", ASCENDING)], name="number", unique=True),),
    "retrains": (
        IndexModel([("campaign", ASCENDING), ("number", ASCENDING), ("kind", ASCENDING)], name="number", unique=True),
    ),
    "datasets": (IndexModel([("name", ASCENDING), ("created_at", ASCENDING)], name="name"),),
    "models": (IndexModel([("name", ASCENDING), ("version", ASCENDING)], name="version", unique=True),),
    "events": (
        IndexModel([("campaign", ASCENDING), ("at", ASCENDING), ("order", ASCENDING)], name="time"),
        IndexModel([("campaign", ASCENDING), ("kind", ASCENDING), ("at", ASCENDING), ("order", ASCENDING)], name="kind"),
    ),
}
"""Every collection of the campaign store with the indexes built at start."""

ARTIFACT_INDEX = IndexModel([("metadata.sha256", ASCENDING)], name="sha256", unique=True)
"""Index of the artifacts' files."""


@dataclass(frozen=True)
class Collections:
    """The collections of one database, with the write concern that survives a killed server."""

    database: MongoDatabase
    campaigns: MongoCollection
    evaluations: MongoCollection
    observations: MongoCollection
    refits: MongoCollection
    retrains: MongoCollection
    events: MongoCollection


def durable(database: MongoDatabase) -> MongoDatabase:
    """Returns the database with acknowledged writes (majority, journaled) and aware UTC times."""
    options: CodecOptions[dict[str, Any]] = CodecOptions(
        # A time that Python cannot represent then damages only its own record, not the whole result.
        tz_aware=True,
        tzinfo=UTC,
        datetime_conversion=DatetimeConversion.DATETIME_AUTO,
    )
    return database.with_options(codec_options=options, write_concern=_MAJORITY, read_preference=ReadPreference.PRIMARY)


def open_collections(database: MongoDatabase) -> Collections:
    """Opens a database: finishes an interrupted restore, upgrades an older one or refuses it, builds the indexes.

    Raises:
        StoreError: The database is of a newer version, or of one that is too old.
        TransientError: The server cannot be reached.
    """
    database = durable(database)
    with translated(f"opening database {database.name!r}"):
        finish(database)
        _upgrade(database)
        check_version(database)
        _name_campaigns(database["campaigns"])
        for name, indexes in INDEXES.items():
            if indexes:
                build_indexes(database[name], indexes)
    return Collections(
        database=database,
        campaigns=database["campaigns"],
        evaluations=database["evaluations"],
        observations=database["observations"],
        refits=database["refits"],
        retrains=database["retrains"],
        events=database["events"],
    )


def _upgrade(database: MongoDatabase) -> None:
    """Marks an older database as one of this version, so that older programs refuse it from now on."""
    found = _stored_schema(database)
    if not _OLDEST <= found["version"] < DATABASE_VERSION:
        return
    now = {"version": DATABASE_VERSION, "tansaku": tansaku.__version__}
    try:
        database["schema"].update_one({"_id": SCHEMA_ID, "version": found["version"]}, {"$set": now})
    except OperationFailure as error:
        if error.code != _NOT_AUTHORIZED:
            raise
        raise StoreError(
            f"database {database.name!r} was written by an older tansaku, and this user may not upgrade it",
            hint="any command of a user who may write all of it does, for example `tansaku status`",
        ) from error


def _name_campaigns(campaigns: MongoCollection) -> None:
    """Gives campaigns of older versions, whose ids are their names, a field with it.

    One whose name another campaign has meanwhile stays without; the doctor counts it.
    """
    for unnamed in list(campaigns.find({"name": {"$exists": False}, "_id": {"$type": "string"}}, {"_id": 1})):
        with suppress(DuplicateKeyError):
            campaigns.update_one(unnamed, [{"$set": {"name": "$_id"}}])


def build_indexes(collection: MongoCollection, indexes: Sequence[IndexModel]) -> None:
    """Builds the indexes of a collection; a user who may not build any is content if they are there.

    Raises:
        OperationFailure: They cannot be built.
    """
    try:
        collection.create_indexes(list(indexes))
    except OperationFailure as error:
        names = {index.document["name"] for index in indexes}
        if error.code != _NOT_AUTHORIZED or names - set(collection.index_information()):
            raise


def check_version(database: MongoDatabase) -> None:
    """Checks that a database still has this program's schema: another version may have upgraded it meanwhile.

    Args:
        database: It may have been opened long ago.

    Raises:
        StoreError: It has another one.
    """
    found = _stored_schema(database)
    stored = found["version"]
    if stored != DATABASE_VERSION:
        done = "upgraded" if stored > DATABASE_VERSION else "written"
        raise StoreError(
            f"database {database.name!r} was {done} by tansaku {found.get('tansaku', 'of another version')}; this is "
            f"{tansaku.__version__} (it has schema version {stored}, this tansaku writes {DATABASE_VERSION})",
            hint="use the tansaku that wrote it, or another database",
        )


def _stored_schema(database: MongoDatabase) -> JsonDict:
    """The schema document of a database; a new database gets this program's version."""
    document: JsonDict | None = database["schema"].find_one({"_id": SCHEMA_ID})
    if document is None:
        new = {"version": DATABASE_VERSION, "tansaku": tansaku.__version__}
        database["schema"].update_one({"_id": SCHEMA_ID}, {"$setOnInsert": new}, upsert=True)
        return _stored_schema(database)
    return document
