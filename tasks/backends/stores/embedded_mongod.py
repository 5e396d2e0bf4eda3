"""A private MongoDB server for one user, started on demand and shared by all of the user's commands.

It listens on a unix socket in a folder that only the user can enter, and on no TCP port. The server is a daemon: it
has its own session and log and no inherited output, so killing a client does not end it, and it never blocks a client.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from urllib.parse import quote_plus

import psutil

from tansaku.models.domain.errors import StoreError, TransientError
from tansaku.tasks.backends.stores.mongod_binary import find_mongod
from tansaku.tasks.backends.stores.mongod_failures import start_failure
from tansaku.tasks.backends.stores.mongod_folders import (
    SOCKET_NAME,
    private_folder,
    refuse_full_disk,
    refuse_network_filesystem,
    socket_folder,
    unusable,
)
from tansaku.tasks.backends.stores.open_files import most_files, refuse_few_files
from tansaku.tasks.ground.settings import child_environment

START_SECONDS = 180.0
"""Longest time for a start, since a journal may have to be replayed [s]."""

STOP_SECONDS = 60.0
CACHE_GB = 0.25
_LARGEST_LOG = 20 * 2**20
_LOOK = 0.05
_PORT = 27017  # only the name of the second socket that mongod opens beside ours; no such port is bound


@dataclass(frozen=True)
class MongodStatus:
    """State of the embedded server.

    Attributes:
        running: Whether its process exists.
        answering: Whether its socket accepts connections.
        size: Of the data folder [bytes].
    """

    running: bool
    answering: bool
    pid: int | None
    started_at: datetime | None
    uri: str | None
    data: Path
    log: Path
    size: int


_RECORD_KEYS = frozenset({"host", "boot", "socket"})


class EmbeddedMongod:
    """The embedded server of a home folder.

    Args:
        home: tansaku's home folder; the server keeps to ``home/mongod``.
        runtime: The user's run-time folder for the socket; None: inside the home folder.
        start_seconds: Longest time a start may take [s].
    """

    def __init__(self, home: Path, *, runtime: Path | None = None, start_seconds: float = START_SECONDS) -> None:
        self.folder = home.absolute() / "mongod"
        self.data = self.folder / "data"
        self.log = self.folder / "mongod.log"
        self._pid_file = self.folder / "mongod.pid"
        self._record_file = self.folder / "server.json"
        self._runtime = runtime
        self._start_seconds = start_seconds

    def start(self) -> str:
        """Starts the server unless it runs; concurrent callers get the same server.

        Returns:
            Its MongoDB URI.

        Raises:
            StoreError: The folder is not local, not writable or belongs to another host; or the start failed.
            DiskFullError: There is no room for its files.
            MissingComponentError: No mongod runs here.
            TransientError: It did not become ready in time.
        """
        running = self.running()
        if running is not None:
            return running
        private_folder(self.folder)
        refuse_network_filesystem(self.folder)
        with self._alone():
            self._refuse_foreign_host()
            return _uri(self._adopt() or self._launch())

    def running(self) -> str | None:
        """URI of the server if it answers; starts nothing."""
        record = self._record()
        if record is None or not _is_here(record) or not _answers(Path(record["socket"])):
            return None
        return _uri(Path(record["socket"]))

    def stop(self) -> bool:
        """Stops the server cleanly: acknowledged data are on disk when this returns.

        Returns:
            Whether it was running.

        Raises:
            StoreError: It belongs to another host.
            TransientError: It did not end in time; it is not killed.
        """
        if not self.folder.is_dir():
            return False
        with self._alone():
            self._refuse_foreign_host()
            process = self._process()
            if process is not None:
                self._terminate(process)
            self._clear()
            return process is not None

    def status(self) -> MongodStatus:
        """Returns the state without starting anything."""
        record = self._record()
        path = None if record is None else Path(record["socket"])
        process = self._process()
        return MongodStatus(
            running=process is not None,
            answering=path is not None and _answers(path),
            pid=None if process is None else process.pid,
            started_at=None if process is None else datetime.fromtimestamp(process.create_time(), UTC),
            uri=None if path is None else _uri(path),
            data=self.data,
            log=self.log,
            size=_size(self.data),
        )

    def _launch(self) -> Path:
        binary = find_mongod()
        private_folder(self.data)
        refuse_full_disk(self.folder)
        refuse_few_files()
        folder = socket_folder(self.folder, self._runtime)
        path = folder / SOCKET_NAME
        for stale in folder.glob("*.sock"):
            stale.unlink()
        self._pid_file.unlink(missing_ok=True)
        self._rotate_log()
        # Written before the start: if this process is killed now, the next one finds the server.
        former = self._record()
        self._write_record({"host": socket.gethostname(), "boot": _boot(), "socket": str(path)})
        command = [
            *(str(binary), "--fork", "--quiet", "--dbpath", str(self.data)),
            *("--bind_ip", str(path), "--unixSocketPrefix", str(folder), "--filePermissions", "0600", "--port", str(_PORT)),
            *("--logpath", str(self.log), "--logappend", "--pidfilepath", str(self._pid_file)),
            *("--wiredTigerCacheSizeGB", str(CACHE_GB), "--setParameter", "diagnosticDataCollectionEnabled=false"),
        ]
        try:
            with most_files():
                done = subprocess.run(  # noqa: S603 - our own binary, an argument list
                    command,
                    stdin=subprocess.DEVNULL,
                    env=child_environment(),  # it outlives this process
                    capture_output=True,
                    text=True,
                    timeout=self._start_seconds,
                    check=False,
                    start_new_session=True,
                    cwd=self.folder,
                )
        except subprocess.TimeoutExpired as error:
            raise TransientError(
                f"mongod did not become ready within {self._start_seconds:g} s", hint=f"its log is {self.log}"
            ) from error
        if done.returncode != 0:
            self._record_file.unlink() if former is None else self._write_record(former)
            raise start_failure(binary, done.returncode, done.stdout + done.stderr, self.log)
        return path

    def _adopt(self) -> Path | None:
        """Returns the socket of a running or starting server; an unreachable server is stopped first."""
        deadline = time.monotonic() + self._start_seconds
        while (process := self._process()) is not None:
            path = Path(_argument(_words(process), "--bind_ip"))
            if _answers(path):
                self._write_record({"host": socket.gethostname(), "boot": _boot(), "socket": str(path)})
                return path
            if time.monotonic() > deadline or (not path.exists() and _listens(process)):
                self._terminate(process)
                return None
            Event().wait(_LOOK)
        return None

    def _process(self) -> psutil.Process | None:
        """Returns the server's process, identified by user and data folder because process ids are reused."""
        for pid_file in (self._pid_file, self.data / "mongod.lock"):
            try:
                process = psutil.Process(int(pid_file.read_text().strip() or 0))
            except (OSError, ValueError, psutil.Error):
                continue
            if self._is_server(process):
                return process
        # A server whose starter was killed may not have written its process id yet, and may still be forking.
        found = [process for process in psutil.process_iter() if self._is_server(process)]
        parents = {_parent(process) for process in found}
        return next((process for process in found if process.pid not in parents), None)

    def _is_server(self, process: psutil.Process) -> bool:
        if _argument(_words(process), "--dbpath") != str(self.data):
            return False
        try:
            return process.uids().effective == os.getuid() and process.status() != psutil.STATUS_ZOMBIE
        except psutil.Error:
            return False

    def _terminate(self, process: psutil.Process) -> None:
        try:
            process.terminate()
            process.wait(STOP_SECONDS)
        except psutil.NoSuchProcess:
            return
        except psutil.TimeoutExpired as error:
            raise TransientError(
                f"mongod (process {process.pid}) did not end within {STOP_SECONDS:g} s", hint=f"its log is {self.log}"
            ) from error

    def _clear(self) -> None:
        record = self._record()
        if record is not None:
            shutil.rmtree(Path(record["socket"]).parent, ignore_errors=True)
        self._record_file.unlink(missing_ok=True)
        self._pid_file.unlink(missing_ok=True)

    def _refuse_foreign_host(self) -> None:
        record = self._record()
        if record is not None and not _is_here(record):
            raise StoreError(
                f"the database in {self.folder} is in use by host {record['host']!r}, this is {socket.gethostname()!r}",
                hint=f"run `tansaku db stop` there; if that host no longer exists, delete {self._record_file}",
            )

    def _record(self) -> dict[str, str] | None:
        try:
            record = json.loads(self._record_file.read_text())
        except FileNotFoundError:
            return None
        except OSError as error:
            raise unusable(self.folder, error) from error
        except ValueError:
            return None
        if not isinstance(record, dict) or not record.keys() >= _RECORD_KEYS:
            return None
        return {key: str(record[key]) for key in _RECORD_KEYS}

    def _write_record(self, record: dict[str, str]) -> None:
        draft = self._record_file.with_suffix(".new")
        try:
            draft.write_text(json.dumps(record))
            draft.replace(self._record_file)
        except OSError as error:
            raise unusable(self.folder, error) from error

    def _rotate_log(self) -> None:
        if self.log.exists() and self.log.stat().st_size > _LARGEST_LOG:
            self.log.replace(self.log.with_suffix(".log.1"))

    @contextmanager
    def _alone(self) -> Iterator[None]:
        try:
            handle = os.open(self.folder / "start.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise unusable(self.folder, error) from error
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)


def _is_here(record: dict[str, str]) -> bool:
    # A laptop's host name may change with its network; the running kernel does not.
    return record["host"] == socket.gethostname() or record["boot"] == _boot()


def _boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return socket.gethostname()


def _words(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def _parent(process: psutil.Process) -> int | None:
    try:
        return process.ppid()
    except psutil.Error:
        return None


def _argument(words: list[str], option: str) -> str:
    return words[words.index(option) + 1] if option in words[:-1] else ""


def _uri(path: Path) -> str:
    return f"mongodb://{quote_plus(str(path))}/?directConnection=true"


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(2.0)
        try:
            probe.connect(os.fsencode(path))
        except OSError:
            return False
    return True


def _listens(process: psutil.Process) -> bool:
    try:
        return any(str(end.laddr).endswith(SOCKET_NAME) for end in process.net_connections("unix"))
    except psutil.Error:
        return False


def _size(folder: Path) -> int:
    total = 0
    for file in folder.rglob("*"):
        try:
            total += file.stat().st_size
        except FileNotFoundError:
            continue  # the server removes files while we read
    return total
