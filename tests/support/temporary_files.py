"""Where the tests' temporary files lie: in memory, where there is room for them.

A database writes its journal to the disk at every change. Without memory, the tests of interrupted writes mostly wait for the
disk.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import psutil

MEMORY = Path("/dev/shm")
ROOM = 12 * 1024**3
"""The folder in memory is used if it has so many bytes free, and the machine so many bytes available."""


def keep_in_memory() -> None:
    """Lets this process and its children make their temporary files in memory, unless ``TMPDIR`` names a folder."""
    if "TMPDIR" not in os.environ and is_roomy(MEMORY):
        os.environ["TMPDIR"] = str(MEMORY)
        tempfile.tempdir = None  # whoever asked before has the other folder


def is_roomy(folder: Path) -> bool:
    """Whether a folder in memory takes what the tests write, programs to run among it."""
    try:
        facts = os.statvfs(folder)
    except OSError:
        return False
    allowed = os.access(folder, os.W_OK) and not facts.f_flag & os.ST_NOEXEC
    return allowed and min(facts.f_bavail * facts.f_frsize, psutil.virtual_memory().available) >= ROOM
