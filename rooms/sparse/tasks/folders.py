"""Folders of the reports of one or several files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tansaku.models.domain.errors import ConfigurationError


def report_folders(paths: Sequence[Path], out: Path) -> list[Path]:
    """The folder of each file's report: ``out``, or of several files one each in it, called as the file.

    Raises:
        ConfigurationError: Two files would have one folder.
    """
    stems = [path.stem for path in paths]
    repeated = [stem for stem in stems if stems.count(stem) > 1]
    if repeated:
        raise ConfigurationError(f"{repeated[0]}: two files of this name; their reports would be in one folder")
    return [out] if len(paths) == 1 else [out / stem for stem in stems]


def created(folder: Path) -> Path:
    """The folder, created where it is missing.

    Raises:
        ConfigurationError: It cannot be created.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigurationError(f"--out {str(folder)!r}: the folder cannot be created: {_why(folder, error)}") from error
    return folder


def _why(folder: Path, error: OSError) -> str | None:
    return "a link to nothing is there" if folder.is_symlink() and not folder.exists() else error.strerror
