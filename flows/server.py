"""The private Prefect server, kept between runs, and the settings of servers and of their clients."""

from __future__ import annotations

import fcntl
import logging
import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from threading import Event

from tansaku.models.domain.errors import TransientError
from tansaku.models.domain.records import JsonDict
from tansaku.tasks.ground.settings import child_environment, read_secret_file
from tansaku.tasks.ground.site.bound_process import BoundProcess
from tansaku.tasks.ground.site.file_lock import locked
from tansaku.tasks.ground.site.private_folder import private_folder
from tansaku.tasks.ground.site.private_server import PrivateServer, answers
from tansaku.tasks.ground.site.processes import process_identity

START_TIMEOUT = 120.0
"""Longest time a server may take to start [s]; the first one of a home folder creates its database."""

IDLE_SECONDS = 3600.0
"""Time without a driver after which the private server ends itself [s]."""

_MODULE = "tansaku.flows.server_process"
_LOOK = 0.05
_LOG_TAIL = 2000
# We report a lost server once; Prefect would report it for every event it cannot deliver.
_QUIET = {
    "prefect": logging.WARNING,
    "prefect.flow_runs": logging.CRITICAL,  # an error of the loop is raised and reported once, by the caller
    "prefect.task_runs": logging.CRITICAL,
    "prefect.events.clients": logging.CRITICAL,
    "prefect._internal.concurrency": logging.CRITICAL,
}


@dataclass(frozen=True)
class RunningServer:
    """A server that is ready.

    Attributes:
        api_url: Address of its API.
        auth: User and password in Prefect's format; None for a server that we did not start.
        home: Its folder; None likewise.
        identity: Its process; None likewise.
        mark: File that this driver keeps locked, for the id of its flow run; None where it drives nothing.
        abandoned: Marks of drivers that have ended without the end of their flow run.
    """

    api_url: str
    auth: str | None = None
    home: Path | None = None
    identity: JsonDict | None = None
    mark: Path | None = None
    abandoned: tuple[Path, ...] = ()

    def run_page(self, identity: str) -> str:
        """Address of a flow run on the server's pages."""
        return f"{self.api_url.removesuffix('/api')}/runs/flow-run/{identity}"


class PrivatePrefect(PrivateServer):
    """The private Prefect server of a folder.

    It listens on the loopback interface and asks for a password, which is in a file that only this user can read.

    Args:
        folder: What it keeps, see :meth:`of`.
        idle_seconds: Time without a driver after which it ends itself [s].
    """

    def __init__(self, folder: Path, idle_seconds: float = IDLE_SECONDS) -> None:
        super().__init__(folder, "prefect-server", folder, "--home", "--port", START_TIMEOUT)
        self._idle_seconds = idle_seconds

    @classmethod
    def of(cls, home: Path) -> PrivatePrefect:
        """The server of a home folder for the installed version of Prefect.

        Each version has its own database, and so has each machine where they share a home folder: servers cannot share one.
        """
        return cls(home.resolve() / "prefect" / f"{version('prefect')}-{socket.gethostname()}")

    @classmethod
    def stop_all(cls, home: Path) -> bool:
        """Stops the servers of a home folder, also those of other versions of Prefect; returns whether one was running."""
        folders = (home.resolve() / "prefect").glob("*")
        stopped = [cls(folder).stop() for folder in folders if folder.name.partition("-")[2] == socket.gethostname()]
        return any(stopped)

    def start(self) -> RunningServer:
        """Starts the server unless it runs; concurrent callers get the same server.

        Raises:
            TransientError: It ended or took too long; the message has its last output.
            StoreError: Its folder cannot be used.
        """
        private_folder(self.folder)
        with self.alone():
            return self._running()

    @contextmanager
    def driven(self) -> Iterator[RunningServer]:
        """Starts the server unless it runs, and keeps it from ending as idle; raises as :meth:`start`.

        The mark of a driver that ends by an error stays, so that the next one closes its flow run.
        """
        private_folder(self.folder)
        with self.alone():  # a server that ends as idle looks for marks under the same lock
            private_folder(self.folder / "drivers")
            abandoned = tuple(path for path in self._marks() if not _is_held(path))
            mark = self.folder / "drivers" / secrets.token_hex(8)
            lock = os.open(mark, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX)
                server = self._running(mark, abandoned)
            except BaseException:
                mark.unlink()
                os.close(lock)
                raise
        try:
            yield server
            mark.unlink(missing_ok=True)
        finally:
            os.close(lock)

    def is_driven(self) -> bool:
        """Returns whether a driver uses the server."""
        return any(_is_held(path) for path in self._marks())

    def end_unless_driven(self) -> None:
        """Ends this process, which is the server, unless a driver has come meanwhile."""
        with self.alone():  # held until the process has ended
            if not self.is_driven():
                self._clear()
                os._exit(0)

    def _marks(self) -> list[Path]:
        return sorted(path for path in (self.folder / "drivers").glob("*") if path.is_file() and not path.is_symlink())

    def _running(self, mark: Path | None = None, abandoned: tuple[Path, ...] = ()) -> RunningServer:
        port, process = self._ensure(), self._process()
        identity = None if process is None else process_identity(process.pid)
        return RunningServer(f"http://127.0.0.1:{port}/api", password(self.folder), self.folder, identity, mark, abandoned)

    def _launch(self) -> str:
        _make_password(self.folder)
        password(self.folder)  # refused here, with its reason, rather than in the server's log
        self._rotate_log()
        output = os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            port = str(listener.getsockname()[1])
            self._note(port)
            command = [sys.executable, "-P", "-m", _MODULE, "--home", str(self.folder), "--port", port]
            try:
                process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                    [*command, "--listener", str(listener.fileno()), "--idle", str(self._idle_seconds)],
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    env=child_environment(),
                    start_new_session=True,  # it outlives this process
                    cwd=self.folder,  # Prefect reads settings from files of the working folder
                    pass_fds=[listener.fileno()],
                )
            finally:
                os.close(output)
        self._pid_file.write_text(str(process.pid))
        deadline = time.monotonic() + self._start_seconds
        while not answers(port):
            if process.poll() is not None or time.monotonic() > deadline:
                said = self.log.read_text(errors="replace")[-_LOG_TAIL:].strip()
                late = f"it did not answer within {self._start_seconds:g} s" if process.poll() is None else ""
                process.kill()
                self._clear()
                raise TransientError(
                    f"the Prefect server did not start: {' '.join(filter(None, (late, said)))}",
                    hint=f"its output is in {self.log}; `tansaku run --plain` needs no Prefect",
                )
            Event().wait(_LOOK)
        return port


