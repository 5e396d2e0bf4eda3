"""Choice of the next purchase for a spreadsheet, values of rows or numbers of columns: `tansaku sparse next`."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from pathlib import Path

import numpy as np
import pandas as pd

from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.records import JsonDict
from tansaku.models.engine.sparse.purchase import OpenTable, Purchase, purchases
from tansaku.sparse.tasks.table_file import listed, read_frame


@dataclass(frozen=True)
class Shop:
    """Description of a table by its user.

    Attributes:
        target: Column of the values; empty cells are not measured yet.
        prices: ``NAME=PRICE`` of the columns whose empty cells can be measured; other columns must have no empty cell.
        name: Column that names rows; empty: rows are counted as a spreadsheet does, the header being the first.
        maximize: Whether high values are wanted.
        without: Columns to leave out.
        largest: Most columns of a model.
    """

    target: str
    prices: tuple[str, ...] = ()
    value_price: float = 1.0
    name: str = ""
    maximize: bool = False
    without: tuple[str, ...] = ()
    largest: int = 3


def offers(path: Path, shop: Shop) -> list[JsonDict]:
    """Lists the purchases that are possible, the largest gain per price first.

    Args:
        path: CSV file with a header.

    Returns:
        By purchase: ``measure`` (the target or a column), ``rows``, ``price``, ``gain`` (expected improvement by the next value
        in the target's unit), ``per_price`` (gain divided by the price of the purchase and of that value).

    Raises:
        ConfigurationError: The file or the options cannot be used; columns in question are named.
    """
    frame = read_frame(path, (*shop.without, shop.name))
    named = (shop.target, *shop.without, *filter(None, [shop.name]))
    for column in named:
        if column not in frame.columns:
            raise ConfigurationError(f"{path}: no column {column!r}; it has {listed(list(map(str, frame.columns)))}")
    rows = [str(i) for i in (frame[shop.name] if shop.name else range(2, len(frame) + 2))]
    if not (isfinite(shop.value_price) and shop.value_price > 0.0):
        raise ConfigurationError(f"--value-price {shop.value_price:g}: expected a positive number")
    columns = frame.drop(columns=list(dict.fromkeys(named)))
    text = [str(name) for name in columns.columns if not pd.api.types.is_numeric_dtype(columns[name])]
    if text:
        raise ConfigurationError(f"{path}: text in {listed(text)}", hint="leave the columns out with --without NAME")
    x = columns.to_numpy(dtype=np.float64)
    names = [str(name) for name in columns.columns]
    prices = _prices(shop, names, np.isnan(x).any(axis=0).tolist())
    y = _values(frame[shop.target], path, shop)
    try:
        found = purchases(OpenTable(x, -y if shop.maximize else y, prices, shop.value_price), shop.largest)
    except ValueError as error:
        raise ConfigurationError(f"{path}: {error}") from error
    return [_row(item, names, rows, shop) for item in found]


def _values(column: pd.Series, path: Path, shop: Shop) -> np.ndarray:
    if not pd.api.types.is_numeric_dtype(column):
        raise ConfigurationError(f"{path}: target {shop.target!r} is text; expected numbers and empty cells")
    return column.to_numpy(dtype=np.float64)


def _prices(shop: Shop, names: list[str], incomplete: list[bool]) -> np.ndarray:
    """Price of a number of each column.

    Raises:
        ConfigurationError: A price is none, or a column has empty cells and no price.
    """
    found: dict[str, float] = {}
    for text in shop.prices:
        name, _, price = text.rpartition("=")
        try:
            found[name] = float(price)
        except ValueError as error:
            raise ConfigurationError(f"--price {text!r}: expected NAME=NUMBER: {error}") from error
        if name not in names or not (isfinite(found[name]) and found[name] >= 0.0):
            expected = "a price of at least 0" if name in names else f"one of {listed(names)}"
            raise ConfigurationError(f"--price {text!r}: expected {expected}")
    open_ones = [name for name, lacks in zip(names, incomplete, strict=True) if lacks and name not in found]
    if open_ones:
        raise ConfigurationError(
            f"empty cells in {listed(open_ones)}, which have no price",
            hint="say what a cell costs with --price NAME=PRICE, or leave the columns out with --without NAME",
        )
    return np.array([found.get(name, 0.0) for name in names])


def _row(item: Purchase, names: list[str], rows: list[str], shop: Shop) -> JsonDict:
    return {
        "measure": shop.target if item.column is None else names[item.column],
        "rows": [rows[row] for row in item.rows],
        "price": item.price,
        "gain": item.gain,
        "per_price": item.per_price,
    }
