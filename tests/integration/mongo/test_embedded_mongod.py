import json
import os
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from tansaku.models.domain.errors import MissingComponentError, StoreError, TransientError
from tansaku.models.domain.specs.site import SiteSpec
from tansaku.tasks.backends.stores import embedded_mongod, mongod_binary
from tansaku.tasks.backends.stores.connection import connect, open_database
from tansaku.tasks.backends.stores.embedded_mongod import EmbeddedMongod, start_failure
from tansaku.tasks.ground.settings import Settings
from tansaku.tasks.ground.site import private_folder

STARTER = """
import sys
from pathlib import Path
from tansaku.tasks.backends.stores.embedded_mongod import EmbeddedMongod
print(EmbeddedMongod(Path(sys.argv[1])).start(), flush=True)
"""

WRITER = """
import sys, threading
from tansaku.tasks.backends.stores.connection import open_database
database = open_database(sys.argv[1], "rate")
log = open(sys.argv[3], "w", buffering=1)
def write(start):
    number = start
    while True:
        database["numbers"].insert_one({"_id": number})
        log.write(f"{number}\\n")
        number += 1
for thread in range(3):
    threading.Thread(target=write, args=(int(sys.argv[2]) + thread * 100_000,), daemon=True).start()
threading.Event().wait()
"""


