"""Units of objectives and measurements, and quantities written as text with their unit.

Units of computed properties are in the table below, whose sizes are exact. Any other unit is one that pint knows
(https://pint.readthedocs.io), which is loaded only where such a unit occurs.

pint computes what it reads: ``m**9999999999**9999999`` takes hours. So it gets only texts of the grammar below.
"""

from __future__ import annotations

import math
import re
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Annotated

from pydantic import AfterValidator, Field

from tansaku.models.domain.magnitudes import LARGEST
from tansaku.models.domain.specs.base import PLAIN_TEXT

if TYPE_CHECKING:
    import pint

_SIZES: dict[str, dict[str, int]] = {
    "surface energy": {"mJ/m2": 1, "J/m2": 1000},
    "energy": {"meV": 1, "eV": 1000},
    "energy per atom": {"meV/atom": 1, "eV/atom": 1000},
    "force": {"meV/Angstrom": 1, "eV/Angstrom": 1000},
    "length": {"Angstrom": 1},
    "volume per atom": {"Angstrom3/atom": 1},
    "pressure": {"GPa": 1},
    "plain number": {"1": 1},
}
"""Sizes of the units of each kind in its smallest unit; whole numbers, so that 300 meV are exactly 0.3 eV."""

_TABLED = frozenset(unit for units in _SIZES.values() for unit in units)

LONGEST_UNIT = 40
"""Characters of a unit."""

_EXPONENT = r"(?:(?:\^|\*\*) ?(?:-?\d{1,2}(?:\.\d{1,2})?|\(-?\d{1,2}(?:/\d)?\))|\d)?"
_FACTOR = rf"[A-Za-zµμÅΩ°%]+{_EXPONENT}"
_BETWEEN = r"(?: ?[*/.] ?| )"
_GROUP = rf"\({_FACTOR}(?:{_BETWEEN}{_FACTOR}){{0,3}}\){_EXPONENT}"
_WRITTEN = re.compile(rf"{_FACTOR}(?:{_BETWEEN}(?:{_FACTOR}|{_GROUP})){{0,7}}")
"""Syntax of a unit of pint: products and quotients of at most eight names or groups, each with one small exponent."""

_LARGEST_EXPONENT = 99
_POWER = re.compile(r"(?:(?:\^|\*\*) ?\(?|(?<=[A-Za-zµμÅΩ°%]))([-+]?\d+(?:[eE]\d+)?)")
_RAISED = re.compile("[⁻⁺]?[⁰¹²³⁴⁵⁶⁷⁸⁹]+")
_DIGITS = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789", "⁺")
"""A number that stands where the exponent of a unit may stand, however large it is."""

_OF_INDENTS = ("HV", "HB", "HBW", "HK")
"""Hardness as force on the area of an indent [kgf/mm²]: ISO 6507-1, ISO 6506-1, ISO 4545-1."""

_ROCKWELL = ("HRA", "HRB", "HRC")
"""Hardness on scales of depth, plain numbers: ISO 6508-1."""

HEADING = re.compile(r"\s*(?P<name>.*?)\s*(?:[\[(]\s*(?P<unit>[^\[\]()]+?)\s*[\])])?\s*")
"""Heading of a column, which may end with a unit in brackets or parentheses."""

_QUANTITY = re.compile(r"([-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?)\s+(\S+)")


def parse_quantity(text: object) -> tuple[float, str]:
    """Reads a number and its unit.

    Args:
        text: Such as ``0.3 eV``.

    Raises:
        ValueError: It has no unit, or one that is not known.
    """
    if isinstance(text, int | float) or (isinstance(text, str) and re.fullmatch(r"[-+\d.eE]+", text.strip())):
        raise ValueError(f"{text} has no unit; expected one, such as '{text} eV', or '{text} 1' for a plain number")
    match = _QUANTITY.fullmatch(text.strip()) if isinstance(text, str) else None
    if match is None:
        raise ValueError(f"{text!r} is not a quantity; expected a number with its unit, such as '0.3 eV'")
    try:
        check_unit(match[2])
    except ValueError as error:
        raise ValueError(f"{text!r}: {error}") from error
    value = float(match[1])
    if not abs(value) <= LARGEST:
        raise ValueError(f"{match[0][:LONGEST_UNIT]!r} is too large; expected a number of at most {LARGEST:g} in size")
    return value, match[2]


def convert(value: float, unit: str, to: str) -> float:
    """Converts a value between units of one kind.

    Raises:
        ValueError: The units are of different kinds.
    """
    for units in _SIZES.values():
        if unit in units and to in units:
            return value if unit == to else value * units[unit] / units[to]
    if unit == to:
        return value
    # pint knows no atoms: what is per atom is converted by the table alone.
    if not {unit, to} <= _TABLED and ("/atom" in unit) == ("/atom" in to):
        return _converted(value, unit, to)
    raise ValueError(f"{unit!r} cannot be converted to {to!r}")


