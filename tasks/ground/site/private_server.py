"""A server of one user that is started on demand, shared by all of the user's commands, and kept between them.

It is a daemon: it has its own session and log and no inherited output, so killing a client does not end it, and it never blocks
a client. The private MongoDB server and the private Prefect server are of this kind.
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event

import psutil

from tansaku.models.domain.errors import StoreError, TransientError
from tansaku.tasks.ground.site.private_folder import unusable

STOP_SECONDS = 60.0
_LARGEST_LOG = 20 * 2**20
_LOOK = 0.05
_RECORD_KEYS = frozenset({"host", "boot", "socket"})


class PrivateServer(ABC):
    """The private server of a folder.

    Args:
        folder: What it keeps: record, lock and log.
        title: Its name in messages.
        data: Its data, by which its process is recognised.
        data_option: Option of its command line that names the data.
        socket_option: Option of its command line that names where it listens.
        start_seconds: Longest time a start may take [s].
    """

    def __init__(
        self, folder: Path, title: str, data: Path, data_option: str, socket_option: str, start_seconds: float
    ) -> None:
        self.folder, self.data = folder, data
        self.log = folder / f"{title}.log"
        self._title = title
        self._data_option, self._socket_option = data_option, socket_option
        self._pid_file = folder / f"{title}.pid"
        self._record_file = folder / "server.json"
        self._start_seconds = start_seconds

    @abstractmethod
    def _launch(self) -> str:
        """Starts the server's process and returns where it listens; it is recorded before it starts."""

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
        with self.alone():
            self._refuse_foreign_host()
            process = self._process()
            if process is not None:
                self._terminate(process)
            self._clear()
            return process is not None

    def _answering(self) -> str | None:
        """Returns where the recorded server of this host answers; starts nothing."""
        record = self._record()
        if record is None or not _is_here(record) or not answers(record["socket"]):
            return None
        return record["socket"]

    def _ensure(self) -> str:
        """Starts the server unless it runs, and returns where it listens. The caller has the folder alone."""
        self._refuse_foreign_host()
        return self._adopt() or self._launch()

    def _adopt(self) -> str | None:
        """Returns where a running or starting server listens; an unreachable server is stopped first."""
        deadline = time.monotonic() + self._start_seconds
        while (process := self._process()) is not None:
            where = _argument(_words(process), self._socket_option)
            if answers(where):
                self._note(where)
                return where
            if time.monotonic() > deadline or _lost_its_socket(process, where):
                self._terminate(process)
                return None
            Event().wait(_LOOK)
        return None

    def _process(self) -> psutil.Process | None:
        """Returns the server's process, identified by user and data because process ids are reused."""
        for pid_file in self._pid_files():
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

    def _pid_files(self) -> list[Path]:
        return [self._pid_file]

    def _is_server(self, process: psutil.Process) -> bool:
        if _argument(_words(process), self._data_option) != str(self.data):
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
                f"{self._title} (process {process.pid}) did not end within {STOP_SECONDS:g} s", hint=f"its log is {self.log}"
            ) from error

    def _clear(self) -> None:
        self._record_file.unlink(missing_ok=True)
        self._pid_file.unlink(missing_ok=True)

    def _refuse_foreign_host(self) -> None:
        record = self._record()
        if record is not None and not _is_here(record):
            raise StoreError(
                f"{self._title} in {self.folder} is in use by host {record['host']!r}, this is {socket.gethostname()!r}",
                hint=f"run `tansaku stop` there; if that host no longer exists, delete {self._record_file}",
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

    def _note(self, where: str) -> None:
        """Records that the server of this host listens there."""
        self._write_record({"host": socket.gethostname(), "boot": _boot(), "socket": where})

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
    def alone(self) -> Iterator[None]:
        """Keeps other starts and stops away; the kernel releases the lock however the process ends."""
        try:
            handle = os.open(self.folder / "start.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise unusable(self.folder, error) from error
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)


def answers(where: str) -> bool:
    """Returns whether a server accepts connections at the path of a unix socket or at a port of this machine."""
    family, address = (socket.AF_UNIX, where) if where.startswith("/") else (socket.AF_INET, ("127.0.0.1", int(where or 0)))
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.settimeout(2.0)
        try:
            probe.connect(address)
        except OSError:
            return False
    return True


def _lost_its_socket(process: psutil.Process, where: str) -> bool:
    """Returns whether the unix socket on which a server listens was removed, so that it will never answer."""
    if not where.startswith("/") or Path(where).exists():
        return False
    try:
        return any(str(end.laddr).endswith(Path(where).name) for end in process.net_connections("unix"))
    except psutil.Error:
        return False


def _is_here(record: dict[str, str]) -> bool:
    """Returns whether a server's record was made on this host."""
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
