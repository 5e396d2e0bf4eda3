"""Predicted against actual cost of measured evaluations."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tansaku.tasks.read.figures.html import plain, write_html
from tansaku.tasks.read.figures.style import FAINT, MAIN, drawing, save_image
from tansaku.tasks.read.views.costs import CostComparison

LEAST = 5
"""Fewest measured evaluations for which the figure is drawn."""


def _limits(found: CostComparison) -> tuple[float, float]:
    both = np.concatenate([found.predicted, found.actual])
    return float(both.min()) / 1.3, float(both.max()) * 1.3


def draw_png(found: CostComparison, path: Path) -> Path:
    """Draws the figure as PNG."""
    from matplotlib.figure import Figure

    limits = _limits(found)
    with drawing():
        figure = Figure(figsize=(3.8, 3.6), layout="constrained")
        axes = figure.subplots()
        axes.plot(limits, limits, "-", color=FAINT, lw=0.8, zorder=0)
        axes.plot(found.actual, found.predicted, "o", color=MAIN, ms=3, mew=0, alpha=0.6)
        axes.set(xscale="log", yscale="log", xlim=limits, ylim=limits, aspect="equal")
        axes.set_xlabel("actual [core-seconds]")
        axes.set_ylabel("predicted when proposed [core-seconds]")
        return save_image(figure, path)


def draw_html(found: CostComparison, path: Path, name: str) -> Path:
    """Draws the figure as an interactive page."""
    from plotly.graph_objects import Figure

    limits = list(_limits(found))
    figure = Figure()
    figure.add_scatter(x=limits, y=limits, mode="lines", line={"color": FAINT, "width": 1}, hoverinfo="skip")
    figure.add_scatter(
        x=found.actual,
        y=found.predicted,
        mode="markers",
        marker={"color": MAIN, "size": 5},
        text=[plain(candidate) for candidate in found.candidates],
        hovertemplate="%{text}<br>actual %{x:.3g}, predicted %{y:.3g}<extra></extra>",
    )
    figure.update_xaxes(title_text="actual [core-seconds]", type="log")
    figure.update_yaxes(title_text="predicted when proposed [core-seconds]", type="log")
    figure.update_layout(template="simple_white", title=plain(name), showlegend=False)
    return write_html(figure, path, f"{name}: predicted and actual cost")
