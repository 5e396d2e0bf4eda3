"""Structures from files of several formats, as candidates can be computed: periodic, complete, of known elements.

Structures from an answer of an OPTIMADE server that was saved as JSON; nothing is fetched.
Specification: Evans et al., Digital Discovery 3, 1509 (2024), doi:10.1039/D4DD00039K.
"""

from __future__ import annotations

import json
import re
import sqlite3
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
from ase import Atoms
from ase.data import chemical_symbols

from tansaku.calculators.structures.cif_file import check_apart, read_cif
from tansaku.calculators.structures.extended_xyz import read_extended_xyz
from tansaku.calculators.structures.unreadable import unreadable
from tansaku.models.domain.errors import ConfigurationError, MissingComponentError
from tansaku.models.domain.identifiers import shown
from tansaku.models.domain.pool import FloatArray
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.specs.limits import LimitsSpec, check_limit
from tansaku.models.domain.structure_files import CIF_ENDINGS, DATABASE_ENDINGS, OPTIMADE_ENDINGS, XYZ_ENDINGS, is_poscar

_SMALLEST_VOLUME = 0.5
"""Å^3 of an atom; the densest solids have ten times as much."""

_LARGEST = 1e4
_INFO_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,62}")
_LONGEST_TEXT = 200


@dataclass(frozen=True)
class FoundStructure:
    """One structure of a file.

    Attributes:
        atoms: Elements, positions, a right-handed cell; nothing else.
        info: Its metadata: numbers, texts and truth values.
        place: Which of its file's structures it is, counted from 1; None where the file can hold one only.
        name: What the file calls it, None where it has no name of its own.
    """

    atoms: Atoms
    info: JsonDict
    place: int | None = None
    name: str | None = None


Raw = tuple[Atoms, Mapping[str, object], str | None]
"""A structure as a format gives it, its metadata and its name."""


def read_structures(path: Path, limits: LimitsSpec | None, key: str, box: float | None = None) -> Iterator[FoundStructure]:
    """The structures of one file.

    Args:
        path: The file; its ending says the format.
        limits: Limits of its content; None: it was checked before.
        key: Key of the spec that names it, for messages.
        box: Distance of a molecule to the walls of the box that it is put into [Å]; None: molecules are refused.

    Raises:
        ConfigurationError: It cannot be read, is too large, or a structure cannot be computed.
        MissingComponentError: pymatgen is not installed.
    """
    name = path.name.lower()
    if name.endswith(CIF_ENDINGS):
        structure = read_cif(path, limits, key)
        yield checked_structure(_from_pymatgen(structure, path, key), {}, _where(path, None, key))
        return
    several = _reader_of(path, key)
    try:
        for place, (atoms, info, own) in enumerate(several(path, limits, key), start=1):
            single = is_poscar(path.name)
            check_limit(limits, "atoms", len(atoms), f"{key}: atoms of structure {place} of {path.name!r}")
            placed = atoms if box is None else _in_box(atoms, box)
            found = checked_structure(placed, info, _where(path, None if single else place, key))
            if limits is not None:
                check_apart(found.atoms, _where(path, None if single else place, key))
            yield replace(found, place=None if single else place, name=own)
    except (ConfigurationError, MissingComponentError):
        raise
    except Exception as error:  # the readers meet bad files with whatever their next line raises; all are re-raised as ours
        raise unreadable(path, f"{key}: ", error) from error


def parse_structure_file(path: Path, limits: LimitsSpec | None, key: str) -> None:
    """Reads a file as far as its format goes; but for lengths and distances, its structures are not judged.

    The first arguments and the errors are those of :func:`read_structures`.
    """
    if path.name.lower().endswith(CIF_ENDINGS):
        read = read_cif(path, limits, key)
        check_lengths(read.lattice.matrix, read.cart_coords, _where(path, None, key))
        return
    several = _reader_of(path, key)
    try:
        for place, (atoms, _, _) in enumerate(several(path, limits, key), 1):
            check_lengths(atoms.cell.array, atoms.positions, _where(path, place, key))
            check_apart(atoms, _where(path, place, key))
    except (ConfigurationError, MissingComponentError):
        raise
    except Exception as error:  # as in read_structures
        raise unreadable(path, f"{key}: ", error) from error


