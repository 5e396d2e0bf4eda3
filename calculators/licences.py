"""Licences of potentials, weights and setups: what packages and files say, in their words; nothing is guessed."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from tansaku.calculators.calculator_registry import find_engine
from tansaku.models.domain.identifiers import printable
from tansaku.models.domain.specs.calculators.contract import CalculatorBase, Licence

_HEADER = 1 << 16  # bytes
_LONGEST = 200
_SPDX = re.compile(r"SPDX-License-Identifier:\s*([\w.+() -]*[\w.+)])")
_SAID = re.compile(r"\blicen[cs]e", re.IGNORECASE)


def licence_of(spec: CalculatorBase, base_path: Path) -> Licence:
    """Licence of the model of a calculator.

    Args:
        base_path: Folder of the campaign file; relative paths start here.

    Raises:
        ConfigurationError: A file of the model is missing, or not the one that was hashed.
        MissingComponentError: The package that ships it is not installed.
    """
    own_files = find_engine(type(spec)).own_files
    files = () if own_files is None else own_files(spec, base_path)
    return _of_files(files) if files else spec.licence


def _of_files(files: Sequence[Path]) -> Licence:
    """Licence in the headers of files, where each of them says one."""
    found: dict[str, str] = {}
    for file in files:
        words = _words(file)
        if words is None:
            return Licence(None, f"the header of {file.name} says none")
        found.setdefault(words, file.name)
    return Licence("; ".join(found), f"header of {', '.join(found.values())}")


def _words(file: Path) -> str | None:
    """The identifier, or else the line, that tells the licence at the beginning of a file."""
    with file.open("rb") as stream:
        header = stream.read(_HEADER)
    for line in () if b"\0" in header else header.decode("latin-1").splitlines():
        tagged = _SPDX.search(line)
        if tagged is not None:
            return tagged[1]
        if _SAID.search(line):
            return printable(" ".join(line.split())[:_LONGEST])
    return None
