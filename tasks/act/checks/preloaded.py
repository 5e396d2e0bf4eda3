"""Starts processes for checks by a fork of one that has imported what they need."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from tansaku.tasks.ground.settings import commands_environment, thread_environment

_FORKER = "tansaku.tasks.act.commands.sandbox_forker"
_TRIES = 2
_PATIENCE = 300.0  # until it has imported what checks need, on a busy machine [s]


class Started(Protocol):
    """A process that was started."""

    pid: int

    def wait(self, timeout: float | None = None) -> int:
        """Waits for its end; returns its exit code, or the negative number of the signal that ended it."""
        ...


class Starter(Protocol):
    """Starts a process for a check."""

    def start(self, limits: tuple[str, str], folder: Path, streams: tuple[int, int, int]) -> Started:
        """Starts a process in a session of its own.

        Args:
            limits: Of memory [bytes] and processor time [s].
            streams: Its standard streams.
        """
        ...

    def prepare(self) -> None:
        """Makes the next start quick."""
        ...


class Preloaded:
    """Forks processes; starts the process that forks when it is needed, and again when it has ended."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None

    def prepare(self) -> None:
        """Starts the process that forks, and does not wait for it."""
        with self._lock:
            self._opened()

    def start(self, limits: tuple[str, str], folder: Path, streams: tuple[int, int, int]) -> Started:
        """Forks a process. Raises OSError."""
        asked = json.dumps({"memory": limits[0], "seconds": limits[1], "folder": str(folder)}).encode()
        for _ in range(_TRIES):
            reply, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            with theirs, suppress(OSError), self._lock:  # what was idle for long has ended, and is started again
                socket.send_fds(self._opened(), [asked], [*streams, theirs.fileno()])
            reply.settimeout(_PATIENCE)
            pid = ""
            with suppress(TimeoutError):
                pid = _received(reply)
            if pid:
                return _Forked(int(pid), reply)
            reply.close()
            with self._lock:
                self._close()
        raise OSError("the process that forks checks has ended")

    def close(self) -> None:
        """Ends the process that forks, with all that it has forked."""
        with self._lock:
            self._close()

    def _opened(self) -> socket.socket:
        if self._control is None or self._process is None or self._process.poll() is not None:
            self._close()
            self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            with theirs:
                self._process = subprocess.Popen(  # noqa: S603 - the arguments are our own
                    [sys.executable, "-P", "-m", _FORKER, str(theirs.fileno())],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    pass_fds=(theirs.fileno(),),
                    env=thread_environment(1) | commands_environment(),
                    start_new_session=True,
                )
        return self._control

    def _close(self) -> None:
        if self._control is not None:
            self._control.close()
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        self._control = self._process = None


class _Forked:
    """A forked process, of which its parent tells how it ended."""

    def __init__(self, pid: int, reply: socket.socket) -> None:
        self.pid, self._reply = pid, reply
        self._code: int | None = None

    def wait(self, timeout: float | None = None) -> int:
        """Waits for its end. Raises TimeoutExpired."""
        if self._code is None:
            self._reply.settimeout(timeout)
            try:
                self._code = int(_received(self._reply) or -9)
            except TimeoutError as error:
                raise subprocess.TimeoutExpired("check", timeout or 0.0) from error
            self._reply.close()
        return self._code


def _received(reply: socket.socket) -> str:
    return reply.recv(64).decode()
