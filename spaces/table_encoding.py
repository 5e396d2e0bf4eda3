"""Categories of a table as numbers: one column for each category, or their rank in a given order."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.pool import FloatArray
from tansaku.models.domain.specs.space import FeatureColumnsSpec
from tansaku.spaces.table_file import TableColumns, TextArray

_TRUTHS = (("false", "true"), ("no", "yes"))


def encoded(group: FeatureColumnsSpec, name: str, table: TableColumns, columns: Sequence[str]) -> tuple[FloatArray, list[str]]:
    """Rows of a group of categories, in the order of the file, shape ``(n_rows, d)``, and the names of their columns.

    With ``one_hot`` a column of two truth values is one column of 0 and 1; any other becomes one column for each category.

    Raises:
        ConfigurationError: A cell is empty, or not one of the listed categories.
    """
    key = f"space.features.{name}"
    rows: list[FloatArray] = []
    names: list[str] = []
    for column in columns:
        cells = table.categories(column, f"{key}.columns")
        if group.categories != "one_hot":
            rows.append(_ranks(cells, group.categories or (), f"{key}.categories", column))
            names.append(column)
            continue
        known = categories_of(cells)
        if known in _TRUTHS:
            rows.append((cells == known[1]).astype(np.float64))
            names.append(column)
        else:
            rows += [(cells == category).astype(np.float64) for category in known]
            names += [f"{column}={category}" for category in known]
    return np.column_stack(rows), names


def categories_of(cells: TextArray) -> tuple[str, ...]:
    """The categories that occur, in ascending order."""
    return tuple(np.unique(cells).tolist())


def _ranks(cells: TextArray, order: Sequence[str], key: str, column: str) -> FloatArray:
    rank = {category: place for place, category in enumerate(order)}
    unknown = [(row, cell) for row, cell in enumerate(cells.tolist(), start=1) if cell not in rank]
    if unknown:
        row, cell = unknown[0]
        raise ConfigurationError(f"{key}: row {row} of column {column!r} is {cell!r}; expected one of {', '.join(order)}")
    return np.array([rank[cell] for cell in cells.tolist()], dtype=np.float64)
