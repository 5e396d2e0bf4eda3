"""Extended XYZ, written so that ASE reads back exactly what was written."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import numpy as np

from tansaku.models.domain.errors import ConfigurationError

if TYPE_CHECKING:
    from ase import Atoms

_QUOTED = r'"(?:\\.|[^"\\])*"'
_WORD = re.compile(rf'(?:[^\s"=]+|{_QUOTED})=(?P<value>{_QUOTED}|[^\s"]\S*)?|{_QUOTED}|\S+')
_EMPTY = re.compile(r"=(?=\s)")
_MANY_COLUMNS = re.compile(r":[\s+]*[\d_]{4,}")
_RESERVED = frozenset({"Lattice", "Properties", "pbc"})


def write_extended_xyz(target: Path | TextIO, structures: Atoms | Sequence[Atoms]) -> None:
    """Writes structures with their metadata (``atoms.info``), arrays, and the results of their calculators.

    Values that are empty (None, no text, no entries) are left out: ASE would read the next key as their value. Text that reads
    like a number or a truth value, or holds line breaks or backslashes, is written as JSON, which ASE reads back as the text.

    Args:
        target: File name, or a text stream.
        structures: One or several.

    Raises:
        ConfigurationError: A key of the metadata is not allowed in such a file.
    """
    from ase.io.extxyz import write_extxyz

    frames = []
    for structure in structures if isinstance(structures, Sequence) else [structures]:
        frame = structure.copy()
        frame.calc = structure.calc
        frame.info = {_key(key): word for key, value in structure.info.items() if (word := _written(value)) is not None}
        frames.append(frame)
    buffer = io.StringIO()
    write_extxyz(buffer, frames)
    if isinstance(target, Path):
        target.write_text(buffer.getvalue(), encoding="utf-8")
    else:
        target.write(buffer.getvalue())


def read_extended_xyz(text: str) -> Iterator[Atoms]:
    """Structures of a file's text; keys without a value, which older versions wrote, are passed over.

    Raises:
        ValueError: It is no extended XYZ; also KeyError, IndexError, AttributeError and OSError, as ASE raises them.
    """
    from ase.io.extxyz import read_extxyz

    _check_counts(text)
    _check_columns(text)
    yield from read_extxyz(io.StringIO(_without_empty(text)), index=slice(None))


def _headers(lines: Sequence[str]) -> Iterator[int]:
    """Yields the numbers of the lines that are headers of structures: those after a number of atoms."""
    at = 0
    while at + 1 < len(lines):
        try:
            count = int(lines[at])
        except ValueError:
            return  # the parser will say so
        if count < 0:
            return
        yield at + 1
        at += 2 + count


def _check_counts(text: str) -> None:
    """Refuses more atoms than lines: ASE looks for as many lines, one after the other, and of a large number for hours."""
    lines = text.split("\n")
    for header in _headers(lines):
        count, follow = int(lines[header - 1]), len(lines) - header - 1
        if count > follow:
            raise ValueError(f"line {header}: {count} atoms, and {follow} lines follow")


def _check_columns(text: str) -> None:
    """Refuses headers that promise more numbers for each atom than a line holds: ASE would make room for all of them."""
    if _MANY_COLUMNS.search(text) is None:
        return
    from ase.io.extxyz import key_val_str_to_dict

    lines = text.split("\n")
    for header in _headers(lines):
        if _MANY_COLUMNS.search(lines[header]):
            promised = str(key_val_str_to_dict(lines[header]).get("Properties", "")).split(":")[2::3]
            count, given = sum(map(int, promised)), len("".join(lines[header + 1 : header + 2]).split())
            if count > given:
                raise ValueError(f"line {header + 1}: Properties has {count} columns, and the first atom {given}")


def _without_empty(text: str) -> str:
    if _EMPTY.search(text) is None:
        return text
    lines = text.split("\n")
    for header in _headers(lines):
        lines[header] = _WORD.sub(_unless_empty, lines[header])
    return "\n".join(lines)


def _unless_empty(word: re.Match[str]) -> str:
    return "" if word[0].endswith("=") and word["value"] is None else word[0]


def _key(key: object) -> str:
    if not isinstance(key, str) or not key or key in _RESERVED or "=" in key or "\\" in key or not key.isprintable():
        raise ConfigurationError(f"metadata key {key!r} is not allowed in an extended XYZ file; expected a word without '='")
    return key


def _written(value: object) -> object | None:
    """A value in the form that ASE's writer needs; None if it is left out."""
    plain = value.tolist() if isinstance(value, np.ndarray | np.generic) else value
    if plain is None or (isinstance(plain, str | list | tuple | dict) and not plain):
        return None
    if isinstance(plain, str):
        return plain if _survives(plain) else _json(plain)
    if isinstance(plain, dict) or (isinstance(plain, list | tuple) and not _is_numbers(plain)):
        return _json(plain)
    return value


def _survives(text: str) -> bool:
    from ase.io.extxyz import key_val_dict_to_str, key_val_str_to_dict

    if not text.isprintable() or "\\" in text:
        return False
    found = key_val_str_to_dict(key_val_dict_to_str({"before": 1, "text": text, "after": 2})).get("text")
    return isinstance(found, str) and found == text


def _is_numbers(values: Sequence[object]) -> bool:
    try:
        return np.asarray(values).dtype.kind in "bif"
    except ValueError:  # lists of different lengths
        return False


def _json(value: object) -> str:
    try:
        text = json.dumps(value)
        if isinstance(value, list | tuple):
            np.asarray(value)
    except ValueError:
        text = json.dumps(json.dumps(value))  # ASE makes an array of every list, and lists of different lengths are none
    # ASE's writer escapes quotes only, and its reader unescapes backslashes too.
    return "_JSON " + text.replace("\\", "\\\\")