def same_numbers(unit: str, other: str) -> bool:
    """Returns whether a value is the same number in both units."""
    try:
        return math.isclose(convert(1.0, unit, other), 1.0) and not convert(0.0, unit, other)
    except ValueError:
        return False


def unit_of_heading(heading: str, of: str) -> str | None:
    """Returns the unit with which a heading ends, as in ``energy [meV]``; None where there is none.

    Args:
        heading: Of a column.
        of: A unit of the column's kind. Only what can be converted to it is a unit in parentheses: ``(mean)`` may be anything.
    """
    match = HEADING.fullmatch(heading)
    if match is None or not match["name"] or match["unit"] is None:
        return None
    try:
        stated = check_unit(match["unit"])
        if heading[match.end("unit") :].lstrip().startswith(")"):
            convert(1.0, stated, of)
    except ValueError:
        return None
    return stated


def check_unit(unit: str) -> str:
    """Returns a unit that is known, with plain powers: ``A/dm2`` for ``A/dm²``.

    Raises:
        ValueError: It is not.
    """
    plain = _RAISED.sub(_lowered, unit.replace("·", "*").replace("⋅", "*"))
    if plain not in _TABLED:
        _parsed(plain)
    return plain


def _lowered(power: re.Match[str]) -> str:
    digits = power[0].translate(_DIGITS)
    return f"^{digits}" if digits.startswith("-") else digits


Unit = Annotated[
    str,
    Field(min_length=1, max_length=LONGEST_UNIT, examples=["eV", "meV/atom", "mJ/m2", "GPa", "K", "%", "1"]),
    AfterValidator(check_unit),
    PLAIN_TEXT,
]
"""A unit of the table above, or one that pint knows."""


def _converted(value: float, unit: str, to: str) -> float:
    """Converts by pint, which handles temperature scales with an offset."""
    import pint

    try:
        converted = float(_registry().Quantity(value, _parsed(unit)).to(_parsed(to)).magnitude)
    except OverflowError:
        converted = math.inf
    except pint.errors.DimensionalityError as error:
        raise ValueError(f"{unit!r} ({error.dim1}) cannot be converted to {to!r} ({error.dim2})".replace(" ()", "")) from error
    if not math.isfinite(converted):
        raise ValueError(f"{value:g} {unit!r} is too large in {to!r}")
    return converted


@lru_cache(maxsize=1000)
def _parsed(unit: str) -> pint.Unit:
    import pint

    known = ", ".join(unit for units in _SIZES.values() for unit in units)
    shown = unit[:LONGEST_UNIT]
    large = next((power for power in _POWER.findall(unit) if abs(float(power)) > _LARGEST_EXPONENT), None)
    if large is not None:
        limits = f"a whole number between -{_LARGEST_EXPONENT} and {_LARGEST_EXPONENT}"
        raise ValueError(f"unit {shown!r}: exponent {large[:LONGEST_UNIT]} is too large, expected {limits}")
    expected = f"unit {shown!r} is not known; expected one of {known}, or another unit, such as GPa, K, % or A/dm2"
    if len(unit) > LONGEST_UNIT or (unit != "1" and _WRITTEN.fullmatch(unit) is None):
        raise ValueError(expected)
    # Exponents as results and pint write them, and pint's words for two signs.
    text = re.sub(r"(?<=[A-Za-zÅ])(\d+)", r"^\1", unit).replace("%", "percent").replace("°C", "degC")
    try:
        return _registry().parse_units("dimensionless" if unit == "1" else text)
    except (pint.errors.PintError, ValueError, TypeError, AttributeError, AssertionError, KeyError) as error:
        raise ValueError(expected) from error


@cache
def _registry() -> pint.UnitRegistry[float]:
    import pint

    registry: pint.UnitRegistry[float] = pint.UnitRegistry(cache_folder=None)
    registry.define("atom = [atom]")
    for name in _OF_INDENTS:
        registry.define(f"{name} = 9.80665 * megapascal")
    for name in _ROCKWELL:
        registry.define(f"{name} = []")
    return registry


def recorded_in(value: float, unit: str, to: str) -> float:
    """Converts a stored result to another unit; results are stored with units as ASE and OPTIMADE write them (``J/m^2``).

    Raises:
        ValueError: The units are of different kinds.
    """
    given, wanted = (plain if (plain := text.replace("^", "")) in _TABLED else text for text in (unit, to))
    return convert(value, given, wanted)


def difference_in(text: str, unit: str) -> float:
    """The number of a difference in another unit: 5 degC are 5 K.

    Raises:
        ValueError: The text is no quantity, or its unit is of another kind.
    """
    value, own = parse_quantity(text)
    return value if own == unit else convert(value, own, unit) - convert(0.0, own, unit)


def quantity_in(text: str, unit: str) -> float:
    """The number of a quantity in another unit.

    Raises:
        ValueError: The text is no quantity, or its unit is of another kind.
    """
    value, own = parse_quantity(text)
    return convert(value, own, unit)
