"""Refuses devices, pipes and folders where a file is read: a pipe that nobody writes to would be waited for without end."""

from __future__ import annotations

import stat
from pathlib import Path

from tansaku.models.domain.errors import StoreError


def check_regular(path: Path) -> int:
    """Returns the size of a file [bytes].

    Raises:
        FileNotFoundError: There is no such file.
        OSError: Its folder cannot be read.
        StoreError: It is no regular file.
    """
    found = path.stat()
    if not stat.S_ISREG(found.st_mode):
        raise StoreError(f"{path} is not a regular file (it is a folder, a pipe or a device)")
    return found.st_size
