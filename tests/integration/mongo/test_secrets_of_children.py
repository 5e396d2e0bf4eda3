"""The database's password stays with the driver: what its child processes can read of their environment, and what it leaves."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import psutil
import pytest
import yaml
from pydantic import SecretStr

from tansaku.flows.server import PrivatePrefect
from tansaku.tasks.backends.stores.users import store_user
from tests.support.campaign_files import copper_campaign

PASSWORD = "never-shown-to-children"
WORKER, SERVER = "tansaku.tasks.node.jobs.worker", "tansaku.flows.server_process"
FORKER = "tansaku.tasks.node.jobs.forker"


@pytest.fixture
def home(prefect_database):
    with tempfile.TemporaryDirectory(prefix="tsk-") as folder:
        prefect_database.put(PrivatePrefect.of(Path(folder)).folder)
        yield Path(folder)
        PrivatePrefect.stop_all(Path(folder))


def environments(process: psutil.Process) -> dict[tuple[str, ...], dict[str, str]]:
    """Environment of every process that descends from one, by its command line."""
    found = {}
    for child in process.children(recursive=True):
        try:
            found[tuple(child.cmdline())] = child.environ()
        except psutil.Error:
            continue
    return found


def watched(command: list[str], environment: dict[str, str], log: Path) -> dict[tuple[str, ...], dict[str, str]]:
    """Runs a command to its end; environments of all processes that were seen to descend from it."""
    with log.open("wb") as output:
        driver = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
    seen: dict[tuple[str, ...], dict[str, str]] = {}
    process = psutil.Process(driver.pid)
    while True:
        try:
            driver.wait(0.05)
            break
        except subprocess.TimeoutExpired:
            # A child that was just forked still has its parent's environment: only what has begun with its program counts.
            seen |= {words: told for words, told in environments(process).items() if list(words[-len(command) :]) != command}
    assert driver.returncode == 0, log.read_text()[-3000:]
    return seen


@pytest.mark.parametrize(("by", "options"), [("variable", []), ("file", ["--plain"])])
def test_no_child_of_a_driver_can_read_the_password(guarded, home, tmp_path, require, by, options):
    require("prefect")
    administrator, port = guarded
    store_user(administrator, "tansaku", SecretStr(PASSWORD), ["children"])
    uri = f"mongodb://tansaku:{PASSWORD}@127.0.0.1:{port}/children"
    secret = tmp_path / "uri"
    secret.write_text(uri)
    secret.chmod(0o600)
    site = {"launcher": {"type": "local", "workers": 2, "environment": ["MY_LICENSE"]}, "database": {"name": "children"}}
    (tmp_path / "site.yaml").write_text(yaml.safe_dump({"schema_version": 1, **site}))
    (tmp_path / "campaign.yaml").write_text(copper_campaign(f"by-{by}", 6))
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "TANSAKU_"))}
    told = {"TANSAKU_MONGO_URI": uri} if by == "variable" else {"TANSAKU_MONGO_URI_FILE": str(secret)}
    environment = kept | told | {
        "TANSAKU_HOME": str(home), "MY_LICENSE": "1234", "OTHER_LICENSE": "5678",
        "PREFECT_API_AUTH_STRING": PASSWORD,
        "PREFECT_HOME": str(home / "prefect-home"),
    }  # fmt: skip
    program = Path(sys.executable).with_name("tansaku")
    command = [str(program), "run", str(tmp_path / "campaign.yaml"), "--site", str(tmp_path / "site.yaml"), *options]
    seen = watched(command, environment, tmp_path / "log")

    assert any(WORKER in words for words in seen), "no worker was seen"
    assert any(SERVER in words for words in seen) == (not options), "no Prefect server was seen"
    for words, variables in seen.items():
        assert "TANSAKU_MONGO_URI" not in variables, words
        assert "TANSAKU_MONGO_URI_FILE" not in variables, words
        assert not [name for name, value in variables.items() if PASSWORD in value or value == str(secret)], words
        assert "OTHER_LICENSE" not in variables, words
        assert ("MY_LICENSE" in variables) == (WORKER in words or FORKER in words), words
        assert not any(PASSWORD in word for word in words)
    for file in (path for path in home.rglob("*") if path.is_file()):
        assert PASSWORD.encode() not in file.read_bytes(), file
