"""Questions about a table: which few columns explain one of them."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from tansaku.models.domain.records import Record

_ColumnName = Annotated[str, Field(min_length=1, max_length=200)]


class TableQuestion(Record):
    """Settings of a sparse search of a table.

    Attributes:
        target: Column to explain.
        max_features: Largest number of columns in a model.
        without: Columns that are left out.
        keep: Columns that are used although they look like the target.
        drop_rows: Whether rows with missing values are left out; otherwise they are refused.
        resamples: Searches of tables without a fifth of the rows.
        repeats: Virtual data sets of each size.
    """

    target: _ColumnName
    max_features: Annotated[int, Field(ge=1, le=8)] = 3
    without: Annotated[tuple[_ColumnName, ...], Field(max_length=1000)] = ()
    keep: Annotated[tuple[_ColumnName, ...], Field(max_length=1000)] = ()
    drop_rows: bool = False
    resamples: Annotated[int, Field(ge=0, le=100)] = 20
    repeats: Annotated[int, Field(ge=0, le=100)] = 20


class TableSearch(Record):
    """Request to a process with limits about a table.

    Attributes:
        path: CSV file, below the folder of the files.
        question: About it.
        only_size: Only how large the search is.
        seconds: Time that the search may take [s].
    """

    path: str
    question: TableQuestion
    only_size: bool
    seconds: float
