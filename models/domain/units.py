"""Units of objectives, and quantities written as text with their unit."""

from __future__ import annotations

import re
from typing import Literal

Unit = Literal["mJ/m2", "J/m2", "eV", "meV", "eV/atom", "meV/atom", "eV/Angstrom", "meV/Angstrom", "Angstrom", "1"]

_SIZES: dict[str, dict[str, int]] = {
    "surface energy": {"mJ/m2": 1, "J/m2": 1000},
    "energy": {"meV": 1, "eV": 1000},
    "energy per atom": {"meV/atom": 1, "eV/atom": 1000},
    "force": {"meV/Angstrom": 1, "eV/Angstrom": 1000},
    "length": {"Angstrom": 1},
    "plain number": {"1": 1},
}
"""Sizes of the units of each kind in its smallest unit; whole numbers, so that 300 meV are exactly 0.3 eV."""

_QUANTITY = re.compile(r"([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s+(\S+)")


def parse_quantity(text: object) -> tuple[float, str]:
    """Reads a number and its unit.

    Args:
        text: Such as ``0.3 eV``.

    Raises:
        ValueError: It has no unit, or one that is not known.
    """
    if isinstance(text, int | float) or (isinstance(text, str) and re.fullmatch(r"[-+\d.eE]+", text.strip())):
        raise ValueError(f"{text} has no unit; expected a number with its unit, such as '0.3 eV'")
    match = _QUANTITY.fullmatch(text.strip()) if isinstance(text, str) else None
    if match is None:
        raise ValueError(f"{text!r} is not a quantity; expected a number with its unit, such as '0.3 eV'")
    known = [unit for units in _SIZES.values() for unit in units]
    if match[2] not in known:
        raise ValueError(f"{text!r}: unit {match[2]!r} is not known; expected one of {', '.join(known)}")
    return float(match[1]), match[2]


def convert(value: float, unit: str, to: str) -> float:
    """Converts a value between units of one kind.

    Raises:
        ValueError: The units are of different kinds.
    """
    for units in _SIZES.values():
        if unit in units and to in units:
            return value if unit == to else value * units[unit] / units[to]
    raise ValueError(f"{unit!r} cannot be converted to {to!r}")


def recorded_in(value: float, unit: str, to: str) -> float:
    """A stored result in another unit; results are stored with units as ASE and OPTIMADE write them (``J/m^2``).

    Raises:
        ValueError: The units are of different kinds.
    """
    return convert(value, unit.replace("^", ""), to)


def quantity_in(text: str, unit: str) -> float:
    """A quantity's number in another unit.

    Raises:
        ValueError: The text is no quantity, or its unit is of another kind.
    """
    value, own = parse_quantity(text)
    return convert(value, own, unit)