def password(folder: Path) -> str:
    """User and password of the server of a folder, in Prefect's format. Raises ConfigurationError where others can read it."""
    return read_secret_file(folder / "password", "the password of the private Prefect server").get_secret_value()


def _make_password(folder: Path) -> None:
    if not (folder / "password").exists():
        draft = folder / "password.new"
        draft.unlink(missing_ok=True)
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "w") as stream:
            stream.write(f"tansaku:{secrets.token_urlsafe(32)}\n")
        draft.replace(folder / "password")


def _is_held(mark: Path) -> bool:
    """Returns whether a driver keeps this file locked."""
    try:
        handle = os.open(mark, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        return not locked(handle)
    finally:
        os.close(handle)


def server_settings(home: Path, auth: str) -> dict[str, str]:
    """Returns what all our servers have in common: a database and a password of their own, no telemetry."""
    return {
        "PREFECT_HOME": str(home),
        "PREFECT_PROFILES_PATH": str(home / "profiles.toml"),
        "PREFECT_API_DATABASE_CONNECTION_URL": f"sqlite+aiosqlite:///{home / 'prefect.db'}",
        "PREFECT_SERVER_API_AUTH_STRING": auth,
        "PREFECT_API_AUTH_STRING": auth,
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
    }


def private_settings(home: Path, port: int) -> dict[str, str]:
    """Returns the settings of the private server: its pages are on, what serves deployments is off."""
    services = ("CANCELLATION_CLEANUP", "FOREMAN", "LATE_RUNS", "PAUSE_EXPIRATIONS", "REPOSSESSOR", "SCHEDULER")
    return {
        **server_settings(home, password(home)),
        "PREFECT_SERVER_UI_API_URL": f"http://127.0.0.1:{port}/api",
        "PREFECT_SERVER_UI_STATIC_DIRECTORY": str(home / "pages"),  # else it writes into the installed package
        "PREFECT_SERVER_CORS_ALLOWED_ORIGINS": f"http://127.0.0.1:{port}",
        **{f"PREFECT_SERVER_SERVICES_{name}_ENABLED": "false" for name in services},
    }


def start_serving(home: Path, lock: int, port: int, auth: str) -> BoundProcess:
    """Starts the server of `tansaku serve`, which schedules runs and ends with this process; its answer has its port.

    Args:
        home: Its folder, with its database.
        lock: Descriptor of a lock that it holds while it runs.
        port: 0: any that is free.
        auth: User and password in Prefect's format.
    """
    message = {"settings": server_settings(home, auth) | {"PREFECT_SERVER_UI_ENABLED": "false"}, "port": port}
    # In its own folder, because Prefect reads settings from files of the working folder.
    return BoundProcess(_MODULE, message, home / "server.log", child_environment(), home, [lock])


@contextmanager
def client_settings(server: RunningServer) -> Iterator[None]:
    """Returns settings for Prefect in this process: use that server, write nothing to the user's folders, log little."""
    from prefect.settings import (
        PREFECT_API_AUTH_STRING,
        PREFECT_API_URL,
        PREFECT_CLIENT_MAX_RETRIES,
        PREFECT_HOME,
        PREFECT_LOGGING_TO_API_ENABLED,
        PREFECT_RESULTS_DEFAULT_SERIALIZER,
        temporary_settings,
    )

    updates: dict[object, object] = {
        PREFECT_API_URL: server.api_url,
        PREFECT_LOGGING_TO_API_ENABLED: False,
        PREFECT_RESULTS_DEFAULT_SERIALIZER: "json",
    }
    if server.home is not None:
        updates |= {
            PREFECT_API_AUTH_STRING: server.auth,
            PREFECT_HOME: str(server.home),
            PREFECT_CLIENT_MAX_RETRIES: 1,  # our own server is dead if it does not answer
        }
    # Prefect sets it at import, so its own setting would come too late.
    before = {name: logging.getLogger(name).level for name in _QUIET}
    for name, level in _QUIET.items():
        logging.getLogger(name).setLevel(level)
    try:
        with temporary_settings(updates=updates):
            yield
    finally:
        for name, level in before.items():
            logging.getLogger(name).setLevel(level)


def configured_server() -> RunningServer | None:
    """Returns the server the user configured (PREFECT_API_URL or a Prefect profile), or None."""
    from prefect.settings import PREFECT_API_URL

    url = PREFECT_API_URL.value()
    return RunningServer(str(url)) if url else None
