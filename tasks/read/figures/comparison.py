"""Best values of several campaigns over evaluations or cost: the curves of the page that compares them."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np

from tansaku.tasks.read.figures.drawing import Drawing
from tansaku.tasks.read.figures.style import FAINT, figure_at, in_unit
from tansaku.tasks.read.views.comparison import Comparison

Axis = Literal["evaluations", "cost"]

_DASHES = ("-", "--", ":", "-.")


def comparison_drawing(found: Comparison, axis: Axis) -> Drawing:
    """The curves of all campaigns; its table has a row for each ended evaluation of each."""
    names = [line.name for line in found.campaigns]
    columns: dict[str, list[object]] = {"campaign": [], "evaluations": [], "cost": [], "value": [], "best": []}
    for name, series in zip(names, found.series, strict=True):
        columns["campaign"] += [name] * len(series.best)
        for key in ("evaluations", "cost", "value", "best"):
            columns[key] += getattr(series, key)
    units = {"cost": found.cost_unit or "1", "value": found.unit, "best": found.unit}
    return Drawing("best-value", columns, lambda path: _draw(found, axis, path), units=units)


def _draw(found: Comparison, axis: Axis, path: Path) -> Path:
    from matplotlib.ticker import MaxNLocator

    with figure_at(path, 5.6, 3.4) as figure:
        axes = figure.subplots()
        for place, (line, series) in enumerate(zip(found.campaigns, found.series, strict=True)):
            best = np.array(series.best, dtype=np.float64)
            axes.step(getattr(series, axis), best, where="post", lw=1.6, ls=_DASHES[place % len(_DASHES)], label=line.name)
        axes.set_xlabel(in_unit(axis, found.cost_unit or "1") if axis == "cost" else axis)
        axes.set_ylabel(in_unit(found.quantity, found.unit))
        if axis == "evaluations":
            axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(axis="y", color=FAINT, alpha=0.3, lw=0.5)
        axes.legend()
    return path
