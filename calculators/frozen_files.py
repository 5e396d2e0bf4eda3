"""Files on which results depend: copies that every run works from, and a watch over what cannot be copied.

A calculator that is opened names what it reads (:func:`freeze`) and what it starts or reads in place (:func:`watch`). In a
worker the former are copied once into the folder of the campaign's jobs, by content. Both are looked at before and after each
evaluation: a file is hashed again where its size, times or inode have changed.
"""

from __future__ import annotations

import os
import secrets
import shutil
import socket
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from tansaku.models.domain.errors import ConfigurationError, TransientError
from tansaku.models.domain.identifiers import file_sha256, short_hash

_COPIES = "copies"
_PROGRAMS = "programs"
_UNFINISHED = ".new-"
_WRITABLE = 0o222
_MOST_LINKS = 2000
"""A folder with more files is one of data, and its links would take long on a shared file system."""

Stamp = tuple[int, ...]


@dataclass
class _Watched:
    """A file as it was when it was hashed."""

    path: Path
    sha256: str
    stamp: Stamp | None
    remedy: str

    def check(self) -> None:
        """Hashes the file if it looks changed; raises ConfigurationError if it is."""
        stamp = _stamp(self.path)
        if stamp == self.stamp:
            return
        found = file_sha256(self.path) if stamp is not None else "none"
        if found != self.sha256:
            raise _changed(self.path, found, self.sha256, self.remedy)
        self.stamp = stamp


@dataclass
class Watch:
    """Files of one opened calculator.

    Attributes:
        root: Where copies and hashes are kept; None: files are used where they are, and hashes are kept in this process.
        originals: Files that runs use a copy of.
        used: Files that runs use.
    """

    root: Path | None = None
    originals: list[_Watched] = field(default_factory=list)
    used: list[_Watched] = field(default_factory=list)

    @property
    def touched(self) -> bool:
        """Whether a file looks changed, so that the calculator has to be opened again, which compares the content."""
        return any(_stamp(file.path) != file.stamp for file in (*self.originals, *self.used))

    def check(self) -> None:
        """Checks the files that runs use. Raises ConfigurationError if one has changed."""
        for file in self.used:
            file.check()

    def add_in_place(self, files: Mapping[str, Path], known: Mapping[str, str] | None = None) -> None:
        """Adds files that are used in place; arguments and errors as of :func:`watch`."""
        for name, path in files.items():
            stamp, found = _stamp(path), file_sha256(path)
            expected, remedy = _remembered(self.root, name, found) if known is None else (known[name], "")
            if found != expected:
                raise _changed(path, found, expected, remedy)
            self.used.append(_Watched(path, found, stamp, remedy))

    def add_files(self, files: Mapping[str, Path], sha256: Mapping[str, str], beside: Iterable[Path]) -> dict[str, Path]:
        """Adds files that are copied; arguments, result and errors as of :func:`freeze`."""
        watched = [_Watched(path, sha256[name], _stamp(path), "") for name, path in files.items()]
        for file in watched:
            if file_sha256(file.path) != file.sha256:
                raise TransientError(f"{file.path} was changed while it was read")
        if self.root is None:
            self.used += watched
            return dict(files)
        folder = _copied(self.root / _COPIES, files, sha256, beside)
        copies = {name: folder / name for name in files}
        self.originals += watched
        self.used += [_Watched(path, sha256[name], _stamp(path), "") for name, path in copies.items()]
        return copies


_ROOT: list[Path] = []
_PRESENT: ContextVar[Watch | None] = ContextVar("watch", default=None)


def keep_copies_in(root: Path) -> None:
    """Makes calculators that this process opens work from copies.

    Args:
        root: Folder of the copies; made when it is needed.
    """
    _ROOT[:] = [root.absolute()]


@contextmanager
def watching() -> Iterator[Watch]:
    """A watch to which calculators that are opened inside add their files."""
    watch_of_all = Watch(_ROOT[0] if _ROOT else None)
    token = _PRESENT.set(watch_of_all)
    try:
        yield watch_of_all
    finally:
        _PRESENT.reset(token)


