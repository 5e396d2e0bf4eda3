"""Shared memory: MPI, and so LAMMPS, ends the whole process where it cannot have a file there."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from tansaku.models.domain.errors import MissingComponentError, TransientError

FOLDER = Path("/dev/shm")  # noqa: S108 - the kernel's place, not ours
NEEDED = 2 * 10**6
"""Shared memory that one process of MPICH takes [bytes], and some more: at 1.1 MB it works, at 1.0 MB the process is killed."""

HINT = "mount it: `mount -t tmpfs tmpfs /dev/shm`; for a container --shm-size 64m"


def check_shared_memory(folder: Path = FOLDER) -> int:
    """Looks whether a process that uses MPI can start.

    Returns:
        What is free [bytes].

    Raises:
        MissingComponentError: The folder is not there, cannot be written, or is too small even when empty.
        TransientError: It is full.
    """
    if not folder.is_dir():
        raise MissingComponentError(f"shared memory: there is no {folder}; LAMMPS (MPI) needs it", hint=HINT)
    try:
        with tempfile.TemporaryFile(dir=folder):
            state = os.statvfs(folder)
    except OSError as error:
        what = f"shared memory: {folder} cannot be written ({error.strerror}); LAMMPS (MPI) needs it"
        raise MissingComponentError(what, hint=HINT) from error
    free, size = state.f_bavail * state.f_frsize, state.f_blocks * state.f_frsize
    needed = f"LAMMPS (MPI) needs {NEEDED / 1e6:.0f} MB for each process"
    if size < NEEDED:
        raise MissingComponentError(f"shared memory: {folder} has {size / 1e6:.1f} MB; {needed}", hint=HINT)
    if free < NEEDED:
        raise TransientError(
            f"shared memory: {folder} is full, {free / 1e6:.1f} MB are free; {needed}", hint="delete old files there"
        )
    return free
