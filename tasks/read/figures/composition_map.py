"""Map of the objective over the ions of a composition space: evaluated, predicted and failed candidates."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tansaku.models.domain.pool import FloatArray
from tansaku.models.domain.wording import headed
from tansaku.tasks.read.figures.html import plain, write_html
from tansaku.tasks.read.figures.style import ACCENT, FAINT, INK, drawing, pretty_unit, save_image
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
    from matplotlib.figure import Figure

    scale = Normalize(*_limits(maps))
    width = sum(len(item.columns) for item in maps)
    height = max(len(item.rows) for item in maps)
    with drawing():
        size = (max(4.2, 0.16 * width + 1.1 * len(maps) + 1.0), max(3.0, 0.16 * height + 1.9))
        figure = Figure(figsize=size, layout="constrained")
        panels = figure.subplots(1, len(maps), squeeze=False)[0]
        for axes, item in zip(panels, maps, strict=True):
            _draw_map(axes, item, scale)
        bar = figure.colorbar(ScalarMappable(scale, _COLOURS), ax=panels, shrink=0.8, aspect=30, extend="both", pad=0.01)
        bar.set_label(headed(quantity, pretty_unit(unit)))
        figure.supxlabel("large: evaluated   small: predicted   ×: failed   dot: unknown", fontsize=7)
        return save_image(figure, path)


def draw_html(maps: Sequence[CompositionMap], path: Path, name: str, quantity: str, unit: str) -> Path:
    """Draws one panel per system as an interactive page."""
    from plotly.subplots import make_subplots

    low, high = _limits(maps)
    shown = pretty_unit(unit)
    figure = make_subplots(
        rows=1, cols=len(maps), subplot_titles=[plain(item.system) for item in maps], horizontal_spacing=0.06
    )
    for column, item in enumerate(maps, start=1):
        for trace in _traces(item, shown):
            figure.add_scatter(row=1, col=column, **trace)
        rows, columns = [plain(text) for text in item.rows], [plain(text) for text in item.columns]
        title = plain(" · ".join(item.column_sites))
        figure.update_xaxes(type="category", categoryarray=columns, title_text=title, row=1, col=column)
        figure.update_yaxes(
            type="category", categoryarray=rows[::-1], title_text=plain(item.row_site), row=1, col=column, automargin=True
        )
    figure.update_layout(
        template="simple_white",
        title=plain(name),
        showlegend=False,
        coloraxis={"colorscale": _COLOURS, "cmin": low, "cmax": high, "colorbar": {"title": plain(f"{quantity} [{shown}]")}},
    )
    return write_html(figure, path, f"{name}: {quantity} by ions")


def _traces(panel: CompositionMap, unit: str) -> list[dict[str, Any]]:
    kinds = (
        (EVALUATED, {"symbol": "square", "size": 14, "line": {"width": 1, "color": INK}}),
        (PREDICTED, {"symbol": "square", "size": 7}),
        (RUNNING, {"symbol": "square-open", "size": 9}),
        (FAILED, {"symbol": "x", "size": 9, "color": ACCENT}),
    )
    traces = []
    for state, marker in kinds:
        where = np.argwhere(panel.state == state)
        coloured = {**marker, "color": [panel.value[tuple(at)] for at in where], "coloraxis": "coloraxis"}
        traces.append(
            {
                "x": [plain(panel.columns[x]) for _, x in where],
                "y": [plain(panel.rows[y]) for y, _ in where],
                "mode": "markers",
                "marker": marker if state == FAILED else coloured,
                "text": [_hover(panel, int(y), int(x), unit) for y, x in where],
                "hovertemplate": "%{text}<extra></extra>",
            }
        )
    return traces


def _hover(panel: CompositionMap, row: int, column: int, unit: str) -> str:
    text = plain(panel.labels[row, column])
    if not np.isfinite(panel.value[row, column]):
        return text
    spread = "" if np.isnan(panel.deviation[row, column]) else f" ± {panel.deviation[row, column]:.3g} predicted"
    return f"{text}<br>{panel.value[row, column]:.4g}{spread} {plain(unit)}"
