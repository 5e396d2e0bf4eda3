"""Files exchanged between processes: written atomically and validated when read."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tansaku.models.domain.errors import DamagedFileError, DiskFullError, TransientError
from tansaku.models.domain.records import JsonDict

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
_OF_THE_FILE = (errno.EISDIR, errno.ELOOP, errno.ENOTDIR, errno.ENOENT, errno.EACCES, errno.EPERM, errno.EIO)


@contextmanager
def writing_to(folder: Path) -> Iterator[None]:
    """Raises DiskFullError where a write into ``folder`` fails for want of space, inodes or quota."""
    try:
        yield
    except OSError as error:
        if error.errno in _NO_ROOM:
            raise DiskFullError(folder) from error
        raise


def lacks_room(error: BaseException | None) -> bool:
    """Returns whether an error comes, at any depth, from a disk without space, inodes or quota.

    A program's words do not count: those that quote an old log, or a disk that this process does not see, never end.
    """
    while error is not None:
        if isinstance(error, DiskFullError) or (isinstance(error, OSError) and error.errno in _NO_ROOM):
            return True
        error = error.__cause__ or error.__context__
    return False


def lacks_space(folder: Path, least: float) -> bool:
    """Returns whether the disk of a folder has no inode left, less than a block or less than ``least`` bytes."""
    disk = os.statvfs(folder)
    blocks = disk.f_bavail * disk.f_frsize
    return blocks < max(least, disk.f_frsize) or (disk.f_files > 0 and disk.f_favail == 0)


def write_json(path: Path, data: JsonDict, *, durable: bool = False) -> None:
    """Writes a file under another name and renames it into place, after fsync if ``durable``.

    Raises:
        DiskFullError: There is no disk space; the file is unchanged.
    """
    aside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with writing_to(path.parent), aside.open("w") as stream:
            json.dump(data, stream, allow_nan=False)
            stream.flush()
            if durable:
                os.fsync(stream.fileno())
        aside.rename(path)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise


def read_json(path: Path) -> JsonDict | None:
    """Reads a file that is written by :func:`write_json`; None when there is none.

    Raises:
        DamagedFileError: It holds no JSON object.
        TransientError: It cannot be read.
    """
    try:
        data = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise DamagedFileError(f"{path} is damaged: {error}") from error
    except OSError as error:
        if is_missing(path, error):
            return None
        raise unreadable(path, error) from error
    if not isinstance(data, dict):
        raise DamagedFileError(f"{path} is damaged: it holds {type(data).__name__}, expected an object")
    return data


def is_missing(path: Path, error: OSError) -> bool:
    """Returns whether reading failed because there is no such file. A link that leads nowhere is there, and damaged."""
    return isinstance(error, FileNotFoundError) and not path.is_symlink()


def unreadable(path: Path, error: OSError) -> TransientError:
    """Returns the error for an unreadable file: a damaged file, or a transient error if the cause is not the file itself."""
    if error.errno in _OF_THE_FILE and _can_be_listed(path.parent):
        return DamagedFileError(f"{path} is damaged: {error.strerror}")
    return TransientError(f"{path} cannot be read: {error}")


def _can_be_listed(folder: Path) -> bool:
    try:
        next(folder.iterdir(), None)
    except OSError:
        return False
    return True


def read_identity(path: Path) -> JsonDict | None:
    """Reads the identity of a process that is written by :func:`write_json`; None when there is none.

    Raises:
        DamagedFileError: The file holds no identity.
        TransientError: It cannot be read.
    """
    data = read_json(path)
    if data is None:
        return None
    kinds = (("host", str), ("pid", int), ("started", str | float))
    fits = all(isinstance(data.get(key), kind) for key, kind in kinds)
    if not fits or isinstance(data["pid"], bool) or data["pid"] < 1:
        raise DamagedFileError(f"{path} is damaged: expected host, pid (a positive integer) and started of a process")
    return data


def delete(path: Path) -> None:
    """Deletes a file, a link or a folder; does nothing if it does not exist."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def file_sha256(path: Path) -> str:
    """Returns the SHA-256 of a small file; defined here, not in the domain, so that a worker starts without numpy."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
