import json
import shutil
import tempfile
from pathlib import Path

import pytest

from tansaku.deploy.cli.exits import ExitCode


@pytest.fixture
def own_home(monkeypatch, tansaku):
    """A server of this test alone, to be started and stopped."""
    with tempfile.TemporaryDirectory(prefix="tsk-", ignore_cleanup_errors=True) as folder:
        monkeypatch.setenv("TANSAKU_HOME", folder)
        yield Path(folder)
        tansaku("db", "stop")


def test_start_status_stop(tansaku, own_home):
    assert tansaku("db", "status").code == 1
    started = tansaku("db", "start")
    assert started.code == ExitCode.OK
    assert started.out.startswith("mongodb://%2F")
    assert tansaku("db", "start").out == started.out
    status = tansaku("db", "status", "--json")
    assert status.code == ExitCode.OK
    shown = json.loads(status.out)
    assert (shown["running"], shown["answering"], shown["uri"]) == (True, True, started.out.strip())
    assert shown["in_use"]
    assert shown["data"] == tansaku("db", "path").out.strip() == str(own_home / "mongod" / "data")
    assert tansaku("db", "stop").out == "stopped\n"
    assert tansaku("db", "stop").out == "the server was not running\n"
    assert tansaku("db", "status").code == 1


def test_dump_and_restore(tansaku, own_home, campaign_file, tmp_path):
    file = campaign_file(good=3, bad=0)
    assert tansaku("run", file, "--plain").code == ExitCode.OK
    before = tansaku("results", file.stem, "--json").out
    dumped = tansaku("db", "dump", tmp_path / "d")
    assert dumped.code == ExitCode.OK
    assert "evaluations\t3" in dumped.out
    refused = tansaku("db", "restore", tmp_path / "d")
    assert refused.code == ExitCode.DATABASE
    assert "is not empty" in refused.err
    assert "--force" in refused.err
    tansaku("db", "stop")
    for part in (own_home / "mongod" / "data").glob("*.wt"):
        part.write_bytes(b"damaged")
    assert "the data files are damaged" in tansaku("results", file.stem).err
    shutil.rmtree(own_home / "mongod" / "data")
    assert tansaku("results", file.stem).code == ExitCode.NOT_FOUND
    assert tansaku("db", "restore", tmp_path / "d").code == ExitCode.OK
    assert tansaku("results", file.stem, "--json").out == before


def test_stop_leaves_a_configured_server_alone(tansaku, own_home, monkeypatch):
    uri = tansaku("db", "start").out.strip()
    monkeypatch.setenv("TANSAKU_MONGO_URI", uri)
    monkeypatch.setenv("TANSAKU_HOME", str(own_home / "other"))
    assert tansaku("list").code == ExitCode.OK
    assert not json.loads(tansaku("db", "status", "--json").out)["in_use"]
    assert tansaku("db", "stop").out == "the server was not running\n"
    assert not (own_home / "other" / "mongod").exists()
    monkeypatch.setenv("TANSAKU_HOME", str(own_home))
