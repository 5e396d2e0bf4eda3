"""Parts of a campaign as Python gives them: plain keys of a campaign file, and files with the tables and structures in them."""

from __future__ import annotations

import hashlib
import io
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import PurePath
from typing import Any

from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.identifiers import shown
from tansaku.models.domain.records import JsonDict
from tansaku.tasks.ground.formats.yaml_text import MAX_DEPTH


@dataclass(frozen=True)
class Part:
    """The content of a key of a campaign file.

    Attributes:
        key: The key.
        data: Its value: plain data, as the file has it.
        files: Contents of the files that were made for it, by the path that the data name.
    """

    key: str
    data: JsonDict
    files: Mapping[str, bytes] = field(default_factory=dict, repr=False)


class Space(Part):
    """The candidates that are searched."""


class Calculator(Part):
    """The way in which a candidate is evaluated."""


class Proposer(Part):
    """The way in which the next candidate is chosen."""


class Section(Part):
    """Any other part, such as the objective and the budget."""


def plain(value: object, files: dict[str, bytes], key: str, around: tuple[object, ...] = ()) -> Any:  # noqa: ANN401 - plain data of any shape
    """A value as a campaign file has it.

    Args:
        value: Plain data, arrays, parts, frames, and structures of ASE and pymatgen. A frame or a structure becomes a file;
            structures in a list become one.
        files: Receives the contents of these files by their paths.
        key: Its place, for messages.
        around: The lists and mappings that hold it, the outermost first.

    Raises:
        ConfigurationError: A file cannot hold it.
    """
    if any(value is item for item in around) or len(around) > MAX_DEPTH:
        why = "nested too deeply" if len(around) > MAX_DEPTH else "it holds itself"
        raise ConfigurationError(f"{key}: {shown(value)}, {why}; expected plain data of at most {MAX_DEPTH} levels")
    within = (*around, value)
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, Part):
        files.update(value.files)
        return value.data
    if isinstance(value, Mapping):
        return {str(name): plain(item, files, f"{key}.{name}".lstrip("."), within) for name, item in value.items()}
    if isinstance(value, PurePath):
        return str(value)
    if isinstance(value, datetime):
        return value.isoformat()
    if _is(value, "pandas", "DataFrame"):
        return _keep("table.csv", _table(value), files)
    if hasattr(value, "tolist"):  # arrays and numbers of numpy
        return plain(value.tolist(), files, key, within)
    if _structure(value) is not None:
        return _keep("structure.extxyz", _structures([value]), files)
    if isinstance(value, list | tuple | range | set | frozenset):
        items = sorted(value, key=repr) if isinstance(value, set | frozenset) else list(value)  # sets have no order
        if items and all(_structure(item) is not None for item in items):
            return [_keep("structures.extxyz", _structures(items), files)]
        return [plain(item, files, f"{key}[{place}]", within) for place, item in enumerate(items)]
    if isinstance(value, int | float):
        return value
    expected = "a list, such as list(…)" if isinstance(value, Iterator) else "plain data"
    raise ConfigurationError(
        f"{key}: {shown(value)} is of type {type(value).__name__}, which a campaign file cannot hold; expected {expected}"
    )


def given_file(value: object, kind: str | None) -> bool:
    """Returns whether a value may be given for a file of a kind: its path, a frame for a table, a structure."""
    if isinstance(value, str | PurePath) or value is None or isinstance(value, Part):
        return True
    return _is(value, "pandas", "DataFrame") if kind == "table" else kind == "structure" and _structure(value) is not None


def _is(value: object, package: str, name: str) -> bool:
    """Returns whether a value is of a class of a package, without importing that."""
    found = getattr(sys.modules.get(package), name, None)
    return isinstance(found, type) and isinstance(value, found)


def _structure(value: object) -> Any:  # noqa: ANN401 - ASE has no types
    """A structure of ASE or pymatgen as ``Atoms``; None for anything else."""
    if _is(value, "ase", "Atoms"):
        return value
    convert = getattr(value, "to_ase_atoms", None)
    if convert is None or not _is(value, "pymatgen.core", "IStructure"):
        return None
    if not getattr(value, "is_ordered", True):
        formula = getattr(value, "formula", "")
        raise ConfigurationError(f"{formula}: the structure is disordered; expected one element on each of its sites")
    return convert()


def _keep(name: str, content: bytes, files: dict[str, bytes]) -> str:
    path = f"{hashlib.sha256(content).hexdigest()}/{name}"
    files[path] = content
    return path


def _table(frame: Any) -> bytes:  # noqa: ANN401 - a frame
    """A frame as CSV, whose bytes do not depend on the version of a package; an index with a name is a column."""
    from tansaku.tasks.ground.formats.csv_text import csv_of

    named = frame.reset_index() if frame.index.name is not None and frame.index.name not in frame.columns else frame
    return csv_of(named).encode()


def _structures(structures: list[object]) -> bytes:
    """Structures as extended XYZ: cell, species, positions and metadata."""
    from tansaku.calculators.structures.extended_xyz import write_extended_xyz

    bare = []
    for structure in structures:
        atoms = _structure(structure).copy()
        atoms.calc = None
        bare.append(atoms)
    target = io.StringIO()
    write_extended_xyz(target, bare)
    return target.getvalue().encode()
