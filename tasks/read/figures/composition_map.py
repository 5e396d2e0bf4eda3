"""Map of the objective over the ions of a composition space: evaluated, predicted and failed candidates."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tansaku.models.domain.pool import FloatArray
from tansaku.tasks.read.figures.style import ACCENT, FAINT, INK, figure_at, in_unit
from tansaku.tasks.read.views.compositions import EVALUATED, FAILED, PREDICTED, RUNNING, CompositionMap

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Normalize

MOST_CELLS = 10_000
"""Maps with more cells than this are not drawn."""

_COLOURS = "viridis"
_FULL, _SMALL = 0.94, 0.5  # edge of a square in units of a cell: evaluated, and only predicted


def _limits(maps: Sequence[CompositionMap]) -> tuple[float, float]:
    values = np.concatenate([item.value[np.isfinite(item.value)] for item in maps])
    evaluated = np.concatenate([item.value[item.state == EVALUATED] for item in maps])
    chosen = evaluated if len(evaluated) > 1 else values
    low, high = (float(value) for value in np.percentile(chosen, (2, 95)))
    return (low, high) if high > low else (low - 0.5, low + 0.5)


def drawable(maps: Sequence[CompositionMap]) -> bool:
    """Returns whether the map has a value to show and is small enough to draw."""
    return any(np.isfinite(item.value).any() for item in maps) and sum(item.state.size for item in maps) <= MOST_CELLS


def table(maps: Sequence[CompositionMap]) -> dict[str, list[object]]:
    """A row for each composition with a value, found or expected, as columns."""
    rows = [
        (item.system, item.rows[row], item.columns[column], item.value[row, column], item.deviation[row, column])
        for item in maps
        for row, column in np.argwhere(np.isfinite(item.value))
    ]
    return dict(zip(("system", "row", "column", "value", "deviation"), map(list, zip(*rows, strict=True)), strict=True))


def _squares(axes: Axes, where: tuple[FloatArray, FloatArray], edge: float, values: FloatArray, scale: Normalize) -> None:
    from matplotlib.collections import PatchCollection
    from matplotlib.patches import Rectangle

    rows, columns = where
    patches = [Rectangle((x - edge / 2, y - edge / 2), edge, edge) for y, x in zip(rows, columns, strict=True)]
    squares = PatchCollection(patches, cmap=_COLOURS, norm=scale, linewidth=0.6 if edge == _FULL else 0.0)
    squares.set_array(values)
    squares.set_edgecolor(INK)
    axes.add_collection(squares)


def _draw_map(axes: Axes, panel: CompositionMap, scale: Normalize) -> None:
    for state, edge in ((EVALUATED, _FULL), (PREDICTED, _SMALL), (RUNNING, _SMALL)):
        where = np.nonzero((panel.state == state) & np.isfinite(panel.value))
        _squares(axes, where, edge, panel.value[where], scale)  # type: ignore[arg-type]
    blank = np.nonzero((panel.state == PREDICTED) & ~np.isfinite(panel.value))
    axes.plot(blank[1], blank[0], ".", color=FAINT, ms=2)
    failed = np.nonzero(panel.state == FAILED)
    axes.plot(failed[1], failed[0], "x", color=ACCENT, ms=5, mew=1.3)
    axes.set_xlim(-0.6, len(panel.columns) - 0.4)
    axes.set_ylim(len(panel.rows) - 0.4, -0.6)
    axes.set_aspect("equal")
    axes.set_xticks(range(len(panel.columns)), panel.columns, rotation=90, fontsize=6)
    axes.set_yticks(range(len(panel.rows)), panel.rows, fontsize=6)
    axes.set_xlabel(" · ".join(panel.column_sites))
    axes.set_ylabel(panel.row_site)
    axes.set_title(panel.system, fontsize=9, color=INK)


def draw_png(maps: Sequence[CompositionMap], path: Path, quantity: str, unit: str) -> Path:
    """Draws one panel per system as PNG.

    Full squares were evaluated, small ones are the model's expectation, crosses failed, dots are not known at all.

    Args:
        maps: See :func:`drawable`.
        quantity: What the values are, e.g. ``E_b``.
        unit: Theirs.
    """
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    scale = Normalize(*_limits(maps))
    width = sum(len(item.columns) for item in maps)
    height = max(len(item.rows) for item in maps)
    size = (max(4.2, 0.16 * width + 1.1 * len(maps) + 1.0), max(3.0, 0.16 * height + 1.9))
    with figure_at(path, *size) as figure:
        panels = figure.subplots(1, len(maps), squeeze=False)[0]
        for axes, item in zip(panels, maps, strict=True):
            _draw_map(axes, item, scale)
        bar = figure.colorbar(ScalarMappable(scale, _COLOURS), ax=panels, shrink=0.8, aspect=30, extend="both", pad=0.01)
        bar.set_label(in_unit(quantity, unit))
        figure.supxlabel("large: evaluated   small: predicted   ×: failed   dot: unknown", fontsize=7)
    return path
