"""Prefect servers for one driver or for `tansaku serve`: on loopback, with a random password, ended with their parent."""

from __future__ import annotations

import itertools
import logging
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tansaku.models.domain.errors import TransientError
from tansaku.models.domain.records import JsonDict
from tansaku.tasks.ground.settings import child_environment
from tansaku.tasks.ground.site.bound_process import BoundProcess
from tansaku.tasks.ground.site.file_lock import locked

START_TIMEOUT = 120.0
"""Longest time a server may take to start [s]; the first one of a campaign creates its database."""

_STOP_TIMEOUT = 10.0
_MODULE = "tansaku.flows.server_process"
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
        auth: User and password in Prefect's format.
        home: Its folder.
        identity: Its process; None for a server that we did not start.
    """

    api_url: str
    auth: str | None
    home: Path | None
    identity: JsonDict | None


class StartingServer:
    """A server process that is starting, so that other work can be done meanwhile.

    Args:
        home: Its folder, with its database.
        lock: Descriptor of the lock on that folder: held by the server itself while it runs.
        persistent: Whether it schedules runs and carries out automations.
        port: 0: any that is free.
        auth: User and password in Prefect's format; None: a random password.
    """

    def __init__(self, home: Path, lock: int, *, persistent: bool = False, port: int = 0, auth: str | None = None) -> None:
        self._home, self._log = home, home / "server.log"
        self._auth = auth or f"tansaku:{secrets.token_urlsafe(32)}"
        message = {"settings": server_settings(home, self._auth), "persistent": persistent, "port": port}
        # In its own folder, because Prefect reads settings from files of the working folder.
        self.process = BoundProcess(_MODULE, message, self._log, child_environment(), home, [lock])
        self.identity = self.process.identity

    @classmethod
    def temporary(cls, root: Path) -> StartingServer:
        """Starts a server for one driver.

        Args:
            root: Its folder is the first of ``root/0``, ``root/1`` … that no running server uses: two servers cannot share a
                database, and reusing an existing one saves the time of creating it.
        """
        home, lock = free_folder(root)
        try:
            return cls(home, lock)
        finally:
            os.close(lock)

    def ready(self, timeout: float = START_TIMEOUT) -> RunningServer:
        """Waits until the server answers.

        Raises:
            TransientError: It ended or took too long; the message has its last output.
        """
        try:
            answer = self.process.answer(timeout)
        except TimeoutError:
            answer = None
        if answer is None:
            self.stop()
            raise TransientError(
                f"the Prefect server did not start within {timeout:.0f} s: {self.process.log_tail() or 'no output'}",
                hint=f"its output is in {self._log}; `tansaku run --plain` needs no Prefect",
            )
        return RunningServer(f"http://127.0.0.1:{answer['port']}/api", self._auth, self._home, self.identity)

    def stop(self) -> None:
        """Ends the server by closing its pipe, then by SIGKILL."""
        self.process.stop(_STOP_TIMEOUT)


def free_folder(root: Path) -> tuple[Path, int]:
    """Returns the first numbered folder whose lock is free, and the descriptor that now holds the lock."""
    for number in itertools.count():
        folder = root / str(number)
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        if locked(lock):
            return folder, lock
        os.close(lock)
    raise AssertionError("count() does not end")


def server_settings(home: Path, auth: str) -> dict[str, str]:
    """Returns the server's settings: its own database, a password, no telemetry, no web pages."""
    return {
        "PREFECT_HOME": str(home),
        "PREFECT_PROFILES_PATH": str(home / "profiles.toml"),
        "PREFECT_API_DATABASE_CONNECTION_URL": f"sqlite+aiosqlite:///{home / 'prefect.db'}",
        "PREFECT_SERVER_API_AUTH_STRING": auth,
        "PREFECT_API_AUTH_STRING": auth,
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_SERVER_UI_ENABLED": "false",
        "DO_NOT_TRACK": "1",
    }


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
    return RunningServer(str(url), None, None, None) if url else None
