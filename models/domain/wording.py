"""Wording of counts and errors in messages."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Iterable, Sequence

from pydantic import ValidationError

_POWER = re.compile(r"(?<=[A-Za-zÅ])\^?([23])(?![\d.])")
_STORED = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
_SPELLED = {"cpu": "CPU", "gpu": "GPU", "sha256": "SHA-256"} | {f"{count}d": f"{count}D" for count in (1, 2, 3)}
"""Words that stored names spell in small letters."""

_DEGREES = re.compile(r"\bdeg(?=[CF]\b)")

SYSTEM_WORDS = ("system", "systems")
"""One search problem of a campaign and several, where the space has no word of its own."""


def counted(number: int, singular: str, many: str | None = None) -> str:
    """A number with its noun: ``1 surface``, ``1,200 surfaces``, ``0 boundaries``.

    Args:
        number: How many.
        singular: The noun's singular.
        many: Its plural; None: the singular with an s.
    """
    return f"{number:,} {singular if number == 1 else many or singular + 's'}"


def known_already(number: int) -> str:
    """The results that a campaign knew before its first proposal, in the words that every count of them has."""
    return f"{number:,} known already"


def pretty_unit(unit: str) -> str:
    """A unit as figures and pages show it: with raised powers, °C and Å."""
    raised = _POWER.sub(lambda power: "²" if power[1] == "2" else "³", unit)
    return _DEGREES.sub("°", raised).replace("Angstrom", "Å").replace("angstrom", "Å")


def with_unit(number: str, unit: str) -> str:
    """A number with its unit; a plain number, whose unit is ``1``, stands alone."""
    return number if unit == "1" else f"{number} {unit}"


def headed(name: str, unit: str) -> str:
    """A name with the unit of its numbers, as a heading has it; plain numbers, whose unit is ``1``, have the name alone."""
    return name if unit == "1" else f"{name} [{unit}]"


def in_words(name: str) -> str:
    """A stored name in words: ``bulk_energy_per_formula_unit`` is the bulk energy per formula unit.

    Names that are no small letters, digits and underscores, as people give them to their columns, stay as they are.
    """
    if _STORED.fullmatch(name) is None:
        return name
    return " ".join(_SPELLED.get(word, word) for word in name.split("_"))


def titled(name: str) -> str:
    """A stored name in words, as the title of a row or column has it."""
    words = in_words(name)
    return words[:1].upper() + words[1:] if _STORED.fullmatch(name) else name


def names_unit(name: str) -> bool:
    """Whether a column has the unit of its numbers in its name already, as ``C (wt%)`` and ``T [K]`` do."""
    return name.endswith((")", "]"))


def by_amount(number: str, unit: str) -> str:
    """A difference with its unit: one of percentages is in percentage points, not in per cent of one of them."""
    return f"{number} percentage {'point' if number == '1' else 'points'}" if unit == "%" else with_unit(number, unit)


def did_you_mean(given: object, known: Iterable[str]) -> str:
    """`` (did you mean 'x'?)`` with the known name that is most like what was given, nothing where none is."""
    close = difflib.get_close_matches(given, [name for name in known if name], n=1) if isinstance(given, str) else []
    return f" (did you mean {close[0]!r}?)" if close else ""


def first_twice(names: Sequence[str]) -> str | None:
    """The first name that is listed twice, None where each is listed once."""
    return next((name for place, name in enumerate(names) if name in names[:place]), None)


def first_problem(error: ValidationError) -> str:
    """The first validation error of data, in one line: ``outcome.value: Input should be a finite number``."""
    problem = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(map(str, problem["loc"]))
    return f"{where}: {problem['msg']}" if where else str(problem["msg"])


def field_problem(error: ValidationError) -> tuple[str, str]:
    """The same as the outermost field and what is wrong with it."""
    key, _, problem = first_problem(error).partition(": ")
    return key.partition(".")[0], problem


DIGITS = 5
"""Significant digits of a number whose uncertainty is not known."""

_OF_UNCERTAINTY = 2
_LOWEST, _HIGHEST = -4, 7  # powers of ten between which numbers are written without an exponent
_TINIEST = -307  # of 1e-308 and less, floating-point numbers have fewer digits
_MOST = 8  # significant digits of a value whose uncertainty is tiny


def significant(value: float, deviation: float | None = None, digits: int = DIGITS) -> str:
    """A number in few digits: with an uncertainty up to the second digit of that, else in ``digits`` digits.

    ``significant(61.96831, 0.1234)`` is ``61.97 ± 0.12``, and ``significant(61.96831)`` is ``61.968``. Zeros at the end are
    shown only where the uncertainty says that they are known. Digits before the point are never replaced by zeros, unless the
    uncertainty is larger.

    Args:
        deviation: Its standard deviation, in the same unit; None, zero, or not finite: not known.
        digits: Significant digits without one.
    """
    if not math.isfinite(value):
        return f"{value:g}"
    if deviation is None or not math.isfinite(deviation) or deviation <= 0.0:
        return _alone(value, digits)
    if deviation < 10.0**-_MOST * abs(value):
        return f"{_alone(value, _MOST)} ± {_alone(deviation, _OF_UNCERTAINTY)}"
    last = _power(deviation, _OF_UNCERTAINTY) - _OF_UNCERTAINTY + 1
    power = max(_power(value, DIGITS), last + _OF_UNCERTAINTY - 1, _TINIEST)
    if _LOWEST <= power < _HIGHEST:
        return f"{_fixed(value, last)} ± {_fixed(deviation, last)}"
    scaled = (_fixed(part / 10.0**power, last - power) for part in (value, deviation))
    return f"({' ± '.join(scaled)})e{power}"


def places(text: str) -> int:
    """Returns the number of characters from the decimal point to the end, 0 without a point; columns are aligned by it."""
    return 0 if "." not in text or "e" in text else len(text) - text.rindex(".")


def _power(value: float, digits: int) -> int:
    """Power of ten of the first digit of a number that is rounded to so many digits."""
    return int(f"{value:.{digits - 1}e}".partition("e")[2]) if value else 0


def _alone(value: float, digits: int) -> str:
    power = _power(value, digits)
    if _LOWEST <= power < _HIGHEST:
        return _trimmed(_fixed(value, min(0, power - digits + 1)))
    mantissa = f"{value:.{digits - 1}e}".partition("e")[0]
    return f"{_trimmed(mantissa)}e{power}"


def _fixed(value: float, last: int) -> str:
    """A number up to the digit of a power of ten, never as a negative zero."""
    text = f"{round(value, -last):.{max(0, -last)}f}"
    return text.removeprefix("-") if not text.strip("-0.") else text


def _trimmed(text: str) -> str:
    return text.rstrip("0").rstrip(".") if "." in text else text
