"""Crystals from CIFs, read with pymatgen; what would take minutes or much memory is refused before."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tansaku.calculators.structures.ion_data import load_pymatgen
from tansaku.calculators.structures.unreadable import unreadable
from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.specs.limits import LimitsSpec, check_limit

_TWICE_COUNTED = 4
"""An atom may lie between two cells of the grid on which images are counted."""
_CELLS = 1000
_OPERATIONS = 192
"""A space group has at most so many in its conventional cell."""
_MAGNETIC = 384
"""A magnetic space group has at most so many, which a file may give as operations times centrings."""
_LONGEST_OPERATION = 200
"""Characters; those written with fifteen decimals have about eighty."""


def read_cif(path: Path, limits: LimitsSpec | None, key: str) -> Any:  # noqa: ANN401 - a pymatgen Structure
    """The one structure of a CIF, in its conventional cell.

    Args:
        limits: Limits of its content; None: it was checked before.
        key: Key of the spec that names it, for messages.

    Raises:
        ConfigurationError: It cannot be read, is too large or holds another number of structures.
        MissingComponentError: pymatgen is not installed.
    """
    cif = load_pymatgen("pymatgen.io.cif")
    if not path.is_file():
        raise ConfigurationError(f"{key}: no file {str(path)!r}; expected a CIF")
    check_limit(limits, "cif_bytes", path.stat().st_size, f"{key}: bytes of {path.name!r}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            text = path.read_text(encoding="utf-8-sig")
            file = cif.CifFile.from_str(text)
            _check_lists(file, path, limits, key)
            parser = cif.CifParser.from_str(text)
            atoms = sum(_images(block, parser.get_symops(block)) for block in file.data.values()) // _TWICE_COUNTED
            # The parser compares all images of all atoms with each other, which takes minutes where they are many.
            check_limit(limits, "cif_atoms", atoms, f"{key}: atoms in the cell of {path.name!r}, at least")
            found = parser.parse_structures(primitive=False)
    except ConfigurationError:
        raise
    except Exception as error:  # the parser meets bad files with whatever its next line raises; all are re-raised as ours
        raise unreadable(path, f"{key}: ", error, "a CIF") from error
    if len(found) != 1:
        raise ConfigurationError(f"{key}: {path.name!r} holds {len(found)} structures; expected 1")
    check_limit(limits, "cif_atoms", len(found[0]), f"{key}: atoms in the cell of {path.name!r}")
    return found[0]


def _check_lists(file: Any, path: Path, limits: LimitsSpec | None, key: str) -> None:  # noqa: ANN401 - a pymatgen CifFile
    """Refuses lists of atoms and operations that are too long, before they are multiplied with each other."""
    for block in file.data.values():
        lists = {name: column for name, column in block.data.items() if isinstance(column, list)}
        sites = max((len(column) for name, column in lists.items() if name.startswith("_atom_site_")), default=0)
        check_limit(limits, "cif_atoms", sites, f"{key}: rows of atoms in {path.name!r}")
        _check_operations({name: column for name, column in block.data.items() if name.endswith("xyz")}, path, key)


def _check_operations(columns: Mapping[str, Sequence[str] | str], path: Path, key: str) -> None:
    """Refuses what a parser of operations takes minutes for: too many, or one that is very long."""
    product = 1
    for name, column in columns.items():
        words = [column] if isinstance(column, str) else column
        most = _MAGNETIC if name.endswith(".xyz") else _OPERATIONS
        if len(words) > most:
            raise ConfigurationError(f"{key}: {path.name!r} has {len(words)} operations in {name}; expected at most {most}")
        longest = max(map(len, words), default=0)
        if longest > _LONGEST_OPERATION:
            raise ConfigurationError(
                f"{key}: {path.name!r}: {name} has an operation of {longest} characters; expected at most {_LONGEST_OPERATION}"
            )
        product *= len(words) if name.endswith(".xyz") else 1
    if product > _MAGNETIC:
        raise ConfigurationError(
            f"{key}: {path.name!r} has {product} operations, centrings counted; expected at most {_MAGNETIC}"
        )


def _images(block: Any, operations: Sequence[Any]) -> int:  # noqa: ANN401 - a pymatgen CifBlock and SymmOps
    """About how many atoms a block's rows and operations make; 0 where it has none that can be read."""
    try:
        rows = [[float(str(text).partition("(")[0]) for text in block.data[f"_atom_site_fract_{axis}"]] for axis in "xyz"]
    except (KeyError, ValueError):
        return 0
    rotations = np.array([operation.rotation_matrix for operation in operations])
    shifts = np.array([operation.translation_vector for operation in operations])
    images = np.einsum("oij,jn->oni", rotations, np.array(rows)) + shifts[:, None, :]
    return len(np.unique(np.rint(images.reshape(-1, 3) % 1.0 * _CELLS).astype(np.int64) % _CELLS, axis=0))
