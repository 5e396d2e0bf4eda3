"""Prefect's database after its migrations, which take ten seconds of a processor: a run of the tests makes it once."""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

NAME = "prefect.db"


class MigratedDatabase:
    """A copy of the database that the first server of this run of the tests made in an empty home.

    Args:
        file: Its place, which all test processes share.
    """

    def __init__(self, file: Path) -> None:
        self._file = file

    def keep(self, home: Path) -> None:
        """Keeps the database of a server that has started and was not used yet."""
        if self._file.exists():
            return
        fresh = self._file.with_suffix(f".{os.getpid()}")
        with closing(sqlite3.connect(home / NAME)) as source, closing(sqlite3.connect(fresh)) as target:
            source.backup(target)
        fresh.replace(self._file)  # at once: another test process may look for it

    def put(self, home: Path) -> None:
        """Copies it into the home of a server that has not started yet. Without a copy, that server makes its own database."""
        if self._file.exists() and not (home / NAME).exists():
            home.mkdir(parents=True, exist_ok=True, mode=0o700)
            shutil.copyfile(self._file, home / NAME)
