"""Extended XYZ: structures that jobs left, files that users bring, and data sets written for other programs."""

from __future__ import annotations

import gzip
import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tansaku.calculators.structures.extended_xyz import read_extended_xyz, write_extended_xyz
from tansaku.calculators.structures.unreadable import unreadable
from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.pool import FloatArray
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.specs.dataset import FileSourceSpec
from tansaku.models.domain.surrogates import Example
from tansaku.tasks.node.jobs.document import FREE_ENERGY, LABEL_ENERGIES, LABEL_ENERGY, LABEL_FORCES

if TYPE_CHECKING:
    from ase import Atoms

LARGEST_FILE = 2**30
_INFO = (str, int, float, bool)


def example_of(atoms: Atoms, identifier: str, group: str) -> Example:
    """The example that a job's structure file holds: results of its calculator, and those of its label."""
    results = dict(atoms.calc.results) if atoms.calc is not None else {}
    properties = {
        name: np.asarray(results[name], dtype=np.float64)
        for name in ("energy", FREE_ENERGY, "energies", "forces", "stress")
        if name in results
    }
    for name in (LABEL_ENERGIES, LABEL_FORCES):
        if name in atoms.arrays:
            properties[name] = np.asarray(atoms.arrays[name], dtype=np.float64)
    if LABEL_ENERGY in atoms.info:
        properties[LABEL_ENERGY] = np.asarray(atoms.info[LABEL_ENERGY], dtype=np.float64)
    return Example(identifier, group, _bare(atoms), properties, info=_plain_info(atoms.info))


_NO_ENERGIES = "source.energies: null and source.energy: KEY read a file that has total energies, but no energies of atoms"


def read_user_file(path: Path, spec: FileSourceSpec) -> list[Example]:
    """Reads a user's structures with their energies.

    Args:
        spec: What its energies are called.

    Raises:
        ConfigurationError: It cannot be read, or a structure lacks its energies or its group, or has a wrong number.
    """
    found = []
    for number, atoms in enumerate(_frames(path), 1):
        where = f"source.path: {path.name}, structure {number}"
        if spec.group not in atoms.info:
            raise ConfigurationError(
                f"{where}: no {spec.group!r} in its comment line, which has {', '.join(sorted(atoms.info)) or 'nothing'}",
                hint="source.group is the key that says which structures belong together",
            )
        properties: dict[str, FloatArray] = {}
        results = dict(atoms.calc.results) if atoms.calc is not None else {}
        if spec.energies is not None:
            properties["energies"] = _numbers(
                {**atoms.arrays, **results}, spec.energies, where, (len(atoms),), hint=_NO_ENERGIES
            )
            properties["energy"] = np.asarray(properties["energies"].sum())
        if spec.energy is not None:
            properties["energy"] = _numbers({**atoms.info, **results}, spec.energy, where, ())
        properties |= {name: _numbers(atoms.info, name, where, ()) for name in spec.properties}
        arrays = {**atoms.arrays, **results}
        if spec.forces is not None and spec.forces in arrays:
            properties["forces"] = _numbers(arrays, spec.forces, where, (len(atoms), 3))
        info = _plain_info(atoms.info)
        found.append(Example(f"{number:06d}", str(atoms.info[spec.group]), _bare(atoms), properties, info=info))
    if not found:
        raise ConfigurationError(f"source.path: {path.name} contains no structure")
    if spec.forces is not None and not any("forces" in item.properties for item in found):
        raise ConfigurationError(f"source.forces: no structure of {path.name} has an array {spec.forces!r}")
    return found


def read_structures(path: Path) -> list[Example]:
    """Reads structures and their metadata, without energies or forces.

    Raises:
        ConfigurationError: The file cannot be read, or contains no structure.
    """
    found = [
        Example(f"{number:06d}", str(number), _bare(atoms), {}, info=_plain_info(atoms.info))
        for number, atoms in enumerate(_frames(path), 1)
    ]
    if not found:
        raise ConfigurationError(f"{path.name} contains no structure")
    return found


def write_structures(structures: Sequence[Atoms], path: Path) -> None:
    """Writes structures with their metadata.

    Raises:
        ConfigurationError: The file cannot be written.
    """
    buffer = io.StringIO()
    for atoms in structures:
        write_extended_xyz(buffer, atoms)
    _write(buffer, path)


def write_extxyz(examples: Sequence[Example], path: Path, only: Sequence[str] | None = None) -> Path:
    """Writes a data set; a name that ends in ``.gz`` is compressed, the same data being the same file.

    Args:
        only: Properties that are written; None or empty: all.

    Raises:
        ConfigurationError: The file cannot be written.
    """
    buffer = io.StringIO()
    for example in examples:
        atoms = example.structure.copy()
        atoms.info = {"id": example.id, "group": example.group, **example.info}
        for name, value in example.properties.items():
            if only and name not in only:
                continue
            if np.ndim(value) and len(value) == len(atoms):
                atoms.arrays[name] = value
            else:
                atoms.info[name] = float(value) if not np.ndim(value) else value
        write_extended_xyz(buffer, atoms)
    return _write(buffer, path)


def _write(buffer: io.StringIO, path: Path) -> Path:
    data = buffer.getvalue().encode("utf-8")
    try:
        path.write_bytes(gzip.compress(data, mtime=0) if path.suffix == ".gz" else data)
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be written: {error.strerror}") from error
    return path


def _frames(path: Path) -> Iterator[Atoms]:
    try:
        with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as stream:
            data = stream.read(LARGEST_FILE + 1)
        if len(data) > LARGEST_FILE:
            raise ConfigurationError(f"{path.name} unpacks to more than {LARGEST_FILE >> 20} MiB")
        yield from read_extended_xyz(data.decode("utf-8"))
    except ConfigurationError:
        raise
    except Exception as error:  # the parser meets bad files with whatever its next line raises; all are re-raised as ours
        raise unreadable(path, "", error, "an extended XYZ file") from error


def _numbers(found: dict[str, Any], key: str, where: str, shape: tuple[int, ...], hint: str | None = None) -> FloatArray:
    if key not in found:
        raise ConfigurationError(f"{where}: no {key!r}; it has {', '.join(sorted(map(str, found)))}", hint=hint)
    try:
        values = np.asarray(found[key], dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ConfigurationError(f"{where}: {key!r} holds no numbers") from error
    if values.shape != shape:
        raise ConfigurationError(f"{where}: {key!r} has shape {values.shape}, expected {shape}")
    if not np.isfinite(values).all():
        raise ConfigurationError(f"{where}: {key!r} has a value that is not a finite number")
    return values


def _bare(atoms: Atoms) -> Atoms:
    from ase import Atoms as Structure

    return Structure(numbers=atoms.numbers, positions=atoms.positions, cell=atoms.cell, pbc=atoms.pbc)


def _plain_info(info: dict[str, Any]) -> JsonDict:
    """Metadata that are plain: words, numbers and lists of them."""
    found: JsonDict = {}
    for key, value in info.items():
        plain = value.tolist() if isinstance(value, np.ndarray | np.generic) else value
        parts = plain if isinstance(plain, list) else [plain]
        finite = all(isinstance(part, _INFO) and (not isinstance(part, float) or np.isfinite(part)) for part in parts)
        if finite and isinstance(key, str) and key != LABEL_ENERGY:
            found[key] = plain
    return found
