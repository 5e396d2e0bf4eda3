"""Folders of the embedded server: private, local, and with a path that fits into a socket address."""

from __future__ import annotations

import errno
import os
import shutil
import stat
import tempfile
from pathlib import Path

import psutil

from tansaku.models.domain.errors import DiskFullError, StoreError
from tansaku.models.domain.identifiers import short_hash

SOCKET_NAME = "mongod.sock"
LONGEST_SOCKET = 107
"""Longest path of a unix socket [bytes]."""

FREE_TO_START = 400 * 2**20
"""Disk space that a new database needs: journal files are allocated in advance [bytes]."""

FREE_TO_CONTINUE = 50 * 2**20
"""Disk space that a database needs whose journal files exist; with 30 MB it started [bytes]."""

_NETWORK_TYPES = (
    "nfs",
    "cifs",
    "smb",
    "afs",
    "lustre",
    "gpfs",
    "beegfs",
    "ceph",
    "gluster",
    "9p",
    "fuse.sshfs",
    "orangefs",
    "pvfs",
)
_ELSEWHERE = "set TANSAKU_HOME to a folder on a local disk, or TANSAKU_MONGO_URI to a server"


def private_folder(folder: Path) -> Path:
    """Creates a folder that only this user can enter, or checks an existing folder.

    Raises:
        StoreError: It cannot be created or written, or belongs to another user.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = folder.lstat()
    except OSError as error:
        raise unusable(folder, error) from error
    if not stat.S_ISDIR(status.st_mode):
        raise StoreError(f"{folder} is a link or a file, not a folder", hint=_ELSEWHERE)
    if status.st_uid != os.getuid():
        raise StoreError(f"{folder} belongs to another user (id {status.st_uid})", hint=_ELSEWHERE)
    if stat.S_IMODE(status.st_mode) != 0o700:
        folder.chmod(0o700)
    if not os.access(folder, os.W_OK | os.X_OK):
        raise unusable(folder, PermissionError(errno.EACCES, os.strerror(errno.EACCES)))
    return folder


def unusable(folder: Path, error: OSError) -> StoreError | DiskFullError:
    """Returns the error for a folder that cannot hold a database."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return DiskFullError(folder, "the database could not be started")
    if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
        return StoreError(f"the database folder {folder} cannot be written: {error.strerror}", hint=_ELSEWHERE)
    return StoreError(f"the database folder {folder} cannot be used: {error}", hint=_ELSEWHERE)


def refuse_network_filesystem(folder: Path) -> None:
    """Raises StoreError when the folder is on a file system that several machines may mount."""
    kind = filesystem_type(folder)
    if kind.startswith(_NETWORK_TYPES):
        raise StoreError(
            f"the database folder {folder} is on a network file system ({kind}); a database on it is easily damaged",
            hint=_ELSEWHERE,
        )


def filesystem_type(folder: Path) -> str:
    """Type of the file system that holds an existing folder, as the kernel names it."""
    real = folder.resolve()
    mounts = {Path(part.mountpoint): part.fstype for part in psutil.disk_partitions(all=True)}
    return next((mounts[parent] for parent in (real, *real.parents) if parent in mounts), "")


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
