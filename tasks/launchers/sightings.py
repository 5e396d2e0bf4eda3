"""Observations of launches by successive polls, so that silence is measured by one clock, never by two."""

from __future__ import annotations

import socket
import time
from pathlib import Path

from tansaku.models.domain.errors import DamagedFileError, DiskFullError, TransientError
from tansaku.models.domain.records import JsonDict
from tansaku.tasks.jobs.spool_files import read_json, write_json


class Sightings:
    """How long launches have looked the same, kept in a file from one look to the next.

    Args:
        path: The file; polls from a different host than the last start over.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            known = read_json(path) or {}
        except DamagedFileError:
            known = {}  # as at the first poll: silence is measured from now on
        self._before: JsonDict = known.get("launches", {}) if known.get("host") == socket.gethostname() else {}
        self._now: JsonDict = {}

    def unchanged(self, launch: str, looks: str) -> float:
        """Returns how long a launch has been in this state [s]; 0 if the state is new."""
        now, before = time.time(), self._before.get(launch)
        since = min(now, float(before["since"])) if before is not None and before["looks"] == looks else now
        self._now[launch] = {"looks": looks, "since": since}
        return now - since

    def save(self) -> None:
        """Keeps what was seen since the last time it was opened. Raises TransientError."""
        try:
            write_json(self._path, {"host": socket.gethostname(), "launches": self._now})
        except DiskFullError:
            raise
        except OSError as error:
            raise TransientError(f"{self._path} cannot be written: {error.strerror}") from error
