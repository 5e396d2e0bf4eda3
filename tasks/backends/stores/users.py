"""Creates users of a MongoDB server with least rights: on whole databases, or those of the dashboard on one.

Rights of the dashboard's MongoDB user, collection by collection, for servers with authentication.
The user reads campaigns, creates them, stores commands and promotes models. It can change no evaluation, observation, fit or
data set, delete no campaign, rewrite no audit, and build no index: an index can delete documents after some time.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from pydantic import SecretStr
from pymongo import ASCENDING, IndexModel

from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.records import JsonDict
from tansaku.tasks.backends.stores.artifacts import GridFSArtifactStore
from tansaku.tasks.backends.stores.connection import open_database
from tansaku.tasks.backends.stores.mongo_accounts import (
    ACCOUNT_INDEXES,
    AUDIT,
    LINKS,
    PLACEMENTS,
    PROJECTS,
    SEARCHES,
    SESSIONS,
    TOKENS,
    USERS,
)
from tansaku.tasks.backends.stores.mongo_errors import translated
from tansaku.tasks.backends.stores.mongo_library import LIBRARY, LIBRARY_INDEX
from tansaku.tasks.backends.stores.mongo_notifications import OUTBOX, OUTBOX_INDEXES, SUBSCRIPTIONS
from tansaku.tasks.backends.stores.mongo_requests import REQUEST_INDEXES, REQUESTS, SERVICES, TRAININGS
from tansaku.tasks.backends.stores.mongo_schedules import MIRRORS, SCHEDULES
from tansaku.tasks.backends.stores.mongo_schema import MongoDatabase, durable, open_collections
from tansaku.tasks.backends.stores.staging import MARK

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,62}")
_PATIENCE = 60.0  # a server that has just been started may not answer yet [s]
_RESERVED = frozenset({"admin", "config", "local"})


def store_user(administrator: SecretStr, user: str, password: SecretStr, databases: Sequence[str]) -> bool:
    """Creates a user, or updates an existing user to this password and exactly these databases.

    The user is kept in the first of the databases: a URI ``mongodb://USER:PASSWORD@HOST/DATABASE`` finds it there.

    Args:
        administrator: URI of a user who may create users.
        databases: Those that it may read and write.

    Returns:
        Whether the user is new.

    Raises:
        ConfigurationError: A name that cannot be a user's or a campaign database's.
        StoreError: The server rejects the request.
        TransientError: It does not answer.
    """
    _check_names(user, databases)
    with _administered(administrator, databases[0]) as database, translated(f"user {user}"):
        return _store(database, user, password, [{"role": "readWrite", "db": name} for name in databases])


def store_web_user(administrator: SecretStr, user: str, password: SecretStr, database: str) -> bool:
    """Creates the user of the dashboard's process, or corrects an existing one: it has exactly the role of ``web_role``.

    Args:
        administrator: URI of a user who may create users and roles, and build indexes.
        database: Of the campaigns; the user and the role are kept there.

    Returns:
        Whether the user is new.

    Raises:
        ConfigurationError: A name that cannot be a user's or a campaign database's.
        StoreError: The server rejects the request.
        TransientError: It does not answer.
    """
    _check_names(user, [database])
    with _administered(administrator, database) as opened, translated(f"user {user}"):
        _prepare_database(opened)
        _store_web_role(opened)
        return _store(opened, user, password, [{"role": WEB_ROLE, "db": database}])


@contextmanager
def _administered(administrator: SecretStr, name: str) -> Iterator[MongoDatabase]:
    """A database as its administrator sees it, whichever one the URI names."""
    opened = open_database(administrator.get_secret_value(), name, _PATIENCE)
    try:
        yield durable(opened.client[name])
    finally:
        opened.client.close()


def _store(database: MongoDatabase, user: str, password: SecretStr, roles: list[dict[str, str]]) -> bool:
    there = database.command("usersInfo", user)["users"]
    database.command("updateUser" if there else "createUser", user, pwd=password.get_secret_value(), roles=roles)
    return not there


def _check_names(user: str, databases: Sequence[str]) -> None:
    for name in (user, *databases):
        if not _NAME.fullmatch(name):
            raise ConfigurationError(f"{name!r}: expected a letter, then letters, digits, _ or -")
    if not databases or _RESERVED & set(databases):
        raise ConfigurationError(
            f"databases {', '.join(databases)!r}: expected at least one, none of {', '.join(sorted(_RESERVED))}"
        )


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
    # Users cancel trainings.
    TRAININGS: (*_ADD, "update"),
    SCHEDULES: (*_ADD, "update"),
    MIRRORS: _READ,
    SUBSCRIPTIONS: (*_ADD, "remove"),
    OUTBOX: _ADD,
    USERS: _KEEP,
    SESSIONS: _KEEP,
    TOKENS: _KEEP,
    LINKS: _KEEP,
    PROJECTS: (*_ADD, "update"),
    PLACEMENTS: _KEEP,
    SEARCHES: _KEEP,
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


def _store_web_role(database: MongoDatabase) -> None:
    """Creates the role in a database, or corrects it to exactly the table."""
    privileges: list[JsonDict] = [
        {"resource": {"db": database.name, "collection": collection}, "actions": list(actions)}
        for collection, actions in WEB_ACTIONS.items()
    ]
    known: dict[str, Any] = database.command("rolesInfo", WEB_ROLE)
    database.command("updateRole" if known["roles"] else "createRole", WEB_ROLE, privileges=privileges, roles=[])


def _prepare_database(database: MongoDatabase) -> None:
    """Creates the collections and builds the indexes that the dashboard's user may not build."""
    open_collections(database)
    GridFSArtifactStore(database)
    indexes = {**ACCOUNT_INDEXES, REQUESTS: list(REQUEST_INDEXES), OUTBOX: list(OUTBOX_INDEXES), LIBRARY: [LIBRARY_INDEX]}
    indexes |= {name: [index] for name, index in _GRIDFS_INDEXES.items()}
    for name, several in indexes.items():
        database[name].create_indexes(several)
