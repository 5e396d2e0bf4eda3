"""Files of potentials of LAMMPS beyond the embedded atom: read far enough to know their elements and that they are whole.

Tersoff and Stillinger-Weber files hold an entry for every triple of elements, an ADP file is an ``eam/alloy`` file with two
more sets of tables, and a MEAM potential is a library of elements with a file of parameters.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from ase.data import atomic_masses, atomic_numbers

_NUMBERS = {"tersoff": 14, "sw": 11}
"""Numbers of an entry, after its three elements."""

_LIBRARY_NUMBERS = 18
_PARAMETER = re.compile(
    r"(Ec|alpha|rho0|delta|lattce|attrac|repuls|nn2|Cmin|Cmax|rc|delr|augt1|gsmooth_factor|re|ialloy|mixture_ref_t|erose_form|zbl"
    r"|emb_lin_neg|bkgd_dyn|theta)\s*(\(\s*\d+\s*(,\s*\d+\s*){0,2}\))?\s*=\s*\S+$"
)


@dataclass(frozen=True)
class FileElement:
    """Data of one element, from the file or from the periodic table.

    Attributes:
        mass: [u].
        lattice_parameter: [Å]; 0 where nobody says.
        structure: Lower case.
    """

    symbol: str
    mass: float
    lattice_parameter: float = 0.0
    structure: str = "unknown"


def read_triples(lines: Sequence[str], style: str) -> tuple[FileElement, ...]:
    """Elements of a Tersoff or Stillinger-Weber file that has an entry for every three of them.

    Args:
        lines: Of the file.
        style: ``tersoff`` or ``sw``.

    Raises:
        ValueError: It is not complete.
    """
    words = [word for line in lines for word in line.split("#")[0].split()]
    size = 3 + _NUMBERS[style]
    if not words or len(words) % size:
        raise ValueError(f"{len(words)} words; expected entries of three elements and {size - 3} numbers")
    found = set()
    for start in range(0, len(words), size):
        triple, numbers = tuple(words[start : start + 3]), [float(word) for word in words[start + 3 : start + size]]
        if not all(map(math.isfinite, numbers)):
            raise ValueError(f"a number of {' '.join(triple)} is not finite")
        found.add(triple)
    symbols = sorted({triple[0] for triple in found})
    missing = [triple for triple in itertools.product(symbols, repeat=3) if triple not in found]
    if missing:
        raise ValueError(f"no entry for {' '.join(missing[0])}")
    return tuple(element(symbol) for symbol in symbols)


def read_library(lines: Sequence[str], parameters: Sequence[str], symbols: Sequence[str]) -> tuple[FileElement, ...]:
    """Elements of a MEAM potential.

    Args:
        lines: Of the library.
        parameters: Lines of the file of parameters.
        symbols: Elements that the parameters are of, in the order of their numbers.

    Raises:
        ValueError: An element is not in the library, or a line does not define parameters.
    """
    words = [word for line in lines for word in line.split("#")[0].split()]
    size = 1 + _LIBRARY_NUMBERS
    if len(words) % size:
        raise ValueError(f"the library has {len(words)} words; expected {size} of each element")
    known = {words[start].strip("'\""): words[start + 1 : start + size] for start in range(0, len(words), size)}
    for symbol in symbols:
        if symbol not in known:
            raise ValueError(f"the library has no {symbol}")
    for line in parameters:
        said = line.split("#")[0].strip()
        if said and _PARAMETER.match(said) is None:
            raise ValueError(f"{said[:60]!r} is not a parameter of MEAM")
    return tuple(
        FileElement(symbol, float(known[symbol][3]), float(known[symbol][8]), known[symbol][0].strip("'\""))
        for symbol in symbols
    )


def element(symbol: str) -> FileElement:
    """Data of an element from the periodic table.

    Raises:
        ValueError: There is none of this name.
    """
    if symbol not in atomic_numbers:
        raise ValueError(f"{symbol!r} is no element")
    return FileElement(symbol, float(atomic_masses[atomic_numbers[symbol]]))
