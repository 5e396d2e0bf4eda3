"""Mark of a running service in the home folder, one per name and machine, with the time of its last heartbeat."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tansaku.models.domain.errors import ConfigurationError
from tansaku.tasks.ground.site.file_lock import locked


class ServiceMark:
    """The mark of one service.

    Args:
        home: The home folder.
    """

    def __init__(self, home: Path, name: str) -> None:
        self._name = name
        self._path = home / "service" / f"{name}.lock"

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keeps other services of this name away; the kernel releases the lock however the process ends.

        Raises:
            ConfigurationError: A service of this name runs on this machine.
        """
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            if not locked(lock):
                raise ConfigurationError(
                    f"a service {self._name!r} already runs on this machine", hint="choose another name with --name"
                )
            self.beat()
            yield
        finally:
            os.close(lock)

    def beat(self) -> None:
        """Notes that the service is alive."""
        os.utime(self._path)

    def silent_for(self) -> float | None:
        """Time since the last heartbeat [s]; None if there is no such service."""
        try:
            lock = os.open(self._path, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        try:
            return None if locked(lock) else max(0.0, time.time() - os.fstat(lock).st_mtime)
        finally:
            os.close(lock)
