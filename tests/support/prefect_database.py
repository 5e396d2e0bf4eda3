"""Prefect's database after its migrations, which take ten seconds of a processor: a run of the tests makes it once."""

from __future__ import annotations

import fcntl
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path

NAME = "prefect.db"


class MigratedDatabase:
    """An empty database that the first test which needs one makes.

    Args:
        file: Its place, which all test processes share.
    """

    def __init__(self, file: Path) -> None:
        self._file = file

    def put(self, home: Path) -> None:
        """Copies it into the home of a server that has not started yet."""
        if find_spec("prefect") is None or (home / NAME).exists():
            return
        with self._file.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # another test process may be making it
            if not self._file.exists():
                self._make()
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        shutil.copyfile(self._file, home / NAME)

    def _make(self) -> None:
        with tempfile.TemporaryDirectory(prefix="tsk-") as folder:
            kept = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT")}
            environment = kept | {"PREFECT_HOME": folder, "PREFECT_SERVER_ANALYTICS_ENABLED": "false", "DO_NOT_TRACK": "1"}
            command = [sys.executable, "-m", "prefect", "server", "database", "upgrade", "-y"]
            subprocess.run(command, env=environment, cwd=folder, check=True, capture_output=True, timeout=600)
            fresh = self._file.with_suffix(".new")
            with closing(sqlite3.connect(Path(folder, NAME))) as source, closing(sqlite3.connect(fresh)) as target:
                source.backup(target)
            fresh.replace(self._file)
