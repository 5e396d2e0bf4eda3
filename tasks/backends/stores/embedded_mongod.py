"""A private MongoDB server for one user, which listens on a unix socket in a folder that only the user can enter."""

from __future__ import annotations

import json
import os
import resource
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote_plus

from tansaku.models.domain.errors import DiskFullError, StoreError, TransientError
from tansaku.models.domain.identifiers import short_hash
from tansaku.tasks.backends.stores.mongod_binary import find_mongod
from tansaku.tasks.ground.settings import child_environment
from tansaku.tasks.ground.site.private_folder import private_folder, refuse_network_filesystem
from tansaku.tasks.ground.site.private_server import PrivateServer

SOCKET_NAME = "mongod.sock"
LONGEST_SOCKET = 107
"""Longest path of a unix socket [bytes]."""

FREE_TO_START = 400 * 2**20
"""Disk space that a new database needs: journal files are allocated in advance [bytes]."""

FREE_TO_CONTINUE = 50 * 2**20
"""Disk space that a database needs whose journal files exist; with 30 MB it started [bytes]."""

_START_SECONDS = 180.0
"""Longest time for a start, since a journal may have to be replayed [s]."""

CACHE_GB = 0.25
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


class EmbeddedMongod(PrivateServer):
    """The embedded server of a home folder.

    Args:
        home: tansaku's home folder; the server keeps to ``home/mongod``.
        runtime: The user's run-time folder for the socket; None: inside the home folder.
    """

    def __init__(self, home: Path, *, runtime: Path | None = None) -> None:
        folder = home.absolute() / "mongod"
        super().__init__(folder, "mongod", folder / "data", "--dbpath", "--bind_ip", _START_SECONDS)
        self._runtime = runtime

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
        with self.alone():
            return _uri(self._ensure())

    def running(self) -> str | None:
        """URI of the server if it answers; starts nothing."""
        where = self._answering()
        return None if where is None else _uri(where)

    def status(self) -> MongodStatus:
        """Returns the state without starting anything."""
        record = self._record()
        process = self._process()
        return MongodStatus(
            running=process is not None,
            answering=self._answering() is not None,
            pid=None if process is None else process.pid,
            started_at=None if process is None else datetime.fromtimestamp(process.create_time(), UTC),
            uri=None if record is None else _uri(record["socket"]),
            data=self.data,
            log=self.log,
            size=_size(self.data),
        )

    def _launch(self) -> str:
        binary = find_mongod()
        private_folder(self.data)
        refuse_full_disk(self.folder)
        _refuse_few_files()
        folder = socket_folder(self.folder, self._runtime)
        path = folder / SOCKET_NAME
        for stale in folder.glob("*.sock"):
            stale.unlink()
        self._pid_file.unlink(missing_ok=True)
        self._rotate_log()
        # Written before the start: if this process is killed now, the next one finds the server.
        former = self._record()
        self._note(str(path))
        command = [
            *(str(binary), "--fork", "--quiet", "--dbpath", str(self.data)),
            *("--bind_ip", str(path), "--unixSocketPrefix", str(folder), "--filePermissions", "0600", "--port", str(_PORT)),
            *("--logpath", str(self.log), "--logappend", "--pidfilepath", str(self._pid_file)),
            *("--wiredTigerCacheSizeGB", str(CACHE_GB), "--setParameter", "diagnosticDataCollectionEnabled=false"),
        ]
        try:
            with _most_files():
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
        return str(path)

    def _pid_files(self) -> list[Path]:
        return [self._pid_file, self.data / "mongod.lock"]

    def _clear(self) -> None:
        record = self._record()
        if record is not None:
            shutil.rmtree(Path(record["socket"]).parent, ignore_errors=True)
        super()._clear()


def _uri(where: str) -> str:
    return f"mongodb://{quote_plus(where)}/?directConnection=true"


def _size(folder: Path) -> int:
    total = 0
    for file in folder.rglob("*"):
        try:
            total += file.stat().st_size
        except FileNotFoundError:
            continue  # the server removes files while we read
    return total


def refuse_full_disk(folder: Path) -> None:
    """Raises DiskFullError when too little is free for a start."""
    free = shutil.disk_usage(folder).free
    needed = FREE_TO_CONTINUE if any(folder.glob("data/journal/WiredTigerLog.*")) else FREE_TO_START
    if free < needed:
        raise DiskFullError(folder, f"the database needs {needed >> 20} MB of free space to start and has {free >> 20} MB")


