"""Figures over parameters: evaluations as lines, slices of the model through the best, and a contour of two parameters."""

from __future__ import annotations

import math
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.report_columns import CANDIDATE, NUMBER, VALUE
from tansaku.models.domain.wording import names_unit, pretty_unit
from tansaku.tasks.read.figures.drawing import Drawing
from tansaku.tasks.read.figures.style import ACCENT, FAINT, INK, MAIN, PAPER, figure_at
from tansaku.tasks.read.views import parameter_figures as views

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.axis import Axis

    from tansaku.tasks.read.views.campaign import Campaign

_COLUMNS = 4
_MAP = "viridis"


def drawings(data: Campaign) -> list[Drawing]:
    """Returns evaluations over the parameters and, where there is a model, its slices and a contour of what matters most."""
    lines = views.parallel_lines(data)
    if lines is None:
        return []
    made = [parallel_drawing(lines)]
    with suppress(ConfigurationError):  # there is no model, no single best candidate, or only one parameter
        made.append(slices_drawing(lines, views.parameter_model(data)))
        made.append(contour_drawing(lines, views.parameter_contour(data)))
    return made


def importance_drawings(data: Campaign) -> list[Drawing]:
    """The importance of parameters or groups of features in the model of the last fit; none where there is none."""
    found = views.asked_importance(data)
    columns = {"group": [item.name for item in found.shares], "share": [item.share for item in found.shares]}
    return [Drawing("importance", columns, lambda path: _draw_importance(found, path))] if found.shares else []


def parallel_drawing(lines: views.ParallelLines) -> Drawing:
    """Evaluations as lines over the parameters."""
    cells = {axis.name: own for axis, own in zip(lines.axes, lines.cells, strict=True)}
    data: JsonDict = {NUMBER: lines.numbers, CANDIDATE: lines.candidates, **cells, VALUE: lines.values}
    units = _units(lines) | {VALUE: lines.unit}
    return Drawing("parallel", data, lambda path: _draw_parallel(lines, path), units=units)


def slices_drawing(lines: views.ParallelLines, model: views.ParameterModel) -> Drawing:
    """Slices of the model through the best candidate, with the evaluations."""
    rows = [(item.along, *point) for item in model.slices for point in zip(item.at, item.mean, item.deviation, strict=True)]
    data = dict(zip(("along", "at", "mean", "deviation"), zip(*rows, strict=True), strict=True))
    units = dict.fromkeys(("mean", "deviation"), lines.unit)
    return Drawing("slices", data, lambda path: _draw_slices(lines, model, path), units=units)


def contour_drawing(lines: views.ParallelLines, found: views.ParameterContour) -> Drawing:
    """A contour of two parameters, with the evaluations."""
    x, y = (grid.ravel().tolist() for grid in np.meshgrid(found.at_x, found.at_y, indexing="ij"))
    data = {found.x: x, found.y: y, "mean": np.ravel(found.mean).tolist(), "deviation": np.ravel(found.deviation).tolist()}
    units = _units(lines) | dict.fromkeys(("mean", "deviation"), lines.unit)
    return Drawing("contour", data, lambda path: _draw_contour(lines, found, path), units=units)


def _units(lines: views.ParallelLines) -> dict[str, str]:
    """Units of the parameters that have one, by name."""
    return {axis.name: axis.unit for axis in lines.axes if axis.unit is not None}


def _label(axis: views.ParameterAxis) -> str:
    return axis.name if axis.unit is None or names_unit(axis.name) else f"{axis.name} [{pretty_unit(axis.unit)}]"


def _value_label(lines: views.ParallelLines) -> str:
    return f"{lines.quantity} [{pretty_unit(lines.unit)}]"


