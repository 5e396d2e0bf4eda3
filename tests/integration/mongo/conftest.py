"""A database whose operations can be interrupted: something happens before or after the n-th one."""

from __future__ import annotations

import secrets
import socket
import subprocess
from collections.abc import Callable

import pytest
from pydantic import SecretStr
from pymongo import MongoClient
from pymongo.collection import Collection
from pymongo.database import Database

from tansaku.tasks.backends.stores.mongod_binary import find_mongod

LIMIT = 60.0

WRITES = (
    "insert_one",
    "insert_many",
    "bulk_write",
    "update_one",
    "update_many",
    "replace_one",
    "delete_one",
    "delete_many",
    "find_one_and_update",
    "find_one_and_delete",
)


class Killed(BaseException):
    """The process ended here."""


class Interruption:
    """Does something once, before or after the n-th write.

    Args:
        at: Which write, from 1.
        after: After it instead of before it.
        action: What happens.
    """

    def __init__(self, at: int, after: bool, action: Callable[[], None]) -> None:
        self.at = at
        self.after = after
        self.action = action
        self.count = 0

    @property
    def hit(self) -> bool:
        return self.count >= self.at

    def around(self, write: Callable[[], object]) -> object:
        self.count += 1
        mine = self.count == self.at
        if mine and not self.after:
            self.action()
        result = write()
        if mine and self.after:
            self.action()
        return result


class InterruptedDatabase:
    def __init__(self, database: Database, interruption: Interruption) -> None:
        self._database = database
        self._interruption = interruption

    def with_options(self, **options: object) -> InterruptedDatabase:
        return InterruptedDatabase(self._database.with_options(**options), self._interruption)

    def __getitem__(self, name: str) -> object:
        # The schema is opened by every process before anything else; it is not what these tests are about.
        found = self._database[name]
        return found if name == "schema" else InterruptedCollection(found, self._interruption)

    def __getattr__(self, name: str) -> object:
        return getattr(self._database, name)


class InterruptedCollection:
    def __init__(self, collection: Collection, interruption: Interruption) -> None:
        self._collection = collection
        self._interruption = interruption

    def __getattr__(self, name: str) -> object:
        method = getattr(self._collection, name)
        if name not in WRITES:
            return method
        return lambda *args, **options: self._interruption.around(lambda: method(*args, **options))


@pytest.fixture(scope="module")
def guarded(tmp_path_factory, require):
    """URI of the administrator of a server that asks for passwords."""
    require("mongod")
    folder = tmp_path_factory.mktemp("mongod")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    command = [str(find_mongod()), "--auth", "--dbpath", str(folder), "--port", str(port), "--bind_ip", "127.0.0.1"]
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen([*command, "--nounixsocket"], stdout=log, stderr=log)
    password = secrets.token_urlsafe(16)
    try:
        # As the image's MONGO_INITDB_ROOT_ variables do it: the first user, from the machine itself.
        with MongoClient("127.0.0.1", port, serverSelectionTimeoutMS=round(LIMIT * 1000)) as first:
            first["admin"].command("createUser", "root", pwd=password, roles=["root"])
        yield SecretStr(f"mongodb://root:{password}@127.0.0.1:{port}/admin"), port
    finally:
        server.terminate()
        server.wait(LIMIT)


@pytest.fixture
def killed() -> type[BaseException]:
    return Killed


@pytest.fixture
def interrupted() -> Callable[..., tuple[InterruptedDatabase, Interruption]]:
    """``interrupted(database, at, after, action)``: the database, and the interruption to ask whether it was hit."""

    def wrap(database: Database, at: int, after: bool, action: Callable[[], None]) -> tuple[InterruptedDatabase, Interruption]:
        interruption = Interruption(at, after, action)
        return InterruptedDatabase(database, interruption), interruption

    return wrap
