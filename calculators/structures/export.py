"""Structures as files for other programs, with what they are in the file itself."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tansaku.models.domain.errors import ConfigurationError

if TYPE_CHECKING:
    from ase import Atoms


def write_structure(atoms: Atoms, path: Path) -> Path:
    """Writes a structure with its metadata (``atoms.info``: Σ, plane, angle, translation, potential …).

    The metadata stand in the comment line of extended XYZ, and as comments at the head of a CIF.

    Args:
        atoms: The structure; results of a calculator are kept in extended XYZ.
        path: File name; its ending, ``.extxyz`` or ``.cif``, chooses the format.

    Raises:
        ConfigurationError: The ending is another one.
    """
    from ase.io import write

    if path.suffix == ".extxyz":
        write(path, atoms, format="extxyz")
    elif path.suffix == ".cif":
        buffer = io.BytesIO()
        write(buffer, atoms, format="cif")
        notes = "".join(f"# {key}: {_one_line(value)}\n" for key, value in sorted(atoms.info.items()))
        path.write_text(notes + buffer.getvalue().decode("utf-8"), encoding="utf-8")
    else:
        raise ConfigurationError(f"cannot write {path.name!r}: expected a name that ends in .extxyz or .cif")
    return path


def _one_line(value: object) -> str:
    """A value on one line: what stands behind a line break would be read as CIF data."""
    plain = value.tolist() if isinstance(value, np.ndarray | np.generic) else value
    return " ".join(str(plain).split())
