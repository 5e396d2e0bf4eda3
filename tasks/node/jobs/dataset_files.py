"""A data set as one HDF5 file, and the hash of its content, which is the same whatever file it is in."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from tansaku.models.domain.errors import ConfigurationError, StoreError, installed
from tansaku.models.domain.identifiers import canonical_json
from tansaku.models.domain.pool import FloatArray
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.surrogates import Example
from tansaku.tasks.node.jobs.document import FREE_ENERGY

if TYPE_CHECKING:
    import h5py

SCHEMA_VERSION = 1

Found = TypeVar("Found")

PER_ATOM = frozenset({"energies", "forces", "label_energies", "label_forces"})
"""Properties with a row for each atom; all others belong to the structure."""

TOTAL = frozenset({"energy", "label_energy", FREE_ENERGY})
"""Properties that grow with the number of atoms."""


def check_hdf5() -> None:
    """Raises MissingComponentError when h5py is not installed."""
    with installed("data sets need the package h5py", hint="pip install 'tansaku[surrogates]'"):
        import h5py  # noqa: F401


def content_sha256(examples: Sequence[Example]) -> str:
    """Hash of structures, groups, metadata, properties and fields, in order of id; exact to the last bit."""
    digest = hashlib.sha256()
    for example in sorted(examples, key=lambda item: item.id):
        atoms = example.structure
        fields = {"id": example.id, "group": example.group, "info": example.info, "pbc": atoms.pbc.tolist()}
        digest.update(canonical_json(fields).encode())
        arrays: dict[str, FloatArray] = {"numbers": atoms.numbers, "positions": atoms.positions, "cell": atoms.cell.array}
        arrays |= {f"property {name}": np.asarray(value) for name, value in example.properties.items()}
        arrays |= {f"field {name}": np.asarray(value) for name, value in example.fields.items()}
        for name in sorted(arrays):
            # Adding zero makes -0.0, which equals 0.0, the same bits.
            array = np.ascontiguousarray(arrays[name], dtype="<f8") + 0.0
            digest.update(canonical_json([name, list(array.shape)]).encode())
            digest.update(array.tobytes())
    return digest.hexdigest()


def write_hdf5(examples: Sequence[Example], path: Path, provenance: JsonDict) -> Path:
    """Writes a data set.

    Args:
        examples: At least one.
        path: The file; one that is there is replaced.
        provenance: Plain data stored with it.

    Raises:
        ConfigurationError: The file cannot be written.
    """
    check_hdf5()
    import h5py

    ordered = sorted(examples, key=lambda example: example.id)
    try:
        with h5py.File(path, "w", track_order=False) as file:
            file.attrs["format"] = "tansaku-dataset"
            file.attrs["schema_version"] = SCHEMA_VERSION
            file.attrs["told"] = canonical_json(provenance)
            _write_structures(file, ordered)
            for name in sorted({name for item in ordered for name in item.properties}):
                _write_property(file, name, ordered)
            for number, item in enumerate(ordered):
                for name, values in item.fields.items():
                    _put(file, f"fields/{name}/{number}", np.asarray(values, dtype=np.float64))
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be written: {error}") from error
    return path


def read_hdf5(path: Path) -> list[Example]:
    """Reads what :func:`write_hdf5` wrote, by this or an older version.

    Raises:
        StoreError: It is no such file.
    """
    return _opened(path, _read)


def _opened(path: Path, read: Callable[[h5py.File], Found]) -> Found:
    check_hdf5()
    import h5py

    try:
        with h5py.File(path, "r") as file:
            version = file.attrs.get("schema_version")
            if file.attrs.get("format") != "tansaku-dataset" or version != SCHEMA_VERSION:
                raise StoreError(f"{path} is not a data set of tansaku, or of a newer version (schema version {version})")
            return read(file)
    except (OSError, KeyError, ValueError) as error:
        raise StoreError(f"{path} is not a data set: {error}") from error


@dataclass(frozen=True)
class Content:
    """Numbers that a data set holds, without its structures.

    Attributes:
        sizes: Atoms of each structure, shape ``(n_structures,)``.
        numbers: Atomic numbers of all atoms, shape ``(n_atoms,)``.
        groups: Of each structure.
        properties: Values by name: of total energies per atom, of the others as they are stored.
    """

    sizes: np.ndarray[Any, np.dtype[np.int64]]
    numbers: np.ndarray[Any, np.dtype[np.int16]]
    groups: tuple[str, ...]
    properties: dict[str, FloatArray]


def read_content(path: Path) -> Content:
    """Reads the numbers that :func:`write_hdf5` wrote. Raises StoreError if it is no such file."""
    return _opened(path, _content)


def _content(file: h5py.File) -> Content:
    sizes = np.diff(file["offsets"][:])
    properties: dict[str, FloatArray] = {}
    for name, stored in file.get("properties", {}).items():
        values = np.asarray(stored["values"][:], dtype=np.float64)
        properties[name] = values / sizes[stored["known"][:]] if name in TOTAL else values
    return Content(sizes, file["numbers"][:], tuple(item.decode() for item in file["groups"][:]), properties)


def _write_structures(file: h5py.File, examples: Sequence[Example]) -> None:
    sizes = [len(example.structure) for example in examples]
    _put(file, "offsets", np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64))
    _put(file, "numbers", np.concatenate([example.structure.numbers for example in examples]).astype(np.int16))
    _put(file, "positions", np.concatenate([example.structure.positions for example in examples]))
    _put(file, "cells", np.array([example.structure.cell.array for example in examples]))
    _put(file, "pbc", np.array([example.structure.pbc for example in examples]))
    texts: dict[str, Callable[[Example], str]] = {
        "ids": lambda item: item.id,
        "groups": lambda item: item.group,
        "info": lambda item: canonical_json(item.info),
    }
    for name, text in texts.items():
        # Bytes of fixed length: a variable one would make the same data another file.
        file.create_dataset(name, data=np.array([text(example).encode() for example in examples]), track_times=False)


def _write_property(file: h5py.File, name: str, examples: Sequence[Example]) -> None:
    known = np.array([name in example.properties for example in examples])
    values = [np.asarray(example.properties[name], dtype=np.float64) for example in examples if name in example.properties]
    together = np.concatenate(values) if name in PER_ATOM else np.array(values)
    _put(file, f"properties/{name}/known", known)
    _put(file, f"properties/{name}/values", together)


def _put(file: h5py.File, name: str, array: np.ndarray[Any, Any]) -> None:
    file.create_dataset(name, data=array, track_times=False, compression="gzip" if array.size > 1 else None)


def _read(file: h5py.File) -> list[Example]:
    from ase import Atoms

    offsets, numbers, positions = file["offsets"][:], file["numbers"][:], file["positions"][:]
    cells, pbc = file["cells"][:], file["pbc"][:]
    texts = {name: [item.decode() for item in file[name][:]] for name in ("ids", "groups", "info")}
    properties: list[dict[str, FloatArray]] = [{} for _ in texts["ids"]]
    for name, stored in file.get("properties", {}).items():
        known, values, start = stored["known"][:], stored["values"][:], 0
        for number in map(int, np.flatnonzero(known)):
            size = int(offsets[number + 1] - offsets[number]) if name in PER_ATOM else 1
            part = values[start : start + size]
            properties[number][name] = part if name in PER_ATOM else part[0]
            start += size
    fields: list[dict[str, FloatArray]] = [{} for _ in texts["ids"]]
    for name, stored in file.get("fields", {}).items():
        for number, values in stored.items():
            fields[int(number)][name] = values[:]
    found = []
    for number, identifier in enumerate(texts["ids"]):
        part = slice(offsets[number], offsets[number + 1])
        atoms = Atoms(numbers=numbers[part], positions=positions[part], cell=cells[number], pbc=pbc[number])
        info = json.loads(texts["info"][number])
        found.append(Example(identifier, texts["groups"][number], atoms, properties[number], fields[number], info))
    return found
