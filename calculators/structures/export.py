"""Writes structures for other programs, with their metadata in the file itself."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from tansaku.calculators.structures.extended_xyz import write_extended_xyz
from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.identifiers import printable

if TYPE_CHECKING:
    from ase import Atoms

StructureFormat = Literal["extxyz", "cif", "poscar", "lammps-data"]
SUFFIXES: dict[StructureFormat, str] = {"extxyz": ".extxyz", "cif": ".cif", "poscar": ".poscar", "lammps-data": ".data"}
"""Ending of a file's name by format."""


def write_structure(atoms: Atoms, path: Path) -> Path:
    """Writes a structure with its metadata (``atoms.info``: Σ, plane, angle, translation, potential …).

    Extended XYZ holds everything: metadata, arrays (which atoms are held, charges …), energies and forces. The other formats
    hold cell, species and positions; the metadata are comments at the head of a CIF, and one comment line of a POSCAR or a
    LAMMPS data file. A POSCAR has its atoms sorted by species; LAMMPS data have the cell turned so that a is along x.

    Args:
        path: File name; its ending, one of :data:`SUFFIXES`, chooses the format.

    Raises:
        ConfigurationError: The ending is another one.
    """
    write = _WRITERS.get(path.suffix)
    if write is None:
        expected = ", ".join(SUFFIXES.values())
        raise ConfigurationError(f"cannot write {path.name!r}: expected a name that ends in one of {expected}")
    write(atoms, path)
    return path


def _write_cif(atoms: Atoms, path: Path) -> None:
    """All atoms in P1, with as many digits as the numbers have: ASE's own writer rounds a long cell's by 1e-3 Å."""
    notes = "".join(f"# {key}: {word}\n" for key, word in _notes(atoms))
    lengths = zip(("a", "b", "c"), atoms.cell.lengths(), strict=True)
    angles = zip(("alpha", "beta", "gamma"), atoms.cell.angles(), strict=True)
    lines = [
        "data_structure",
        *(f"_cell_length_{name} {value:.10f}" for name, value in lengths),
        *(f"_cell_angle_{name} {value:.10f}" for name, value in angles),
        "_space_group_name_H-M_alt 'P 1'",
        "_space_group_IT_number 1",
        "loop_",
        "_space_group_symop_operation_xyz",
        "'x, y, z'",
        "loop_",
        *(f"_atom_site_{name}" for name in ("label", "type_symbol", "fract_x", "fract_y", "fract_z", "occupancy")),
    ]
    symbols = atoms.get_chemical_symbols()
    for number, (symbol, place) in enumerate(zip(symbols, atoms.get_scaled_positions(wrap=False), strict=True), 1):
        lines.append(f"{symbol}{number} {symbol} {place[0]:.10f} {place[1]:.10f} {place[2]:.10f} 1.0")
    path.write_text(notes + "\n".join(lines) + "\n", encoding="utf-8")


def _write_poscar(atoms: Atoms, path: Path) -> None:
    from ase.io import write

    buffer = io.StringIO()
    bare = _bare(atoms)
    write(buffer, bare, format="vasp", direct=True, sort=True)
    path.write_text(_with_first_line(buffer.getvalue(), atoms), encoding="utf-8")


def _write_lammps_data(atoms: Atoms, path: Path) -> None:
    from ase.io import write

    buffer = io.StringIO()
    bare = _bare(atoms)
    bare.wrap()
    write(buffer, bare, format="lammps-data", masses=True, units="metal", atom_style="atomic")
    path.write_text(_with_first_line(buffer.getvalue(), atoms), encoding="utf-8")


def _with_first_line(text: str, atoms: Atoms) -> str:
    """A file's text with the metadata in its first line, which both formats leave to the user."""
    notes = "; ".join(f"{key}={word}" for key, word in _notes(atoms))
    first = f"# {atoms.get_chemical_formula()} {notes}".strip()
    return f"{first}\n{text.partition(chr(10))[2]}"


def _bare(atoms: Atoms) -> Atoms:
    """Cell, species and positions alone."""
    from ase import Atoms as Structure

    return Structure(numbers=atoms.numbers, positions=atoms.positions, cell=atoms.cell, pbc=atoms.pbc)


def _notes(atoms: Atoms) -> list[tuple[str, str]]:
    notes = [(_one_line(key), _one_line(value)) for key, value in sorted(atoms.info.items()) if value is not None]
    return [(key, word) for key, word in notes if word]


def _one_line(value: object) -> str:
    """A value on one line: what stands behind a line break would be read as data."""
    plain = value.tolist() if isinstance(value, np.ndarray | np.generic) else value
    return printable(" ".join(str(plain).split()))


_WRITERS: dict[str, Callable[[Atoms, Path], None]] = {
    ".extxyz": lambda atoms, path: write_extended_xyz(path, atoms),
    ".cif": _write_cif,
    ".poscar": _write_poscar,
    ".data": _write_lammps_data,
}
