"""Structure files in a folder: their list, and the hash of their names and content."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.identifiers import file_sha256

CIF_ENDINGS = (".cif",)
POSCAR_ENDINGS = (".vasp", ".poscar")
XYZ_ENDINGS = (".extxyz", ".xyz")
DATABASE_ENDINGS = (".db",)
OPTIMADE_ENDINGS = (".json",)
STRUCTURE_ENDINGS = (*CIF_ENDINGS, *POSCAR_ENDINGS, *XYZ_ENDINGS, *DATABASE_ENDINGS, *OPTIMADE_ENDINGS)
"""Endings of the files that hold structures; one is also called ``POSCAR`` or ``CONTCAR``."""

_VASP_NAMES = ("poscar", "contcar")
_MOST_FILES = 1_000_000


def is_poscar(name: str) -> bool:
    """Returns whether a file of this name is read as a POSCAR."""
    return name.lower().startswith(_VASP_NAMES) or name.lower().endswith(POSCAR_ENDINGS)


def structure_files(folder: Path, key: str) -> tuple[Path, ...]:
    """The files of structures in a folder, in order of their names; subfolders are ignored.

    Args:
        key: Key of the spec that names it, for messages.

    Raises:
        ConfigurationError: It cannot be listed, has no such file, or one of them is a link or anything else than a file.
    """
    try:
        found = sorted(_entries(folder, key), key=lambda path: path.name)
    except OSError as error:
        raise ConfigurationError(f"{key}: {str(folder)!r} cannot be listed: {error.strerror}") from error
    if not found:
        raise ConfigurationError(f"{key}: no file in {str(folder)!r} ends in {', '.join(STRUCTURE_ENDINGS)}")
    return tuple(found)


def check_plain(path: Path, key: str) -> None:
    """Raises ConfigurationError if a path is a link, a pipe or anything else but a regular file."""
    try:
        kind = path.lstat().st_mode
    except OSError as error:
        raise ConfigurationError(f"{key}: {str(path)!r} cannot be read: {error.strerror}") from error
    if not stat.S_ISREG(kind):
        what = "a symbolic link, which may lead anywhere" if stat.S_ISLNK(kind) else "no file"
        raise ConfigurationError(f"{key}: {path.name!r} is {what}; expected a file of its own")


def folder_sha256(folder: Path, key: str) -> str:
    """Hash of the names and contents of a folder's files of structures, as 64 hex digits.

    Args:
        key: Key of the spec that names it, for messages.

    Raises:
        ConfigurationError: As :func:`structure_files`.
    """
    digest = hashlib.sha256()
    for path in structure_files(folder, key):
        digest.update(f"{file_sha256(path)}  {path.name}\n".encode())
    return digest.hexdigest()


def _entries(folder: Path, key: str) -> Iterator[Path]:
    with os.scandir(folder) as entries:
        for count, entry in enumerate(entries):
            if count >= _MOST_FILES:
                raise ConfigurationError(f"{key}: {str(folder)!r} has more than {_MOST_FILES:,} entries")
            if entry.name.startswith(".") or not (entry.name.lower().endswith(STRUCTURE_ENDINGS) or is_poscar(entry.name)):
                continue
            path = Path(entry.path)
            check_plain(path, key)
            yield path
