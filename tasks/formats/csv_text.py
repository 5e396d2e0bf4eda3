"""Data frames as CSV files for spreadsheet programs."""

from __future__ import annotations

import csv
from collections.abc import Callable
from typing import TYPE_CHECKING

from tansaku.models.domain.spreadsheet import safe_cell, text_of

if TYPE_CHECKING:
    import pandas as pd


def csv_of(frame: pd.DataFrame) -> str:
    """A frame as CSV, without its index, in which no cell runs as a formula."""
    safe = _with_cells(frame, safe_cell)
    text = safe.to_csv(index=False)
    # pandas does not quote a carriage return, which readers take for the end of a line.
    return text if "\r" not in text else safe.to_csv(index=False, quoting=csv.QUOTE_NONNUMERIC)


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
