"""Crystals from CIFs, read with pymatgen; what would take minutes or much memory is refused before."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from ase.neighborlist import neighbor_list

from tansaku.calculators.structures.ion_data import load_pymatgen
from tansaku.calculators.structures.unreadable import unreadable
from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.identifiers import shown
from tansaku.models.domain.pool import FloatArray
from tansaku.models.domain.specs.limits import LimitsSpec, check_limit

_TWICE_COUNTED = 4
"""An atom may lie between two cells of the grid on which images are counted."""
_CELLS = 1000
_OPERATIONS = 192
"""A space group has at most so many in its conventional cell."""
_MAGNETIC = 384
"""A magnetic space group has at most so many, which a file may give as operations times centrings."""
_LENGTHS = tuple(f"_cell_length_{axis}" for axis in "abc")
_ANGLES = tuple(f"_cell_angle_{name}" for name in ("alpha", "beta", "gamma"))
_FRACTIONS = tuple(f"_atom_site_fract_{axis}" for axis in "xyz")
_MOST_CELLS = 1000.0
_MOST_OCCUPIED = 1.01
"""Occupancies of a site that are rounded may exceed 1 by this."""
_FLATTEST = 1e-2
"""Height of a cell of which neighbours are looked for [Å]."""
CLOSEST = 0.35
"""Atoms that are nearer to each other are at one place [Å]; the shortest bond, that of H2, is twice as long."""
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
            if limits is not None:
                for block in file.data.values():
                    _check_numbers(block.data, f"{key}: {path.name!r}")
                    if (lattice := parser.get_lattice(block)) is not None:
                        _check_rows(block.data, lattice.matrix, f"{key}: {path.name!r}")
            found = parser.parse_structures(primitive=False)
    except ConfigurationError:
        raise
    except Exception as error:  # the parser meets bad files with whatever its next line raises; all are re-raised as ours
        raise unreadable(path, f"{key}: ", error, "a CIF") from error
    if len(found) != 1:
        raise ConfigurationError(f"{key}: {path.name!r} holds {len(found)} structures; expected 1")
    check_limit(limits, "cif_atoms", len(found[0]), f"{key}: atoms in the cell of {path.name!r}")
    if limits is not None:
        sites = _atoms_at(found[0].frac_coords, found[0].lattice.matrix)
        occupancies = np.array([site.species.num_atoms for site in found[0]])
        check_apart(sites, f"{key}: {path.name!r}", [site.label for site in found[0]], occupancies)
    return found[0]


def check_apart(atoms: Atoms, where: str, names: Sequence[str] | None = None, occupancies: FloatArray | None = None) -> None:
    """Refuses a structure in which two atoms are at one place.

    Args:
        where: Names it in messages.
        names: Of its atoms; None: their numbers and elements.
        occupancies: Of its sites; two of which at most one is occupied may be at one place. None: all are occupied.

    Raises:
        ConfigurationError: Two are nearer than :data:`CLOSEST`.
    """
    vectors = atoms.cell.array
    areas = np.linalg.norm(np.cross(np.roll(vectors, -1, axis=0), np.roll(vectors, -2, axis=0)), axis=1)
    if atoms.pbc.any() and abs(np.linalg.det(vectors)) < _FLATTEST * areas.max():
        return  # it would have too many images; its volume for an atom is judged elsewhere
    first, second, distances = neighbor_list("ijd", atoms, CLOSEST)
    if occupancies is not None:
        both = occupancies[first] + occupancies[second] > _MOST_OCCUPIED
        first, second, distances = first[both], second[both], distances[both]
    if len(distances):
        nearest = distances.argmin()
        pair = [f"{at + 1} ({atoms.symbols[at]})" if names is None else names[at] for at in (first[nearest], second[nearest])]
        raise ConfigurationError(
            f"{where}: atoms {pair[0]} and {pair[1]} are {distances[nearest]:.2f} Å apart; expected {CLOSEST:g} Å or more"
        )


def _number(text: object) -> float | None:
    """The value of an entry, which may have an uncertainty in brackets; None: it has none."""
    try:
        return float(str(text).partition("(")[0])
    except ValueError:
        return None


def _check_numbers(block: Mapping[str, Any], where: str) -> None:
    """Refuses a cell and positions that are none."""
    for names, high, expected in ((_LENGTHS, math.inf, "a length above 0 Å"), (_ANGLES, 180.0, "an angle between 0° and 180°")):
        for name in names:
            value = _number(block.get(name))
            if value is not None and not 0.0 < value < high:
                raise ConfigurationError(f"{where}: {name}: {value:g}; expected {expected}")
    for name in _FRACTIONS:
        for entry in block.get(name, []):
            value = _number(entry)
            if value is not None and not abs(value) <= _MOST_CELLS:
                raise ConfigurationError(f"{where}: {name}: {shown(entry)}; expected a fraction of the cell")


def _atoms_at(fractions: FloatArray, cell: FloatArray) -> Atoms:
    """Atoms of no element at the sites of a cell."""
    return Atoms("X" * len(fractions), scaled_positions=fractions, cell=cell, pbc=True)


def _check_rows(block: Mapping[str, Any], cell: FloatArray, where: str) -> None:
    """Refuses rows of atoms at one place, which the parser does not name."""
    labels, rows = block.get("_atom_site_label", []), [[_number(text) for text in block.get(name, [])] for name in _FRACTIONS]
    if not labels or len({len(labels), *map(len, rows)}) > 1 or any(None in row for row in rows):
        return
    given = [_number(text) for text in block.get("_atom_site_occupancy", ["1"] * len(labels))]
    occupancies = np.array([1.0 if value is None else value for value in given])
    check_apart(_atoms_at(np.array(rows, dtype=float).T, cell), where, [shown(label) for label in labels], occupancies)


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
