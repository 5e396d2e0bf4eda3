"""Cells of CSV files for spreadsheet programs: no text is evaluated as a formula, and each is read back unchanged.

A spreadsheet program evaluates a cell that begins with ``=``, ``+``, ``-``, ``@``, a tab or a carriage return, quoted or
not. An apostrophe before it makes it text. Numbers stay as they are.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable

# A text that has apostrophes there already gets another one, so that none is lost when it is read.
_TEXT = re.compile(r"'*[=+\-@\t\r]")
_NUMBER = re.compile(r"[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[-+]?\d+)?|[-+]?(?:inf|nan)", re.ASCII | re.IGNORECASE)


def safe_cell(value: object) -> object:
    """A value as it is written to a CSV: a text that would be evaluated is preceded by an apostrophe."""
    return f"'{value}" if isinstance(value, str) and _is_evaluated(value) else value


def csv_line(values: Iterable[object], end: str = "\r\n") -> str:
    """A row as a line of a CSV.

    Args:
        values: One for each cell; None is an empty one.
    """
    stream = io.StringIO()
    csv.writer(stream).writerow([safe_cell(value) for value in values])  # quotes carriage returns, as its own end has one
    return stream.getvalue().removesuffix("\r\n") + end


def text_of(cell: str) -> str:
    """The text of a cell that :func:`safe_cell` wrote; any other cell is returned unchanged."""
    return cell[1:] if cell[:1] == "'" and _is_evaluated(cell[1:]) else cell


def separator_of(heading: str) -> str:
    """Returns the separator of the names in the first line of a file: of three signs the one that occurs most often."""
    return max(",;\t", key=heading.count)


def _is_evaluated(text: str) -> bool:
    return _TEXT.match(text) is not None and _NUMBER.fullmatch(text.lstrip("'")) is None
