"""Data frames as CSV files for spreadsheet programs, and names of columns of such files."""

from __future__ import annotations

import csv
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from tansaku.models.domain.spreadsheet import safe_cell, separator_of, text_of

if TYPE_CHECKING:
    import pandas as pd

_LONGEST_HEADING = 1 << 16  # [bytes]
_FIRST_ROWS = 100


def heading_of(path: Path) -> list[str] | None:
    """Names of columns in the first line of a file, which is all that is read.

    Args:
        path: A CSV file of anybody.

    Returns:
        The names; None where only a whole reader can tell: an empty or very long line, one that is not UTF-8, or a name with a
        line break.
    """
    with path.open("rb") as stream:
        line = stream.readline(_LONGEST_HEADING + 1)
    try:
        text = line.decode("utf-8-sig").removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        return None
    if len(line) > _LONGEST_HEADING or not text.strip() or "\r" in text or text.count('"') % 2:
        return None
    return [text_of(name) for name in next(csv.reader([text], delimiter=separator_of(text)))]


def first_rows(path: Path) -> list[list[str]]:
    """Cells of the first lines below the heading of a file of anybody; none where it cannot be read so.

    Args:
        path: A file of which :func:`heading_of` has read the first line.
    """
    with path.open("rb") as stream:
        text = stream.read(_LONGEST_HEADING).decode("utf-8-sig", "replace")
    heading, *lines = text.splitlines()
    complete = lines[:_FIRST_ROWS] if len(text) < _LONGEST_HEADING else lines[:-1][:_FIRST_ROWS]
    try:
        return [[text_of(cell) for cell in row] for row in csv.reader(complete, delimiter=separator_of(heading)) if row]
    except csv.Error:
        return []


def csv_of(frame: pd.DataFrame, *, heading: bool = True) -> str:
    """A frame as CSV, without its index, in which no cell runs as a formula; ``heading``: with the names of the columns."""
    safe = _with_cells(frame, _written)
    text = safe.to_csv(index=False, header=heading)
    # pandas does not quote a carriage return, which readers take for the end of a line.
    return text if "\r" not in text else safe.to_csv(index=False, header=heading, quoting=csv.QUOTE_NONNUMERIC)


def _written(cell: object) -> object:
    """A cell for a CSV; pandas would write the same time differently beside other times."""
    if isinstance(cell, datetime) and cell == cell:  # no "not a time"
        return cell.isoformat(sep=" ", timespec="microseconds")
    return safe_cell(cell)


def texts_of(frame: pd.DataFrame) -> pd.DataFrame:
    """A frame that was read from a CSV, with the texts that :func:`csv_of` was given."""
    return _with_cells(frame, lambda cell: text_of(cell) if isinstance(cell, str) else cell)


def _with_cells(frame: pd.DataFrame, change: Callable[[object], object]) -> pd.DataFrame:
    """A frame with other headings, and other cells in the columns that may hold texts."""
    from pandas.api.types import is_numeric_dtype

    changed = frame.copy()
    for place, kind in enumerate(frame.dtypes):
        if not is_numeric_dtype(kind):
            changed.isetitem(place, [change(cell) for cell in frame.iloc[:, place]])
    return changed.set_axis([change(name) for name in frame.columns], axis="columns")
