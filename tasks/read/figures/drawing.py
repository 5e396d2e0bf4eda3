"""A figure that can be drawn, and its data as a table."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.wording import headed, names_unit
from tansaku.tasks.read.figures.style import current_footnote, footnote

Draw = Callable[[Path], Path]


@dataclass(frozen=True)
class Drawing:
    """A figure.

    Attributes:
        stem: Its name, part of those of its files.
        data: That it shows: a dataclass with arrays, a sequence of dataclasses, or columns by name; empty: nothing that a table
            can hold.
        image: Writes PNG or SVG, as the file's name ends.
        note: Origin of its values, below it; None: that of the campaign.
        units: Of columns of its table, by their names; a column that is not among them has plain numbers or texts.
    """

    stem: str
    data: object
    image: Draw
    note: str | None = None
    units: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def by(
        cls, draw: Callable[..., Path], stem: str, data: object, *further: str, units: Mapping[str, str] | None = None
    ) -> Drawing:
        """The figure that a function draws of the data, to a path, with further arguments."""
        return cls(stem, data, lambda path: draw(data, path, *further), units=units or {})

    @property
    def table(self) -> tuple[list[str], list[list[Any]]]:
        """Headings of the columns with their units, and the rows; without rows where its data are no table."""
        names, rows = table_of(self.data)
        return [name if names_unit(name) else headed(name, self.units.get(name, "1")) for name in names], rows

    def draw(self, path: Path) -> Path:
        """Writes the figure as PNG or SVG, as the name of the file ends."""
        with footnote(self.note or current_footnote()):
            return self.image(path)


def drawn(drawings: Iterable[Drawing], folder: Path, name: str) -> list[Path]:
    """Draws figures as PNG; returns the paths.

    Args:
        folder: Exists.
        name: Of the campaign, with which the names of the files begin.
    """
    return [drawing.draw(folder / f"{name}-{drawing.stem}.png") for drawing in drawings]


def table_of(data: object) -> tuple[list[str], list[list[Any]]]:
    """The data of a figure as a table: arrays of one length as columns, a row for each of several dataclasses, or columns.

    Returns:
        Names of the columns, and the rows; without rows where the data are no table.
    """
    if isinstance(data, Mapping):
        return list(data), [list(row) for row in zip(*data.values(), strict=True)]
    if is_dataclass(data) and not isinstance(data, type):
        return _columns({key: value for key, value in vars(data).items() if _is_column(value)})
    if isinstance(data, Sequence) and data and all(is_dataclass(part) for part in data):
        tables = [table_of(part) for part in data]
        names = [name for name in tables[0][0] if all(name in known for known, _ in tables)]
        scalars = [{key: value for key, value in vars(part).items() if np.isscalar(value)} for part in data]
        fixed = [key for key in scalars[0] if all(key in known for known in scalars)]
        rows = [
            [*(known[key] for key in fixed), *(row[every.index(name)] for name in names)]
            for known, (every, body) in zip(scalars, tables, strict=True)
            for row in (body or [[]])
        ]
        return [*fixed, *names], rows
    return [], []


def _is_column(value: object) -> bool:
    array = np.asarray(value) if isinstance(value, np.ndarray | list | tuple) else None
    return array is not None and array.ndim == 1 and array.dtype.kind in "bifU"


def _columns(found: Mapping[str, Any]) -> tuple[list[str], list[list[Any]]]:
    """The longest columns of one length."""
    length = max((len(value) for value in found.values()), default=0)
    chosen: JsonDict = {key: value for key, value in found.items() if len(value) == length and length}
    return list(chosen), [list(row) for row in zip(*(np.asarray(value).tolist() for value in chosen.values()), strict=True)]
