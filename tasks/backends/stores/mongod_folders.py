"""Folders of the embedded server: private, local, and with a path that fits into a socket address."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from pathlib import Path

from tansaku.models.domain.errors import DiskFullError, StoreError
from tansaku.models.domain.identifiers import short_hash
from tansaku.tasks.ground.site.private_folder import private_folder

SOCKET_NAME = "mongod.sock"
LONGEST_SOCKET = 107
"""Longest path of a unix socket [bytes]."""

FREE_TO_START = 400 * 2**20
"""Disk space that a new database needs: journal files are allocated in advance [bytes]."""

FREE_TO_CONTINUE = 50 * 2**20
"""Disk space that a database needs whose journal files exist; with 30 MB it started [bytes]."""


def refuse_full_disk(folder: Path) -> None:
    """Raises DiskFullError when too little is free for a start."""
    free = shutil.disk_usage(folder).free
    needed = FREE_TO_CONTINUE if any(folder.glob("data/journal/WiredTigerLog.*")) else FREE_TO_START
    if free < needed:
        raise DiskFullError(folder, f"the database needs {needed >> 20} MB of free space to start and has {free >> 20} MB")


def socket_folder(home: Path, runtime: Path | None) -> Path:
    """A private folder for the socket of the server of ``home``.

    Under the user's run-time folder where there is one, else in ``home`` itself, else, where that path is too long, in a
    folder of this user's in the temporary folder.

    Raises:
        StoreError: None of them is usable.
    """
    name = f"tansaku-{short_hash([str(home)])[:12]}"
    temporary = Path(tempfile.gettempdir())
    candidates = [home / "run", temporary / f"{name}-{os.getuid()}"]
    if runtime is not None and _is_private(runtime):
        candidates.insert(0, runtime / name)
    for candidate in candidates:
        if len(os.fsencode(candidate / SOCKET_NAME)) <= LONGEST_SOCKET:
            return private_folder(candidate)
    raise StoreError(f"no usable unix socket path of at most {LONGEST_SOCKET} bytes: {candidates[-1]} is too long")


def _is_private(folder: Path) -> bool:
    try:
        status = folder.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(status.st_mode) and status.st_uid == os.getuid() and stat.S_IMODE(status.st_mode) == 0o700
