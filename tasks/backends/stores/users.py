"""Creates users of a MongoDB server with least rights: on whole databases, or those of the dashboard on one."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from pydantic import SecretStr

from tansaku.models.domain.errors import ConfigurationError
from tansaku.tasks.backends.stores.connection import open_database
from tansaku.tasks.backends.stores.mongo_errors import translated
from tansaku.tasks.backends.stores.mongo_schema import MongoDatabase, durable
from tansaku.tasks.backends.stores.web_role import WEB_ROLE, prepare_database, store_web_role

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,62}")
_PATIENCE = 60.0  # a server that has just been started may not answer yet [s]
_RESERVED = frozenset({"admin", "config", "local"})


def store_user(administrator: SecretStr, user: str, password: SecretStr, databases: Sequence[str]) -> bool:
    """Creates a user, or updates an existing user to this password and exactly these databases.

    The user is kept in the first of the databases: a URI ``mongodb://USER:PASSWORD@HOST/DATABASE`` finds it there.

    Args:
        administrator: URI of a user who may create users.
        user: Name.
        password: Of the user.
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
        user: Name.
        password: Of the user.
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
        prepare_database(opened)
        store_web_role(opened)
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