def _places(axis: views.ParameterAxis, cells: Sequence[views.Cell | None]) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Numbers, or places of categories; NaN where none is known, shape ``(n,)``."""
    if axis.categories is None:
        return np.array([math.nan if cell is None else float(cell) for cell in cells])
    rank = {category: place for place, category in enumerate(axis.categories)}
    return np.array([rank.get(str(cell), math.nan) for cell in cells])


def _mark_categories(axis: views.ParameterAxis, on: Axis) -> None:
    if axis.categories is not None:
        on.set_ticks(range(len(axis.categories)), axis.categories)


def _draw_importance(found: views.Importance, path: Path) -> Path:
    with figure_at(path, 5.0, 0.8 + 0.22 * len(found.shares)) as figure:
        axes = figure.subplots()
        axes.barh(range(len(found.shares)), [100.0 * item.share for item in found.shares], color=MAIN)
        axes.set_yticks(range(len(found.shares)), [item.name for item in found.shares], parse_math=False)
        axes.invert_yaxis()
        axes.set_xlabel("share of the model's variance [%]")
    return path


def _draw_parallel(lines: views.ParallelLines, path: Path) -> Path:
    from matplotlib import colormaps
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    near = [value for value, far in zip(lines.values, lines.outliers, strict=True) if not far] or list(lines.values)
    norm, colours = Normalize(min(near), max(near), clip=True), colormaps[_MAP]
    value = views.ParameterAxis(name=lines.quantity, unit=lines.unit, categories=None)
    every = (*lines.axes, value)
    with figure_at(path, max(4.8, 1.3 * len(every)), 3.6) as figure:
        axes = figure.subplots()
        heights = []
        for at, (axis, cells) in enumerate(
            zip(every, (*lines.cells, np.clip(lines.values, min(near), max(near)).tolist()), strict=True)
        ):
            places = _places(axis, cells)
            known = places[np.isfinite(places)] if np.isfinite(places).any() else np.array([0.0, 1.0])
            low, high = (0, max(1, len(axis.categories) - 1)) if axis.categories else (known.min(), known.max())
            heights.append((places - low) / ((high - low) or 1.0))
            axes.axvline(at, color=FAINT, lw=0.8, zorder=0)
            for height, text in ((0.0, low), (1.0, high)):
                name = axis.categories[min(int(text), len(axis.categories) - 1)] if axis.categories else f"{text:.4g}"
                axes.annotate(name, (at, height), (3, -8 if height == 0 else 4), textcoords="offset points", fontsize=6)
        for line, found in zip(np.array(heights).T, lines.values, strict=True):
            axes.plot(line, color=colours(norm(found)), lw=0.9, alpha=0.8)
        axes.set_xticks(range(len(every)), [_label(axis) for axis in every], rotation=30, ha="right", fontsize=7)
        axes.set(yticks=[], ylim=(-0.12, 1.12))
        axes.spines[["left", "bottom"]].set_visible(False)
        figure.colorbar(ScalarMappable(norm, _MAP), ax=axes, label=_value_label(lines))
    return path


def _draw_slices(lines: views.ParallelLines, model: views.ParameterModel, path: Path) -> Path:
    across = min(_COLUMNS, len(model.slices))
    down = -(-len(model.slices) // across)
    known = {axis.name: (axis, cells) for axis, cells in zip(lines.axes, lines.cells, strict=True)}
    with figure_at(path, max(3.6, 2.4 * across), 2.1 * down) as figure:
        panels = figure.subplots(down, across, sharey=True, squeeze=False).ravel()
        for panel, item in zip(panels, model.slices, strict=False):
            axis, cells = known[item.along]
            _draw_slice(panel, axis, (_places(axis, item.at), np.array(item.mean), np.array(item.deviation)))
            near = [value if not far else math.nan for value, far in zip(lines.values, lines.outliers, strict=True)]
            panel.plot(_places(axis, cells), near, ".", color=FAINT, ms=3, zorder=0)
            panel.axvline(_places(axis, [item.best])[0], color=ACCENT, lw=0.8, ls=":")
            panel.set_xlabel(_label(axis))
            _mark_categories(axis, panel.xaxis)
        for panel in panels[len(model.slices) :]:
            panel.set_visible(False)
        figure.supylabel(_value_label(lines), fontsize=9)
    return path


def _draw_slice(panel: Axes, axis: views.ParameterAxis, curve: tuple[Any, Any, Any]) -> None:
    at, mean, deviation = curve
    if axis.categories is not None:
        panel.errorbar(at, mean, deviation, fmt="o", color=MAIN, ms=4, capsize=3)
        return
    order = np.argsort(at)
    panel.fill_between(at[order], (mean - deviation)[order], (mean + deviation)[order], color=MAIN, alpha=0.2, lw=0)
    panel.plot(at[order], mean[order], "-", color=MAIN, lw=1.4)


def _draw_contour(lines: views.ParallelLines, found: views.ParameterContour, path: Path) -> Path:
    known = {axis.name: (axis, cells) for axis, cells in zip(lines.axes, lines.cells, strict=True)}
    (first, of_first), (second, of_second) = known[found.x], known[found.y]
    with figure_at(path, 4.8, 3.8) as figure:
        axes = figure.subplots()
        at_x, at_y = _places(first, found.at_x), _places(second, found.at_y)
        by_x, by_y = np.argsort(at_x), np.argsort(at_y)
        mean = np.array(found.mean)[np.ix_(by_x, by_y)].T
        drawn = axes.pcolormesh(at_x[by_x], at_y[by_y], mean, cmap=_MAP, shading="nearest", rasterized=True)
        if first.categories is None and second.categories is None and min(mean.shape) > 1 and np.ptp(mean) > 0:
            axes.contour(at_x[by_x], at_y[by_y], mean, colors=INK, linewidths=0.5, alpha=0.6)
        axes.plot(_places(first, of_first), _places(second, of_second), "o", color=PAPER, mec=INK, mew=0.6, ms=4)
        axes.set(xlabel=_label(first), ylabel=_label(second))
        _mark_categories(first, axes.xaxis)
        _mark_categories(second, axes.yaxis)
        figure.colorbar(drawn, ax=axes, label=f"predicted {_value_label(lines)}")
    return path
