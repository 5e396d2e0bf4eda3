"""Creates users of a MongoDB server that may read and write certain databases and nothing else."""

from __future__ import annotations

import re
from collections.abc import Sequence

from pydantic import SecretStr

from tansaku.models.domain.errors import ConfigurationError
from tansaku.tasks.stores.connection import open_database
from tansaku.tasks.stores.mongo_errors import translated

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
    for name in (user, *databases):
        if not _NAME.fullmatch(name):
            raise ConfigurationError(f"{name!r}: expected a letter, then letters, digits, _ or -")
    if not databases or _RESERVED & set(databases):
        raise ConfigurationError(
            f"databases {', '.join(databases)!r}: expected at least one, none of {', '.join(sorted(_RESERVED))}"
        )
    home = databases[0]
    database = open_database(administrator.get_secret_value(), home, _PATIENCE)
    roles = [{"role": "readWrite", "db": name} for name in databases]
    try:
        with translated(f"user {user}"):
            there = database.client[home].command("usersInfo", user)["users"]
            database.client[home].command(
                "updateUser" if there else "createUser", user, pwd=password.get_secret_value(), roles=roles
            )
    finally:
        database.client.close()
    return not there
