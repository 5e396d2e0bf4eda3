"""A real mongod with authentication: the service's user reads and writes its own databases and is refused elsewhere."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import SecretStr
from pymongo import MongoClient
from pymongo.errors import OperationFailure
from typer.testing import CliRunner

from tansaku.deploy.cli.main import app
from tansaku.models.domain.errors import ConfigurationError, StoreError
from tansaku.tasks.backends.resources import open_resources
from tansaku.tasks.backends.stores.users import store_user
from tansaku.tasks.ground.settings import Settings
from tansaku.tasks.node.configuration.campaign_files import load_site


def uri(port: int, password: str, database: str = "tansaku") -> str:
    return f"mongodb://tansaku:{password}@127.0.0.1:{port}/{database}"


def test_the_user_keeps_to_its_databases(guarded, tmp_path):
    administrator, port = guarded
    assert store_user(administrator, "tansaku", SecretStr("first"), ["tansaku", "tansaku_fireworks"])
    with MongoClient(uri(port, "first")) as client:
        for name in ("tansaku", "tansaku_fireworks"):
            client[name]["any"].insert_one({"_id": 1})
            assert client[name]["any"].find_one() == {"_id": 1}
        for forbidden in (
            lambda: client["other"]["any"].insert_one({}),
            lambda: client["other"]["any"].find_one(),
            lambda: client["admin"]["system.users"].find_one(),
            lambda: client["admin"].command("createUser", "friend", pwd="x", roles=["root"]),
            lambda: client["tansaku"].command("createUser", "friend", pwd="x", roles=[]),
            lambda: client["tansaku"].command("grantRolesToUser", "tansaku", roles=[{"role": "root", "db": "admin"}]),
            lambda: client["admin"].command("shutdown"),
        ):
            with pytest.raises(OperationFailure) as refused:
                forbidden()
            assert refused.value.code == 13
    # Again: another password, fewer databases.
    assert not store_user(administrator, "tansaku", SecretStr("second"), ["tansaku"])
    with MongoClient(uri(port, "first")) as client, pytest.raises(OperationFailure, match="Authentication failed"):
        client["tansaku"]["any"].find_one()
    with MongoClient(uri(port, "second")) as client:
        assert client["tansaku"]["any"].find_one() == {"_id": 1}
        with pytest.raises(OperationFailure) as refused:
            client["tansaku_fireworks"]["any"].find_one()
        assert refused.value.code == 13


def test_its_rights_are_all_that_stores_need(guarded, tmp_path):
    administrator, port = guarded
    store_user(administrator, "tansaku", SecretStr("word"), ["campaigns"])
    secret = tmp_path / "uri"
    secret.write_text(uri(port, "word", "campaigns"))
    secret.chmod(0o600)
    settings = Settings.from_environment({"TANSAKU_HOME": str(tmp_path), "TANSAKU_MONGO_URI_FILE": str(secret)})
    with open_resources(settings, load_site(None)) as resources:
        assert resources.store.campaign_names() == []
        (tmp_path / "big").write_bytes(b"x" * 1000)
        digest = resources.artifacts.put(tmp_path / "big")
        assert resources.artifacts.get(digest, tmp_path / "again").read_bytes() == b"x" * 1000
        assert resources.artifacts.sweep(iter(()), older_than=0.0) == 1


def test_the_command_tells_no_password(guarded, tmp_path: Path):
    administrator, _ = guarded
    for name, text in (("admin", administrator.get_secret_value()), ("word", "hidden-word")):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o600)
    options = ["--password-file", str(tmp_path / "word"), "--admin-file", str(tmp_path / "admin")]
    done = CliRunner().invoke(app, ["db", "add-user", "commander", "campaigns", *options])
    assert done.output == "user commander: created, reads and writes campaigns\n"
    done = CliRunner().invoke(app, ["db", "add-user", "commander", "campaigns", *options])
    assert "updated" in done.output


@pytest.mark.parametrize(
    ("user", "databases"), [("a b", ["x"]), ("a", []), ("a", ["admin"]), ("a", ["x", "config"]), ("a", ["x.y"]), ("", ["x"])]
)
def test_wrong_names_are_refused_before_anything_is_asked(user, databases):
    with pytest.raises(ConfigurationError):
        store_user(SecretStr("mongodb://127.0.0.1:1/"), user, SecretStr("x"), databases)


def test_somebody_who_may_not_create_users_is_refused(guarded):
    administrator, port = guarded
    store_user(administrator, "tansaku", SecretStr("word"), ["tansaku"])
    with pytest.raises(StoreError, match="not authorized") as refused:
        store_user(SecretStr(uri(port, "word")), "friend", SecretStr("hidden"), ["tansaku"])
    assert "hidden" not in str(refused.value)
