"""Errors of the programs that parse structure files, as one error that names the file and a plain reason."""

from __future__ import annotations

import re
from pathlib import Path

from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.identifiers import printable, shown

_LONGEST = 200

_REASONS: tuple[tuple[type[Exception] | tuple[type[Exception], ...], str], ...] = (
    (UnicodeError, "it is not UTF-8 text"),
    ((IndexError, EOFError), "a line, or the file, ends too early"),
    (ArithmeticError, "a number in it cannot be computed with, such as a length of zero"),
    (MemoryError, "it asks for more memory than there is"),
    (RecursionError, "it is nested too deeply"),
)
"""Meanings of the exceptions of a parser that meets text which it did not expect."""

_PHRASES = (
    (r"could not convert string to float: (.*)", r"expected a number, found \1"),
    (r"invalid literal for int\(\) with base \d+: (.*)", r"expected a whole number, found \1"),
    (
        r"zip\(\)|broadcast|inhomogeneous|assign tuple|is not a multiple of|to unpack|at least one array|cannot reshape"
        r"|modulo by zero",
        "a line or a table has another number of values than this format needs",
    ),
)
"""Texts of Python and numpy that say nothing to a user, and what they mean here."""


def unreadable(path: Path, where: str, error: Exception, form: str = "") -> ConfigurationError:
    """Returns the error that is raised from an exception of a parser, which raises whatever its next line does.

    Args:
        where: What comes before its name in the message.
        error: As the parser raised it.
        form: The format as which it was read, as in "a CIF"; empty: it is not named.
    """
    as_what = f" as {form}" if form else ""
    return ConfigurationError(f"{where}{path.name!r} cannot be read{as_what}: {_reason_of(error)}")


def _reason_of(error: Exception) -> str:
    text = getattr(error, "strerror", None) or str(error)
    for pattern, words in _PHRASES:
        if found := re.search(pattern, text, re.DOTALL):
            return _short(found.expand(words))
    for kind, words in _REASONS:
        if isinstance(error, kind):
            return words
    if isinstance(error, KeyError) and error.args:
        return f"a part that this format needs is missing, or has an unknown name: {shown(error.args[0])}"
    if text and isinstance(error, OSError | ValueError):
        return _short(text)
    return "it does not follow the format"


def _short(text: str) -> str:
    return printable(text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…")
