"""The private Prefect server: started once, private, kept between runs, and ended when no driver has used it for long."""

from __future__ import annotations

import base64
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from tansaku.deploy.cli import main as cli
from tansaku.flows.campaign import _server
from tansaku.flows.server import PrivatePrefect, RunningServer
from tansaku.models.domain.errors import ConfigurationError
from tests.support.prefect_database import MigratedDatabase

STARTER = """
import sys, time
from pathlib import Path
from tansaku.flows.server import PrivatePrefect
print(PrivatePrefect(Path(sys.argv[1])).start().identity["pid"], flush=True)
time.sleep(600)
"""


@pytest.fixture
def home(require: Callable[[str], None], prefect_database: MigratedDatabase) -> Iterator[Path]:
    """A home of its own; its server ends with the test."""
    require("prefect")
    with tempfile.TemporaryDirectory(prefix="tsk-", ignore_cleanup_errors=True) as folder:
        prefect_database.put(PrivatePrefect.of(Path(folder)).folder)
        yield Path(folder)
        PrivatePrefect.stop_all(Path(folder))


def status_of(url: str, user: str | None = None) -> int:
    request = urllib.request.Request(url, headers={"Accept": "text/html"})
    if user is not None:
        request.add_header("Authorization", "Basic " + base64.b64encode(user.encode()).decode())
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def test_two_starts_at_once_make_one_private_server_that_outlives_them(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    private = PrivatePrefect.of(home)
    command = [sys.executable, "-c", STARTER, str(private.folder)]
    starters = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    pids = {int(starter.stdout.readline()) for starter in starters if starter.stdout is not None}
    for starter in starters:
        starter.send_signal(signal.SIGKILL)
        starter.communicate(timeout=60)  # the server holds no pipe of theirs
    assert len(pids) == 1
    process = psutil.Process(pids.pop())

    server = private.start()
    assert server.identity is not None
    assert server.identity["pid"] == process.pid
    ends = [end.laddr.ip for end in process.net_connections("inet") if end.status == "LISTEN"]
    assert ends == ["127.0.0.1"]
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in private.folder.iterdir()}
    assert (modes["password"], modes["prefect-server.log"]) == (0o600, 0o600)
    assert stat.S_IMODE(private.folder.stat().st_mode) == 0o700
    assert server.auth is not None
    secret = server.auth.partition(":")[2]
    assert not any(secret in text for text in [*process.cmdline(), *process.environ().values()])
    asked = f"{server.api_url}/admin/version"
    assert [status_of(asked, user) for user in (server.auth, None, "tansaku:guess")] == [200, 401, 401]

    monkeypatch.setenv("TANSAKU_HOME", str(home))
    assert said(capsys, monkeypatch, "prefect-login") == f"{server.api_url.removesuffix('/api')}/login\n{server.auth}\n"
    assert status_of(server.run_page("0")) == 200
    assert PrivatePrefect.of(home / "other")._process() is None
    assert said(capsys, monkeypatch, "stop") == "Prefect server: stopped\ndatabase: was not running\n"
    assert not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    assert said(capsys, monkeypatch, "stop") == "Prefect server: was not running\ndatabase: was not running\n"


def said(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *arguments: str) -> str:
    capsys.readouterr()
    monkeypatch.setattr(sys, "argv", ["tansaku", *arguments])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert not ended.value.code
    return capsys.readouterr().out


def test_server_ends_when_idle_whatever_asks_it_but_not_under_a_driver(home: Path) -> None:
    private = PrivatePrefect(PrivatePrefect.of(home).folder, idle_seconds=2.0)
    with pytest.raises(RuntimeError, match="as a driver"):
        fail(private)
    with private.driven() as server:
        assert server.identity is not None
        assert [path.exists() for path in server.abandoned] == [True]
        process = psutil.Process(server.identity["pid"])
        threading.Event().wait(4.0)
        assert private.is_driven()
        assert status_of(f"{server.api_url}/health") == 200
        left = server.abandoned[0]
    assert not private.is_driven()
    assert list(left.parent.iterdir()) == [left]
    threading.Thread(target=ask_for_ever, args=(f"{server.api_url}/health",), daemon=True).start()
    process.wait(60)
    assert private._record() is None


def fail(private: PrivatePrefect) -> None:
    with private.driven():
        raise RuntimeError("as a driver")


def ask_for_ever(url: str) -> None:
    with suppress(OSError):
        while status_of(url):
            threading.Event().wait(0.1)


def test_password_that_others_can_read_is_refused(home: Path) -> None:
    private = PrivatePrefect.of(home)
    private.folder.mkdir(parents=True, exist_ok=True)
    (private.folder / "password").write_text("tansaku:known\n")
    (private.folder / "password").chmod(0o644)
    with pytest.raises(ConfigurationError, match="others could read"):
        private.start()


def test_servers_of_other_versions_machines_and_homes_keep_to_their_folders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = {PrivatePrefect.of(tmp_path).folder, PrivatePrefect.of(tmp_path / "other").folder}
    monkeypatch.setattr(socket, "gethostname", lambda: "elsewhere")
    found.add(PrivatePrefect.of(tmp_path).folder)
    monkeypatch.setattr("tansaku.flows.server.version", lambda _: "9.0")
    found.add(PrivatePrefect.of(tmp_path).folder)
    assert len(found) == 4


def test_configured_server_is_used_and_none_is_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TANSAKU_HOME", str(tmp_path))
    configured = RunningServer("http://127.0.0.1:1/api")
    with _server(configured) as server:
        assert server is configured
    assert list(tmp_path.iterdir()) == []