def _reader_of(path: Path, key: str) -> Callable[[Path, LimitsSpec | None, str], Iterator[Raw]]:
    name = path.name.lower()
    if is_poscar(name):
        return _poscar
    for endings, reader in (
        (XYZ_ENDINGS, _extended_xyz),
        (DATABASE_ENDINGS, _database_structures),
        (OPTIMADE_ENDINGS, _optimade_structures),
    ):
        if name.endswith(endings):
            return reader
    raise ConfigurationError(
        f"{key}: {path.name!r} has an unknown ending; expected a CIF, POSCAR, extxyz, .db or OPTIMADE .json"
    )


def _poscar(path: Path, limits: LimitsSpec | None, key: str) -> Iterator[Raw]:
    from ase.io.vasp import read_vasp

    check_limit(limits, "cif_bytes", path.stat().st_size, f"{key}: bytes of {path.name!r}")
    yield read_vasp(str(path)), {}, None


def _extended_xyz(path: Path, limits: LimitsSpec | None, key: str) -> Iterator[Raw]:
    text = path.read_text(encoding="utf-8-sig")
    _count_atoms(text, limits, key, path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for atoms in read_extended_xyz(text):
            yield atoms, atoms.info, None


def _count_atoms(text: str, limits: LimitsSpec | None, key: str, path: Path) -> None:
    """Looks at the numbers of atoms that a file gives, before a parser makes arrays of that size."""
    lines = text.split("\n")  # as the parser does; other characters that end a line are text to it
    at = 0
    while at < len(lines) and lines[at].strip():
        count = int(lines[at])
        check_limit(limits, "atoms", count, f"{key}: atoms of a structure of {path.name!r}")
        if count < 1:
            raise ConfigurationError(f"{key}: {path.name!r}, line {at + 1}: {count} atoms; expected at least one")
        at += count + 2
    more = next((number for number in range(at, len(lines)) if lines[number].strip()), None)
    if more is not None:
        raise ConfigurationError(
            f"{key}: {path.name!r}, line {at + 1}: an empty line, and more in line {more + 1}; expected a number of atoms"
        )


def _from_pymatgen(structure: object, path: Path, key: str) -> Atoms:
    symbols = []
    for site in structure:  # type: ignore[attr-defined] # a pymatgen Structure
        species = list(site.species.items())
        if len(species) != 1 or abs(species[0][1] - 1.0) > 1e-3:
            raise ConfigurationError(
                f"{key}: site {site.label} of {path.name!r} holds {site.species_string}; expected one element, fully"
            )
        symbols.append(str(getattr(species[0][0], "symbol", None) or species[0][0].element.symbol))
    unknown = next((symbol for symbol in symbols if symbol not in chemical_symbols), None)
    if unknown is not None:
        raise ConfigurationError(f"{key}: {path.name!r}: there is no element {unknown!r}")
    lattice, fractions = structure.lattice.matrix, structure.frac_coords  # type: ignore[attr-defined]
    return Atoms(symbols, scaled_positions=fractions, cell=lattice, pbc=True)


def _in_box(atoms: Atoms, box: float) -> Atoms:
    """A molecule in the middle of a periodic box; a structure that is periodic in a direction as it is."""
    if atoms.pbc.any() or not np.isfinite(atoms.positions).all():
        return atoms
    boxed: Atoms = atoms.copy()
    boxed.set_cell(np.ptp(atoms.positions, axis=0) + 2.0 * box)
    boxed.center()
    boxed.pbc = True
    return boxed


def _where(path: Path, place: int | None, key: str) -> str:
    return f"{key}: {path.name!r}" + ("" if place is None else f", structure {place}")


def check_lengths(cell: FloatArray, positions: FloatArray, where: str) -> None:
    """Refuses a structure without atoms, or whose positions or cell are no lengths.

    Args:
        cell: Its vectors [Å], shape ``(3, 3)``.
        positions: Of its atoms [Å], shape ``(n_atoms, 3)``.
        where: Names it in messages.

    Raises:
        ConfigurationError: It is such a structure.
    """
    if len(positions) == 0:
        raise ConfigurationError(f"{where} has no atoms")
    if not (np.isfinite(cell).all() and np.isfinite(positions).all()):
        raise ConfigurationError(f"{where}: a position or a cell vector is not a finite number")
    if max(np.abs(cell).max(), np.abs(positions).max()) > _LARGEST:
        raise ConfigurationError(f"{where}: a position or a cell vector is longer than {_LARGEST:g} Å")


def checked_structure(atoms: Atoms, info: Mapping[str, object], where: str) -> FoundStructure:
    """A crystal as a space has it, with its plain metadata.

    Args:
        where: Names it in messages.

    Raises:
        ConfigurationError: It cannot be computed.
    """
    cell, positions, numbers = np.array(atoms.cell.array), np.array(atoms.positions), np.array(atoms.numbers)
    check_lengths(cell, positions, where)
    if not ((numbers >= 1) & (numbers < len(chemical_symbols))).all():
        raise ConfigurationError(f"{where}: an atom is of no known element")
    if not atoms.pbc.all():
        raise ConfigurationError(
            f"{where} is not periodic in three directions; expected a crystal, or a box around it",
            hint="in a space of structures, space.box: 8 puts a molecule into a box, 8 Å from its walls"
            if not atoms.pbc.any()
            else "in ASE: atoms.center(vacuum=8, axis=2); atoms.pbc = True; then write it as extended XYZ",
        )
    if abs(np.linalg.det(cell)) < _SMALLEST_VOLUME * len(numbers):
        raise ConfigurationError(f"{where}: its cell has less than {_SMALLEST_VOLUME} Å³ for an atom")
    if np.linalg.det(cell) < 0:
        cell = cell[[1, 0, 2]]  # the same lattice with its vectors in another order, as calculators expect
    made = Atoms(numbers=numbers, positions=positions, cell=cell, pbc=True)
    return FoundStructure(made, {name: value for name, value in map(_plain, info.items()) if value is not None})


def _plain(item: tuple[str, object]) -> tuple[str, object]:
    """A key of the metadata and its value; None if a campaign cannot use it."""
    name, value = item
    if isinstance(value, np.generic):
        value = value.item()
    good = isinstance(value, bool | int) or (isinstance(value, float) and np.isfinite(value))
    good |= isinstance(value, str) and len(value) <= _LONGEST_TEXT and value.isprintable()
    return name, value if good and _INFO_KEY.fullmatch(str(name)) else None


_HIDDEN = "select name, hidden from pragma_table_xinfo(?)"
"""Columns of a table; those that are computed when they are read, or belong to a virtual table, are hidden ones."""


def _database_structures(
    path: Path, limits: LimitsSpec | None, key: str
) -> Iterator[tuple[Atoms, Mapping[str, object], str | None]]:
    """The structures of a database in order of their rows, with their key-value pairs."""
    from ase.db import connect

    _check(path, limits, key)
    for row in connect(str(path), type="db", use_lock_file=False).select(sort="id"):
        yield row.toatoms(), {**row.key_value_pairs, "row": row.id}, f"{path.stem}-{row.id:06d}"


def _check(path: Path, limits: LimitsSpec | None, key: str) -> None:
    """Looks at the file without ASE, which would change an old database: tables, no views, and nothing that is computed."""
    try:
        with closing(sqlite3.connect(f"file:{quote(str(path.resolve()))}?mode=ro", uri=True)) as database:
            kinds = dict(database.execute("select name, type from sqlite_master where type in ('table', 'view', 'trigger')"))
            strange = sorted(name for name, kind in kinds.items() if kind != "table")
            if "systems" not in kinds or strange:
                what = f"it has a {kinds[strange[0]]}, {strange[0]!r}" if strange else "it has no table 'systems'"
                raise ConfigurationError(f"{key}: {path.name!r} is not an ASE database: {what}")
            made = [name for table in kinds for name, hidden in database.execute(_HIDDEN, (table,)) if hidden]
            if made:
                raise ConfigurationError(
                    f"{key}: {path.name!r} is not an ASE database: column {made[0]!r} is computed, not stored"
                )
            rows, most = database.execute("select count(*), max(natoms) from systems").fetchone()
    except sqlite3.Error as error:
        raise ConfigurationError(f"{key}: {path.name!r} is not an ASE database: {error}") from error
    check_limit(limits, "combinations", rows, f"{key}: rows of {path.name!r}")
    check_limit(limits, "atoms", most or 0, f"{key}: atoms of a structure of {path.name!r}")


def _optimade_structures(
    path: Path, limits: LimitsSpec | None, key: str
) -> Iterator[tuple[Atoms, Mapping[str, object], str | None]]:
    """The structures of a saved answer: the document, or a list of pages of it."""
    document = json.loads(path.read_text(encoding="utf-8"))
    pages = document if isinstance(document, list) else [document]
    for page in pages:
        entries = page.get("data") if isinstance(page, dict) else None
        if not isinstance(entries, list | dict):
            raise ConfigurationError(f"{key}: {path.name!r} is not an OPTIMADE answer; expected a key 'data' with structures")
        for entry in entries if isinstance(entries, list) else [entries]:
            if not isinstance(entry, dict) or not isinstance(entry.get("attributes"), dict):
                raise ConfigurationError(f"{key}: {path.name!r}: an entry has no attributes")
            yield _structure(entry, limits, f"{key}: {path.name!r}, entry {shown(entry.get('id'))}")


def _structure(
    entry: Mapping[str, Any], limits: LimitsSpec | None, where: str
) -> tuple[Atoms, Mapping[str, object], str | None]:
    attributes = entry["attributes"]
    missing = [
        name
        for name in ("cartesian_site_positions", "lattice_vectors", "species_at_sites")
        if not isinstance(attributes.get(name), list)
    ]
    if missing:
        raise ConfigurationError(f"{where}: {missing[0]} is missing", hint="ask the server for it by response_fields")
    sites = attributes["species_at_sites"]
    check_limit(limits, "atoms", len(sites), f"{where}: atoms")
    if len(attributes["cartesian_site_positions"]) != len(sites):
        raise ConfigurationError(f"{where}: {len(attributes['cartesian_site_positions'])} positions for {len(sites)} sites")
    symbols = _symbols(attributes, where)
    unknown = next((str(name) for name in sites if name not in symbols), None)
    if unknown is not None:
        raise ConfigurationError(f"{where}: site of {shown(unknown)}, which is no species")
    dimensions = attributes.get("dimension_types", [1, 1, 1])
    atoms = Atoms(
        [symbols[name] for name in sites],
        positions=attributes["cartesian_site_positions"],
        cell=[[float("nan") if number is None else number for number in vector] for vector in attributes["lattice_vectors"]],
        pbc=[bool(number) for number in dimensions],
    )
    return atoms, attributes, str(entry["id"]) if entry.get("id") is not None else None


def _symbols(attributes: Mapping[str, Any], where: str) -> dict[str, str]:
    """Element of each species; where an answer lists no species, their names are elements."""
    species = attributes.get("species") or [
        {"name": name, "chemical_symbols": [name], "concentration": [1.0]} for name in set(attributes["species_at_sites"])
    ]
    found = {}
    for kind in species:
        elements = kind["chemical_symbols"]
        if len(elements) != 1 or abs(kind.get("concentration", [1.0])[0] - 1.0) > 1e-3:
            raise ConfigurationError(f"{where}: species {shown(kind['name'])} is not one element, fully")
        if elements[0] not in chemical_symbols[1:]:
            raise ConfigurationError(f"{where}: there is no element {shown(elements[0])}")
        found[kind["name"]] = elements[0]
    return found
