"""Rights of the dashboard's MongoDB user, collection by collection, for servers with authentication.

The user reads campaigns, creates them, stores commands and promotes models. It can change no evaluation, observation, fit or
data set, delete no campaign, rewrite no audit, and build no index: an index can delete documents after some time.
"""

from __future__ import annotations

from typing import Any

from pymongo import ASCENDING, IndexModel

from tansaku.models.domain.records import JsonDict
from tansaku.tasks.backends.stores.artifacts import GridFSArtifactStore
from tansaku.tasks.backends.stores.mongo_accounts import ACCOUNT_INDEXES, AUDIT, LINKS, SESSIONS, TOKENS, USERS
from tansaku.tasks.backends.stores.mongo_library import LIBRARY, LIBRARY_INDEX
from tansaku.tasks.backends.stores.mongo_requests import REQUEST_INDEXES, REQUESTS, SERVICES
from tansaku.tasks.backends.stores.mongo_schedules import MIRRORS, SCHEDULES
from tansaku.tasks.backends.stores.mongo_schema import MongoDatabase, open_collections
from tansaku.tasks.backends.stores.staging import MARK

WEB_ROLE = "tansaku_web"

_READ = ("find", "listIndexes")
_ADD = (*_READ, "insert")
_KEEP = (*_ADD, "update", "remove")

WEB_ACTIONS: dict[str, tuple[str, ...]] = {
    # Commands are stored in the campaign's own document.
    "campaigns": (*_ADD, "update"),
    "events": _ADD,
    "evaluations": _READ,
    "observations": _READ,
    "refits": _READ,
    "retrains": _READ,
    "datasets": _READ,
    # Admins promote versions.
    "models": (*_READ, "update"),
    "schema": _READ,
    MARK: _READ,
    REQUESTS: _ADD,
    SERVICES: _READ,
    SCHEDULES: (*_ADD, "update"),
    MIRRORS: _READ,
    USERS: _KEEP,
    SESSIONS: _KEEP,
    TOKENS: _KEEP,
    LINKS: _KEEP,
    AUDIT: _ADD,
    LIBRARY: _KEEP,
    # The time of a file that is uploaded again is renewed, and the parts of an upload that failed are removed.
    "artifacts.files": (*_ADD, "update"),
    "artifacts.chunks": (*_ADD, "remove"),
}
"""Actions by collection; everything else is refused by the server."""

_GRIDFS_INDEXES = {
    "artifacts.files": IndexModel([("filename", ASCENDING), ("uploadDate", ASCENDING)]),
    "artifacts.chunks": IndexModel([("files_id", ASCENDING), ("n", ASCENDING)], unique=True),
}
"""Indexes that pymongo builds with the first file."""


def store_web_role(database: MongoDatabase) -> None:
    """Creates the role in a database, or corrects it to exactly the table.

    Args:
        database: As a user who may create roles.
    """
    privileges: list[JsonDict] = [
        {"resource": {"db": database.name, "collection": collection}, "actions": list(actions)}
        for collection, actions in WEB_ACTIONS.items()
    ]
    known: dict[str, Any] = database.command("rolesInfo", WEB_ROLE)
    database.command("updateRole" if known["roles"] else "createRole", WEB_ROLE, privileges=privileges, roles=[])


def prepare_database(database: MongoDatabase) -> None:
    """Creates the collections and builds the indexes that the dashboard's user may not build.

    Args:
        database: As a user who may.

    Raises:
        StoreError: The database is of a newer schema.
        TransientError: The server does not answer.
    """
    open_collections(database)
    GridFSArtifactStore(database)
    indexes = {**ACCOUNT_INDEXES, REQUESTS: list(REQUEST_INDEXES), LIBRARY: [LIBRARY_INDEX]}
    indexes |= {name: [index] for name, index in _GRIDFS_INDEXES.items()}
    for name, several in indexes.items():
        database[name].create_indexes(several)