def freeze(files: Mapping[str, Path], sha256: Mapping[str, str], beside: Iterable[Path] = ()) -> dict[str, Path]:
    """Paths under which runs find files whose content does not change; the files themselves where nothing is watched.

    Args:
        files: By the name, or relative path, that the copy gets; all copies lie in one folder.
        sha256: The hash of each, as the calculator has found it.
        beside: Folders whose other files appear among the copies as links: they are found there, and not guarded.

    Raises:
        TransientError: A file has another content than its hash says: it was changed meanwhile.
    """
    present = _PRESENT.get()
    return dict(files) if present is None else present.add_files(files, sha256, beside)


def watch(files: Mapping[str, Path], known: Mapping[str, str] | None = None) -> None:
    """Watches files that are used in place, such as programs; does nothing where nothing is watched.

    Args:
        files: By the name that a program keeps although its path may change.
        known: The hash of each where the spec decides it; None: the first that this campaign met on this machine.

    Raises:
        ConfigurationError: One has another content.
    """
    present = _PRESENT.get()
    if present is not None:
        present.add_in_place(files, known)


def sweep_copies(root: Path) -> None:
    """Deletes the copies below a folder; no job may be using them. Hashes of programs stay."""
    shutil.rmtree(root / _COPIES, ignore_errors=True)


def _stamp(path: Path) -> Stamp | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino, found.st_dev


def _changed(path: Path, found: str, expected: str, remedy: str) -> ConfigurationError:
    hint = f"restore it, or start another campaign: results of two versions are never mixed{remedy}"
    return ConfigurationError(
        f"{path} was changed since the campaign first used it here: SHA-256 {found[:12]}, expected {expected[:12]}", hint=hint
    )


def _remembered(root: Path | None, name: str, found: str) -> tuple[str, str]:
    """The hash that a program of this machine had first, and where that is kept."""
    if root is None:
        return found, ""
    file = root / _PROGRAMS / short_hash([socket.gethostname(), name])
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    aside = file.with_name(f"{_UNFINISHED}{secrets.token_hex(8)}")
    if not file.exists():
        aside.write_text(found)
        try:
            os.link(aside, file)  # unlike a rename, the first of several workers wins
        except FileExistsError:
            pass
        finally:
            aside.unlink()
    return file.read_text(), f". Only if its numbers are the same: delete {file}, then `tansaku retry`"


def _copied(root: Path, files: Mapping[str, Path], sha256: Mapping[str, str], beside: Iterable[Path]) -> Path:
    """Folder with copies of files; it appears whole, by rename, and is made again if a copy is missing or damaged."""
    folders = sorted({str(folder) for folder in beside})
    wanted = {name: sha256[name] for name in files}
    target = root / short_hash([wanted, folders])
    if _is_whole(target, wanted):
        return target
    aside = root / f"{_UNFINISHED}{secrets.token_hex(8)}"
    try:
        for name, path in files.items():
            copy = aside / name
            copy.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            shutil.copy(path, copy)
            copy.chmod(copy.stat().st_mode & ~_WRITABLE)
        if not _is_whole(aside, wanted):
            raise TransientError(f"{', '.join(map(str, files.values()))}: changed while being copied")
        _link_others(aside, folders)
        if target.is_dir() and not _is_whole(target, wanted):
            shutil.rmtree(target)
        try:
            aside.rename(target)
        except OSError:
            if not _is_whole(target, wanted):  # else another worker was first
                raise
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return target


def _is_whole(folder: Path, sha256: Mapping[str, str]) -> bool:
    return all((folder / name).is_file() and file_sha256(folder / name) == known for name, known in sha256.items())


def _link_others(folder: Path, others: Iterable[str]) -> None:
    """Links the other files of some folders: a script may read, beside itself, what its site file does not list."""
    for other in others:
        entries: list[Path] = []
        with suppress(PermissionError):  # of a folder that cannot be listed, such files are not found
            entries = list(islice(Path(other).iterdir(), _MOST_LINKS + 1))
        for entry in entries if len(entries) <= _MOST_LINKS else ():
            link = folder / entry.name
            # Compiled modules are those of other files than the copies.
            if not entry.name.startswith(".") and entry.name != "__pycache__" and not os.path.lexists(link):
                link.symlink_to(entry)
