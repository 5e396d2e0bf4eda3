import json
import shutil
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tansaku.deploy.cli.exits import ExitCode
from tansaku.models.domain.records import Lease
from tansaku.tasks.backends.stores.connection import open_database
from tansaku.tasks.backends.stores.embedded_mongod import EmbeddedMongod
from tansaku.tasks.ground.site.processes import this_driver


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


def test_a_stop_names_the_running_drivers(tansaku, own_home):
    uri = tansaku("db", "start").out.strip()
    server = EmbeddedMongod(own_home)
    driver = this_driver()
    now = datetime.now(UTC)

    def hold(owner):
        lease = Lease(campaign="busy", owner=owner, epoch=1, acquired_at=now, expires_at=now + timedelta(hours=1))
        database = open_database(uri, "tansaku")
        with database.client:
            database["campaigns"].replace_one({"_id": "busy"}, {"lease": lease.model_dump()}, upsert=True)

    hold(driver)
    for command in (["stop"], ["db", "stop"]):
        refused = tansaku(*command)
        assert refused.code == ExitCode.LEASE_HELD
        assert f"campaigns that run now: busy (process {driver.pid} of {driver.user})" in refused.err
        assert "--force" in refused.err
        assert server.running() is not None
    assert "database: stopped" in tansaku("stop", "--force").out
    tansaku("db", "start")
    hold(driver.model_copy(update={"process_started": 0.0}))  # it was killed, and its id was given again
    assert tansaku("db", "stop").out == "stopped\n"


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