@pytest.fixture
def home(require: Callable[[str], None]) -> Iterator[Path]:
    """A home of its own on a short path; its server ends with the test."""
    require("mongod")
    with tempfile.TemporaryDirectory(prefix="tsk-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)
        record = Path(folder, "mongod", "server.json")
        if record.exists() and os.access(record.parent, os.W_OK):
            record.write_text(json.dumps(json.loads(record.read_text()) | {"host": socket.gethostname()}))
        EmbeddedMongod(Path(folder)).stop()


def run_python(code: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", code, *arguments], stdout=subprocess.PIPE, text=True)


def pid_of(server: EmbeddedMongod) -> int:
    pid = server.status().pid
    assert pid is not None
    return pid


def test_socket_is_private_and_there_is_no_tcp(home: Path) -> None:
    before = set(Path(tempfile.gettempdir()).glob("mongodb-*.sock"))
    server = EmbeddedMongod(home)
    server.start()
    process = psutil.Process(pid_of(server))
    assert process.net_connections("inet") == []
    sockets = [Path(end.laddr) for end in process.net_connections("unix") if end.status != "ESTABLISHED" and end.laddr]
    assert sockets
    for path in set(sockets):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
        assert path.parent.stat().st_uid == os.getuid()
        assert len(os.fsencode(path)) <= embedded_mongod.LONGEST_SOCKET
    assert set(Path(tempfile.gettempdir()).glob("mongodb-*.sock")) == before
    assert stat.S_IMODE(server.folder.stat().st_mode) == 0o700
    assert {Path(path) for path in ("/dev/null", str(server.log))} >= {
        Path(f"/proc/{process.pid}/fd/{number}").readlink() for number in (0, 1, 2)
    }


def test_stop_is_clean_and_start_finds_the_data(home: Path) -> None:
    server = EmbeddedMongod(home)
    open_database(server.start(), "kept")["things"].insert_one({"_id": 1})
    folder = Path(json.loads((server.folder / "server.json").read_text())["socket"]).parent
    assert server.stop()
    assert not server.stop()
    assert not folder.exists()
    assert not server.status().running
    assert '"exitCode":0' in server.log.read_text().splitlines()[-1]
    database = open_database(server.start(), "kept")
    assert database["things"].find_one() == {"_id": 1}
    assert server.status().answering


def test_concurrent_starts_share_one_server(home: Path) -> None:
    starters = [run_python(STARTER, str(home)) for _ in range(4)]
    uris = {starter.communicate(timeout=120)[0].strip() for starter in starters}
    assert [starter.returncode for starter in starters] == [0, 0, 0, 0]
    assert len(uris) == 1
    assert uris == {EmbeddedMongod(home).start()}
    data = str(home / "mongod" / "data")
    servers = [one for one in psutil.process_iter(["cmdline"]) if data in (one.info["cmdline"] or [])]
    assert len(servers) == 1


def test_server_survives_its_killed_starter(home: Path) -> None:
    starter = run_python(STARTER + "import time\nthreading = time.sleep(600)\n", str(home))
    assert starter.stdout is not None
    uri = starter.stdout.readline().strip()
    pid = pid_of(EmbeddedMongod(home))
    os.kill(starter.pid, signal.SIGKILL)
    # The pipe closes with the starter: the server has not inherited it.
    assert starter.communicate(timeout=30)[0] == ""
    assert open_database(uri, "x").command("ping")["ok"] == 1
    assert EmbeddedMongod(home).start() == uri
    assert pid_of(EmbeddedMongod(home)) == pid


def test_starter_killed_on_the_way_is_followed_by_the_next(home: Path) -> None:
    data = str(home / "mongod" / "data")
    for delay in (0.01, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4):
        starter = run_python(STARTER.replace("print(", "print(flush=True)\nprint("), str(home))
        assert starter.stdout is not None
        starter.stdout.readline()
        threading.Event().wait(delay)
        starter.kill()
        starter.communicate(timeout=30)
        server = EmbeddedMongod(home)
        database = open_database(server.start(), "x")
        database["things"].insert_one({"delay": delay})
        database.client.close()
        assert len([one for one in psutil.process_iter(["cmdline"]) if data in (one.info["cmdline"] or [])]) == 1
        assert server.stop()


def test_stale_socket_lock_and_pid_after_a_crash(home: Path) -> None:
    server = EmbeddedMongod(home)
    uri = server.start()
    open_database(uri, "kept")["things"].insert_one({"_id": 1})
    process = psutil.Process(pid_of(server))
    process.kill()
    process.wait(30)
    path = Path(json.loads((server.folder / "server.json").read_text())["socket"])
    assert path.exists()
    assert (server.data / "mongod.lock").read_text()
    assert not server.status().running
    # The process id now belongs to somebody else: to us.
    (server.folder / "mongod.pid").write_text(str(os.getpid()))
    (server.data / "mongod.lock").write_text(f"{os.getpid()}\n")
    assert not server.status().running
    assert open_database(server.start(), "kept")["things"].find_one() == {"_id": 1}


def test_removed_socket_is_replaced(home: Path) -> None:
    server = EmbeddedMongod(home)
    open_database(server.start(), "kept")["things"].insert_one({"_id": 1})
    first = pid_of(server)
    path = Path(json.loads((server.folder / "server.json").read_text())["socket"])
    for file in path.parent.iterdir():
        file.unlink()
    path.parent.rmdir()
    assert open_database(server.start(), "kept")["things"].find_one() == {"_id": 1}
    assert pid_of(server) != first


def test_acknowledged_writes_survive_a_killed_server(home: Path, tmp_path: Path) -> None:
    server = EmbeddedMongod(home)
    for generation in range(3):
        uri = server.start()
        logs = [tmp_path / f"{generation}-{n}" for n in range(2)]
        writers = [run_python(WRITER, uri, str((2 * generation + n) * 1_000_000), str(log)) for n, log in enumerate(logs)]
        while not all(log.exists() and len(acknowledged_in(log)) > 500 for log in logs):
            assert [writer.poll() for writer in writers] == [None, None]
            threading.Event().wait(0.05)
        process = psutil.Process(pid_of(server))
        process.kill()
        process.wait(30)
        for writer in writers:
            writer.kill()
            writer.communicate(timeout=60)
        acknowledged = set().union(*(acknowledged_in(log) for log in logs))
        found = {document["_id"] for document in open_database(server.start(), "rate")["numbers"].find()}
        assert acknowledged <= found


def acknowledged_in(log: Path) -> set[int]:
    return {int(line) for line in log.read_text().splitlines(keepends=True) if line.endswith("\n")}


def test_two_homes_do_not_meet(home: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="tsk-") as other:
        one, two = EmbeddedMongod(home), EmbeddedMongod(Path(other))
        try:
            assert one.start() != two.start()
            open_database(one.start(), "x")["things"].insert_one({"_id": 1})
            assert open_database(two.start(), "x")["things"].find_one() is None
            assert pid_of(one) != pid_of(two)
            assert two.stop()
            assert one.status().answering
        finally:
            two.stop()


def test_runtime_folder_holds_the_socket_and_every_caller_finds_it(home: Path, tmp_path: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="run-") as runtime:
        uri = EmbeddedMongod(home, runtime=Path(runtime)).start()
        assert Path(runtime).name in uri
        assert EmbeddedMongod(home).start() == uri
        assert EmbeddedMongod(home).stop()
        assert list(Path(runtime).iterdir()) == []


def test_long_home_gets_a_short_socket(home: Path) -> None:
    deep = home / ("d" * 60) / ("e" * 60)
    server = EmbeddedMongod(deep)
    try:
        open_database(server.start(), "x")["things"].insert_one({"_id": 1})
        folder = Path(json.loads((server.folder / "server.json").read_text())["socket"]).parent
        assert folder.parent == Path(tempfile.gettempdir())
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    finally:
        assert server.stop()
    assert not folder.exists()


def test_temporary_folder_of_another_user_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "taken"
    folder.mkdir()
    monkeypatch.setattr(os, "getuid", lambda: folder.stat().st_uid + 1)
    with pytest.raises(StoreError, match="belongs to another user"):
        private_folder.private_folder(folder)


def test_link_in_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with pytest.raises(StoreError, match="is a link"):
        private_folder.private_folder(tmp_path / "link")


def test_folder_of_another_host_is_refused(home: Path) -> None:
    server = EmbeddedMongod(home)
    server.start()
    record = server.folder / "server.json"
    kept = record.read_text()
    record.write_text(json.dumps(json.loads(kept) | {"host": "elsewhere"}))
    # Another name alone is no other machine.
    assert server.start() == EmbeddedMongod(home).status().uri
    record.write_text(json.dumps(json.loads(kept) | {"host": "elsewhere", "boot": "another"}))
    for act in (server.start, server.stop):
        with pytest.raises(StoreError, match="in use by host 'elsewhere'") as caught:
            act()
        assert str(record) in str(caught.value.hint)
    record.write_text(kept)
    assert server.status().answering


def test_server_without_a_record_is_adopted(home: Path) -> None:
    server = EmbeddedMongod(home)
    uri, pid = server.start(), pid_of(server)
    (server.folder / "server.json").unlink()
    assert (server.start(), pid_of(server)) == (uri, pid)
    assert server.status().uri == uri


def test_file_in_place_of_the_home_is_a_clear_error(home: Path) -> None:
    (home / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be used") as caught:
        EmbeddedMongod(home / "file").start()
    assert "TANSAKU_HOME" in str(caught.value.hint)


def test_network_file_system_is_refused(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kind = private_folder.filesystem_type(home)
    assert kind
    monkeypatch.setattr(private_folder, "_NETWORK_TYPES", (kind,))
    with pytest.raises(StoreError, match=f"network file system \\({kind}\\)"):
        EmbeddedMongod(home).start()


def test_second_server_on_the_same_data_is_explained(home: Path) -> None:
    server = EmbeddedMongod(home)
    server.start()
    with tempfile.TemporaryDirectory(prefix="tsk-") as other:
        rival = EmbeddedMongod(Path(other))
        rival.data = server.data
        rival._adopt = lambda: None  # type: ignore[method-assign]
        with pytest.raises(StoreError, match="another mongod uses the data folder"):
            rival.start()
        assert rival.status().uri is None
    assert server.status().answering


def test_missing_library_says_what_to_install(tmp_path: Path) -> None:
    binary = tmp_path / "mongod"
    binary.write_text('#!/bin/sh\necho "$0: libcurl.so.4: cannot open shared object file" >&2\nexit 127\n')
    binary.chmod(0o755)
    with pytest.raises(MissingComponentError, match=r"libcurl\.so\.4 is missing") as caught:
        mongod_binary.mongod_version(binary)
    assert "apt-get install libcurl4" in str(caught.value.hint)


def test_mongod_on_path_wins_unless_it_is_too_old(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, require: Callable[[str], None]
) -> None:
    require("mongod")
    shipped = mongod_binary.find_mongod()
    binary = tmp_path / "mongod"
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    for version, expected in (("v7.0.1", binary), ("v4.4.29", shipped)):
        binary.write_text(f"#!/bin/sh\necho 'db version {version}'\n")
        binary.chmod(0o755)
        assert mongod_binary.find_mongod() == expected


UPGRADE_PROBLEM = (
    '{"t":{"$date":"2026-11-22T10:00:00.000+00:00"},"s":"F","c":"CONTROL","id":20573,"ctx":"initandlisten","msg":"Wrong mongod '
    'version","attr":{"error":"UPGRADE PROBLEM: Found an invalid featureCompatibilityVersion document (ERROR: Location4926900: '
    'Invalid featureCompatibilityVersion document in admin.system.version: { _id: \\"featureCompatibilityVersion\\", version: '
    '\\"6.0\\" }."}}\n'
)
"""What mongod 8.0 logs over the data of a 6.0."""


def test_data_of_another_release_are_moved_by_dump_and_restore(tmp_path: Path) -> None:
    found = start_failure(Path("/usr/bin/mongod"), 62, UPGRADE_PROBLEM, tmp_path / "none.log")
    assert "the data folder was written by another version of MongoDB" in found.message
    assert "`tansaku db dump FILE`" in str(found.hint)
    assert "`tansaku db restore FILE`" in str(found.hint)
    assert "8.0 those of 6.0" in str(found.hint)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Error creating journal: No space left on device", "the database could not be started: disk is full: "),
        ("DBPathInUse: Unable to lock the lock file", "another mongod"),
        ("Wrong mongod version. UPGRADE PROBLEM", "another version"),
        (UPGRADE_PROBLEM, "another version"),
        ("something new", "something new"),
    ],
)
def test_reasons_of_a_failed_start(tmp_path: Path, text: str, reason: str) -> None:
    assert reason in start_failure(Path("mongod"), 14, text, tmp_path / "none.log").message


def test_connect_starts_the_embedded_server(home: Path) -> None:
    database = connect(Settings(home=home), SiteSpec())
    assert database.name == "tansaku"
    assert EmbeddedMongod(home).status().running


def test_stopped_server_is_a_transient_error(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tansaku.tasks.backends.stores import connection
    from tansaku.tasks.backends.stores.mongo import MongoCampaignStore

    monkeypatch.setattr(connection, "SELECTION_SECONDS", 0.3)
    server = EmbeddedMongod(home)
    store = MongoCampaignStore(open_database(server.start(), "x"))
    server.stop()
    with pytest.raises(TransientError, match="it is unknown whether it took place"):
        store.campaign_names()
    server.start()
    assert store.campaign_names() == []


def test_unprivileged_user_cannot_write_a_read_only_folder(home: Path) -> None:
    locked = home / "locked"
    locked.mkdir(mode=0o500)
    command = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from tansaku.models.domain.errors import StoreError\n"
        "from tansaku.tasks.backends.stores.embedded_mongod import EmbeddedMongod\n"
        "if os.getuid() == 0: os.chown(sys.argv[1], 65534, 65534); os.setgid(65534); os.setuid(65534)\n"
        "try: EmbeddedMongod(Path(sys.argv[1])).start()\n"
        "except StoreError as error: print(error)\n"
    )
    home.chmod(0o755)
    done = run_python(command, str(locked)).communicate(timeout=60)[0]
    assert "cannot be written" in done
    assert "TANSAKU_HOME" in done
