"""State of a search on disk: written atomically now and then, read by the same search after an interruption."""

from __future__ import annotations

import os
import time
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

_INTERVAL = 5.0  # [s] between writes
_SHARE = 10.0  # a write may take at most about a tenth of the time

Arrays = Mapping[str, NDArray]  # type: ignore[type-arg]


class StateFile:
    """Arrays of one search under its key.

    Args:
        path: Without suffix rules; None: nothing is stored.
        key: Of the search; a file with another key is ignored and overwritten.
    """

    def __init__(self, path: Path | None, key: str) -> None:
        self._path = path
        self._key = key
        self._due = time.monotonic() + _INTERVAL

    def read(self) -> dict[str, NDArray] | None:  # type: ignore[type-arg]
        """Reads the arrays that an earlier run of the same search stored; None if there are none that can be used."""
        if self._path is None or not self._path.exists():
            return None
        try:
            # numpy does not close a damaged file that it opened itself.
            with self._path.open("rb") as stream, np.load(stream, allow_pickle=False) as stored:
                found = {name: stored[name] for name in stored.files}
        except (OSError, ValueError, EOFError, zipfile.BadZipFile):
            return None
        return found if str(found.pop("key", "")) == self._key else None

    def write_sometimes(self, arrays: Arrays) -> None:
        """Writes if the last write is long enough ago."""
        if self._path is not None and time.monotonic() >= self._due:
            self.write(arrays)

    def write(self, arrays: Arrays) -> None:
        """Writes another file and renames it, so that a kill leaves the old or the new state."""
        if self._path is None:
            return
        begun = time.monotonic()
        aside = self._path.with_name(f".{self._path.name}.{os.getpid()}.new")
        with aside.open("wb") as stream:
            stored = {"key": np.array(self._key)} | {name: np.asarray(value) for name, value in arrays.items()}
            np.savez(stream, allow_pickle=False, **stored)
            stream.flush()
            os.fsync(stream.fileno())
        aside.replace(self._path)
        now = time.monotonic()
        self._due = now + max(_INTERVAL, _SHARE * (now - begun))
