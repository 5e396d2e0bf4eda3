"""Two Unix users of one machine run their databases at once and do not meet, also not in the temporary folder."""

from __future__ import annotations

import json
import os
import pwd
import secrets
import shutil
import stat
import subprocess
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from tansaku.models.domain.errors import StoreError, TansakuError
from tansaku.tasks.backends.stores.connection import open_database
from tansaku.tasks.backends.stores.embedded_mongod import SOCKET_NAME, EmbeddedMongod, socket_folder
from tansaku.tasks.backends.stores.mongod_binary import find_mongod
from tansaku.tasks.ground.settings import HOME_VARIABLE, Settings

LONG = Path("a" * 60) / ("b" * 60)


@pytest.fixture
def somebody(require: Callable[[str], None]) -> Iterator[pwd.struct_passwd]:
    """A user made for this test; nothing of them is left afterwards."""
    for component in ("root", "useradd", "mongod"):
        require(component)
    name = f"tsk-{secrets.token_hex(4)}"
    subprocess.run(["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", name], check=True)
    try:
        yield pwd.getpwnam(name)
    finally:
        subprocess.run(["userdel", name], check=True)


@pytest.fixture
def place(somebody: pwd.struct_passwd) -> Iterator[Path]:
    """A folder both can enter: ``ours`` and ``theirs`` belong to one user each, ``bin`` has the server for both."""
    folder = Path(tempfile.mkdtemp(prefix="tsk-"))
    folder.chmod(0o755)
    for name in ("ours", "theirs", "bin"):
        (folder / name).mkdir(mode=0o755)
    os.chown(folder / "theirs", somebody.pw_uid, somebody.pw_gid)
    shutil.copy(find_mongod(), folder / "bin" / "mongod")
    (folder / "bin" / "mongod").chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def as_user(user: pwd.struct_passwd, place: Path, ask: Callable[[], object]) -> object:
    """What ``ask`` answers as another user, whose home is ``theirs``.

    The process is split and not started anew: another user may not even be able to read the interpreter.
    """
    out = place / "theirs" / f"{secrets.token_hex(4)}.json"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of a process with threads; the child only answers and ends
        child = os.fork()
    if child == 0:
        status = 1
        try:
            os.setgroups([])
            os.setgid(user.pw_gid)
            os.setuid(user.pw_uid)
            os.environ |= {"HOME": str(place / "theirs"), "PATH": f"{place / 'bin'}:{os.environ['PATH']}"}
            os.chdir(place / "theirs")
            out.write_text(json.dumps(ask()))
            status = 0
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    return json.loads(out.read_text())


def use(home: Path) -> dict:
    """Starts a server, writes a line into it and says what it holds and where it is."""
    server = EmbeddedMongod(home)
    database = open_database(server.start(), "tansaku")
    database["who"].insert_one({"_id": os.getuid()})
    found = sorted(one["_id"] for one in database["who"].find())
    database.client.close()
    status = server.status()
    socket = json.loads((server.folder / "server.json").read_text())["socket"]
    return {"uri": status.uri, "pid": status.pid, "found": found, "socket": socket}


def knock(uri: str, socket: str) -> list[str]:
    """What comes of trying somebody else's server: by its address, and by a look into its folder."""
    answers = []
    for attempt in (lambda: open_database(uri, "tansaku", 0.5), lambda: list(Path(socket).parent.iterdir())):
        try:
            attempt()
        except (TansakuError, OSError) as error:
            answers.append(type(error).__name__)
        else:
            answers.append("let in")
    return answers


def check_apart(ours: dict, theirs: dict, user: pwd.struct_passwd, place: Path) -> None:
    assert (ours["found"], theirs["found"]) == ([0], [user.pw_uid])
    assert ours["pid"] != theirs["pid"]
    assert [psutil.Process(one["pid"]).uids().real for one in (ours, theirs)] == [0, user.pw_uid]
    for one, owner in ((ours, 0), (theirs, user.pw_uid)):
        for path, mode in ((Path(one["socket"]), 0o600), (Path(one["socket"]).parent, 0o700)):
            assert (path.stat().st_uid, stat.S_IMODE(path.stat().st_mode)) == (owner, mode)
        assert not [known for known in psutil.Process(one["pid"]).net_connections("inet") if known.status == "LISTEN"]
    assert as_user(user, place, lambda: knock(ours["uri"], ours["socket"])) == ["TransientError", "PermissionError"]


def test_default_homes(somebody: pwd.struct_passwd, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(HOME_VARIABLE)
    monkeypatch.setenv("HOME", str(place / "ours"))
    before = set(Path(tempfile.gettempdir()).glob("mongodb-*.sock"))
    home = Settings.from_environment().home
    assert home.is_relative_to(place / "ours")
    ours = use(home)
    try:
        theirs = as_user(somebody, place, lambda: use(Settings.from_environment().home))
        try:
            assert Path(theirs["socket"]).is_relative_to(place / "theirs")
            check_apart(ours, theirs, somebody, place)
        finally:
            assert as_user(somebody, place, lambda: EmbeddedMongod(Settings.from_environment().home).stop())
    finally:
        assert EmbeddedMongod(home).stop()
    assert set(Path(tempfile.gettempdir()).glob("mongodb-*.sock")) == before


def test_sockets_in_the_temporary_folder(somebody: pwd.struct_passwd, place: Path) -> None:
    homes = place / "ours" / LONG, place / "theirs" / LONG
    ours = use(homes[0])
    try:
        theirs = as_user(somebody, place, lambda: use(homes[1]))
        try:
            folders = [Path(one["socket"]).parent for one in (ours, theirs)]
            assert {folder.parent for folder in folders} == {Path(tempfile.gettempdir())}
            assert [folder.name.rpartition("-")[2] for folder in folders] == ["0", str(somebody.pw_uid)]
            check_apart(ours, theirs, somebody, place)
        finally:
            assert as_user(somebody, place, lambda: EmbeddedMongod(homes[1]).stop())
    finally:
        assert EmbeddedMongod(homes[0]).stop()
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)


def test_a_folder_that_the_other_made_in_our_place_is_not_used(somebody: pwd.struct_passwd, place: Path) -> None:
    home = place / "ours" / LONG
    folder = socket_folder(home / "mongod", None)
    folder.rmdir()
    as_user(somebody, place, lambda: folder.mkdir(mode=0o777))
    try:
        with pytest.raises(StoreError, match="belongs to another user"):
            EmbeddedMongod(home).start()
        assert not (folder / SOCKET_NAME).exists()
    finally:
        folder.rmdir()
