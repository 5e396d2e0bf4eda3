import traceback
from pathlib import Path

import pytest
from pydantic import SecretStr

from tansaku.models.domain.errors import ConfigurationError, TansakuError, TransientError
from tansaku.models.domain.specs.site import DatabaseSpec, SiteSpec
from tansaku.tasks.backends.stores import connection
from tansaku.tasks.backends.stores.connection import connect, embedded_server, open_database, server_uri
from tansaku.tasks.backends.stores.embedded_mongod import EmbeddedMongod
from tansaku.tasks.backends.stores.mongo_errors import redacted
from tansaku.tasks.ground.settings import Settings

SECRET = "hunter" + "2"


def everything(error: TansakuError) -> str:
    return "".join(traceback.format_exception(error)) + str(error) + str(error.hint)


@pytest.mark.parametrize(
    "uri",
    [
        "mongodb://ada:hunter2@localhost:99999/x",
        "mongodb://ada:hun%ter2@localhost/x",
        "mongodb://ada:hunter2@@localhost/x",
        "mongodb://ada:hunter2@localhost/?tls=perhaps",
        "mongodb://ada:hunter2@localhost/?journal=true&w=0",
        "postgres://ada:hunter2@localhost/x",
        "ada:hunter2",
    ],
)
def test_wrong_uri_shows_no_password(uri: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        open_database(uri, "x")
    shown = everything(caught.value)
    assert SECRET not in shown
    assert "TANSAKU_MONGO_URI" in shown


def test_unreachable_server_is_transient_and_shows_no_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "SELECTION_SECONDS", 0.2)
    with pytest.raises(TransientError) as caught:
        open_database(f"mongodb://ada:{SECRET}@127.0.0.1:9/x", "x")
    assert SECRET not in everything(caught.value)


def test_redaction_keeps_the_host() -> None:
    assert redacted("mongodb://ada:p%40ss@db.example:27017/x failed") == "mongodb://***@db.example:27017/x failed"


def test_environment_goes_before_the_site_file(tmp_path: Path) -> None:
    file = tmp_path / "uri"
    file.write_text("mongodb://from-file/x\n")
    file.chmod(0o600)
    site = SiteSpec(database=DatabaseSpec(uri_file=str(file)))
    from_file = server_uri(Settings(home=tmp_path), site)
    assert from_file is not None
    assert from_file.get_secret_value() == "mongodb://from-file/x"
    assert server_uri(Settings(home=tmp_path, mongo_uri=SecretStr("mongodb://e/x")), site) == SecretStr("mongodb://e/x")
    assert embedded_server(Settings(home=tmp_path), site) is None
    server = embedded_server(Settings(home=tmp_path), SiteSpec())
    assert server is not None
    assert server.folder == tmp_path / "mongod"


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o602])
def test_readable_secret_file_is_refused(tmp_path: Path, mode: int) -> None:
    file = tmp_path / "uri"
    file.write_text("mongodb://ada:hunter2@host/x")
    file.chmod(mode)
    with pytest.raises(ConfigurationError, match="others could read") as caught:
        connect(Settings(home=tmp_path), SiteSpec(database=DatabaseSpec(uri_file=str(file))))
    assert "chmod 600" in str(caught.value.hint)
    assert SECRET not in everything(caught.value)


def test_missing_and_empty_secret_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="missing cannot be read"):
        server_uri(Settings(home=tmp_path), SiteSpec(database=DatabaseSpec(uri_file=str(tmp_path / "missing"))))
    (tmp_path / "empty").touch(mode=0o600)
    with pytest.raises(ConfigurationError, match="empty is empty"):
        server_uri(Settings(home=tmp_path), SiteSpec(database=DatabaseSpec(uri_file=str(tmp_path / "empty"))))


@pytest.mark.parametrize(
    ("path", "expected"), [("", "site"), ("/", "site"), ("/admin", "site"), ("/mine", "mine"), ("/my%2Dbase?w=1", "my-base")]
)
def test_database_of_the_uri_goes_before_the_site_files(mongo_server: EmbeddedMongod, path: str, expected: str) -> None:
    address = mongo_server.start().partition("/?")[0]
    database = open_database(f"{address}{path}", "site")
    assert database.name == expected
    database.client.close()
