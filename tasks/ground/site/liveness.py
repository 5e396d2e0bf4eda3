"""Asks a server on this machine again and again whether it still answers."""

from __future__ import annotations

import http.client
import threading
import time
from contextlib import closing

_ATTEMPTS = 4


class Liveness:
    """Asks in a thread of its own, until it is ended.

    Attempts that fail are counted, not the time: a machine that was suspended, or a process that was stopped, misses one.

    Args:
        port: Of the server, on the loopback interface.
        path: That answers with 200 as long as the server is alive.
        silence: Time without an answer after which it counts as hung [s].
    """

    def __init__(self, port: int, path: str, silence: float) -> None:
        self._port, self._path, self._patience = port, path, silence / _ATTEMPTS
        self._missed = 0
        self._ended = threading.Event()
        threading.Thread(target=self._watch, name=f"liveness of port {port}", daemon=True).start()

    @property
    def silent(self) -> bool:
        """Whether the server did not answer the last attempts."""
        return self._missed >= _ATTEMPTS

    def end(self) -> None:
        """Asks no more."""
        self._ended.set()

    def _watch(self) -> None:
        due = time.monotonic()
        while not self._ended.wait(max(0.0, due - time.monotonic())):
            due = time.monotonic() + self._patience
            self._missed = 0 if self._answers() else self._missed + 1

    def _answers(self) -> bool:
        with closing(http.client.HTTPConnection("127.0.0.1", self._port, timeout=self._patience)) as connection:
            try:
                connection.request("GET", self._path)
                return connection.getresponse().status == http.client.OK
            except (OSError, http.client.HTTPException):
                return False
