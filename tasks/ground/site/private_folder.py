"""Folders that only this user can enter, and the file systems on which they lie."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import psutil

from tansaku.models.domain.errors import DiskFullError, StoreError

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
    """Returns the error for a folder that cannot hold the files of a server."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return DiskFullError(folder, "a server could not be started")
    if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
        return StoreError(f"the folder {folder} cannot be written: {error.strerror}", hint=_ELSEWHERE)
    return StoreError(f"the folder {folder} cannot be used: {error}", hint=_ELSEWHERE)


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
