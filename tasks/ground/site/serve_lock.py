"""The lock of `tansaku serve` with its own Prefect server: one for each home folder."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event

from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.records import JsonDict
from tansaku.tasks.ground.site.file_lock import locked
from tansaku.tasks.ground.site.processes import find_process, process_identity

REMAINS_SECONDS = 15.0
"""Processes of a `tansaku serve` that was killed end within this time [s]."""

_LOOK = 0.1


@dataclass(frozen=True)
class HeldLock:
    """A lock that this process has.

    Attributes:
        descriptor: Passed on to the processes that this one starts: the lock is held until the last of them has ended.
    """

    descriptor: int
    path: Path

    def note(self, url: str | None) -> None:
        """Records the holder of the lock, for the message of a second `tansaku serve`.

        Args:
            url: Address of the dashboard, without a secret; None: not known, or there is none.
        """
        text = json.dumps({**process_identity(), "url": url})
        os.ftruncate(self.descriptor, 0)
        os.pwrite(self.descriptor, text.encode(), 0)


@contextmanager
def serve_lock(home: Path, patience: float = REMAINS_SECONDS) -> Iterator[HeldLock]:
    """Keeps a second `tansaku serve` away from a home folder.

    Args:
        patience: How long to wait for the processes of one that was killed [s].

    Raises:
        ConfigurationError: One runs on this home folder.
    """
    path = _path_in(home)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        until = time.monotonic() + patience
        while not locked(descriptor):
            holder = _holder(path)
            if time.monotonic() > until or _lives(holder):
                raise _refusal(home, holder)
            Event().wait(_LOOK)
        held = HeldLock(descriptor, path)
        held.note(None)
        yield held
    finally:
        os.close(descriptor)


def serving_process(home: Path) -> int | None:
    """Id of the process of the `tansaku serve` on a home folder; None: none runs."""
    path = _path_in(home)
    holder = _holder(path)
    if not _lives(holder):
        return None
    descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        return None if locked(descriptor) else int(holder["pid"])
    finally:
        os.close(descriptor)


def _path_in(home: Path) -> Path:
    return home / "service" / "serve.lock"


def _holder(path: Path) -> JsonDict:
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _lives(holder: JsonDict) -> bool:
    return "pid" in holder and find_process(holder["pid"], holder["started"]) is not None


def _refusal(home: Path, holder: JsonDict) -> ConfigurationError:
    who = f"process {holder['pid']}" if "pid" in holder else "another process"
    url = holder.get("url")
    where = f"; its dashboard is {url}" if url else ""
    hint = f"`tansaku web login-link USER --url {url}` prints a link" if url else "TANSAKU_HOME names another home folder"
    return ConfigurationError(f"`tansaku serve` already runs on {home}: {who}{where}", hint=hint)
