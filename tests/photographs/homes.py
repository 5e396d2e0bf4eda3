"""A home of its own for this process."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tansaku.tasks.backends.stores.embedded_mongod import EmbeddedMongod

ENVIRONMENT = {"COLUMNS": "120", "NO_COLOR": "1", "TERM": "dumb", "USER": "ada", "LOGNAME": "ada", "OMP_NUM_THREADS": "1"}


@contextlib.contextmanager
def own_home() -> Iterator[Path]:
    """A home with a database of its own."""
    kept = dict(os.environ)
    for variable in [name for name in os.environ if name.startswith(("TANSAKU", "PREFECT", "XDG"))]:
        del os.environ[variable]
    # A short name: the database's socket lies in it.
    with tempfile.TemporaryDirectory(prefix="tsk-", ignore_cleanup_errors=True) as folder:
        os.environ.update(ENVIRONMENT, TANSAKU_HOME=folder)
        try:
            yield Path(folder)
        finally:
            EmbeddedMongod(Path(folder)).stop()
            os.environ.clear()
            os.environ.update(kept)