def socket_folder(home: Path, runtime: Path | None) -> Path:
    """A private folder for the socket of the server of ``home``.

    Under the user's run-time folder where there is one, else in ``home`` itself, else, where that path is too long, in a
    folder of this user's in the temporary folder.

    Raises:
        StoreError: None of them is usable.
    """
    name = f"tansaku-{short_hash([str(home)])[:12]}"
    temporary = Path(tempfile.gettempdir())
    candidates = [home / "run", temporary / f"{name}-{os.getuid()}"]
    if runtime is not None and _is_private(runtime):
        candidates.insert(0, runtime / name)
    for candidate in candidates:
        if len(os.fsencode(candidate / SOCKET_NAME)) <= LONGEST_SOCKET:
            return private_folder(candidate)
    raise StoreError(f"no usable unix socket path of at most {LONGEST_SOCKET} bytes: {candidates[-1]} is too long")


def _is_private(folder: Path) -> bool:
    try:
        status = folder.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(status.st_mode) and status.st_uid == os.getuid() and stat.S_IMODE(status.st_mode) == 0o700


_TAIL = 64 * 2**10

_TOO_MANY_FILES = ("Too many open files", "TooManyFilesOpen")

_NO_ROOM = ("No space left on device", "ENOSPC")

_REASONS = (
    (
        ("Read-only file system", "Permission denied", "IllegalOperation: Attempted to create a lock file on a read-only"),
        "the data folder cannot be written",
        "set TANSAKU_HOME to a folder that you may write",
    ),
    (
        ("DBPathInUse", "Unable to lock the lock file"),
        "another mongod uses the data folder",
        "stop that server, or set TANSAKU_HOME to another folder",
    ),
    (
        (
            "UPGRADE PROBLEM",
            "Wrong mongod version",
            "nvalid featureCompatibilityVersion",
            "unsupported WiredTiger file version",
        ),
        "the data folder was written by another version of MongoDB",
        "start it with that version, `tansaku db dump FILE`, move the data folder away, and `tansaku db restore FILE` with "
        "this one; MongoDB cannot open files of two releases earlier (8.0 those of 6.0): see docs/reference/mongodb.md",
    ),
    (
        ("WT_PANIC", "WiredTiger library panic", "checksum error", "file is corrupt", "starting MongoDB with --repair"),
        "the data files are damaged",
        "restore the last dump into a fresh TANSAKU_HOME",
    ),
)


def start_failure(binary: Path, status: int, output: str, log: Path) -> StoreError | DiskFullError:
    """Returns the error for a mongod that ended at its start. On a full disk a running campaign waits.

    Args:
        status: Its exit status.
    """
    text = output + _tail(log)
    # Checked first: files it could not open are otherwise reported as missing, damaged or of another version.
    if any(mark in text for mark in _TOO_MANY_FILES):
        return StoreError(
            f"the database could not be started: it may not have enough files open; the limit is {_file_limit()} (log: {log})",
            hint=f"raise the limit to {_FEWEST_FILES} or more, or set TANSAKU_MONGO_URI to a server",
        )
    if any(mark in text for mark in _NO_ROOM):
        return DiskFullError(log.parent, "the database could not be started")
    for marks, reason, hint in _REASONS:
        if any(mark in text for mark in marks):
            return StoreError(f"the database could not be started: {reason} (log: {log})", hint=hint)
    complaint = _first_complaint(text) or "it printed nothing"
    return StoreError(
        f"the database could not be started: {binary} ended with status {status}; {complaint}",
        hint=f"its log is {log}",
    )


def _tail(log: Path) -> str:
    try:
        with log.open("rb") as stream:
            stream.seek(max(log.stat().st_size - _TAIL, 0))
            text = stream.read().decode(errors="replace")
    except FileNotFoundError:
        return ""
    return text[max(text.rfind('"msg":"MongoDB starting"'), 0) :]


def _first_complaint(text: str) -> str:
    for line in text.splitlines():
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        if isinstance(entry, dict) and entry.get("s") in ("E", "F"):
            return f"{entry.get('msg', '')} {json.dumps(entry.get('attr', {}))}"[:400]
    return text.strip()[-300:]


_FEWEST_FILES = 256
"""Smallest limit on open files with which mongod runs: it needs one per collection, index and connection."""


def _refuse_few_files() -> None:
    """Raises StoreError when the hard limit on open files is too low for a server; the soft one can be raised."""
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if limit != resource.RLIM_INFINITY and limit < _FEWEST_FILES:
        raise StoreError(
            f"the limit on open files is {limit} (`ulimit -Hn`); the database needs at least {_FEWEST_FILES}",
            hint="raise it (LimitNOFILE of a service, --ulimit nofile of a container), or set TANSAKU_MONGO_URI to a server",
        )


@contextmanager
def _most_files() -> Iterator[None]:
    """Lets processes started in this context open as many files as the hard limit allows; this process keeps its limit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def _file_limit() -> str:
    """Describes the limits."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return f"{soft} (`ulimit -n`), at most {'unlimited' if hard == resource.RLIM_INFINITY else hard} (`ulimit -Hn`)"
