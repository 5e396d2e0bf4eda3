"""Figure of predicted against computed values with error bars, and their coverage."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tansaku.models.domain.wording import headed
from tansaku.tasks.read.figures.html import plain, write_html
from tansaku.tasks.read.figures.style import ACCENT, FAINT, MAIN, drawing, pretty_unit, save_image
from tansaku.tasks.read.views.results import Predictions

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LEAST = 5
"""Fewest predictions for which the figure is drawn."""

_NOMINAL = np.linspace(0.02, 0.98, 49)


def _limits(found: Predictions) -> tuple[float, float]:
    both = np.concatenate([found.mean, found.value])
    margin = 0.04 * float(np.ptp(both)) or 1.0
    return float(both.min()) - margin, float(both.max()) + margin


def _draw_parity(axes: Axes, found: Predictions) -> None:
    limits = _limits(found)
    axes.plot(limits, limits, "-", color=FAINT, lw=0.8, zorder=0)
    axes.errorbar(
        found.value, found.mean, yerr=found.deviation, fmt="o", color=MAIN, ms=2.5, mew=0, ecolor=FAINT, elinewidth=0.6
    )
    axes.set(xlim=limits, ylim=limits, aspect="equal")
    unit = pretty_unit(found.unit)
    axes.set_xlabel(headed("computed", unit))
    axes.set_ylabel(headed("predicted when proposed", unit))


def draw_png(found: Predictions, path: Path) -> Path:
    """Draws the figure as PNG."""
    from matplotlib.figure import Figure

    with drawing():
        figure = Figure(figsize=(7.2, 3.6), layout="constrained")
        left, right = figure.subplots(1, 2)
        _draw_parity(left, found)
        right.plot([0, 1], [0, 1], "-", color=FAINT, lw=0.8, zorder=0)
        right.plot(_NOMINAL, found.coverage(_NOMINAL), "-", color=ACCENT, lw=1.4)
        right.set(xlim=(0, 1), ylim=(0, 1), aspect="equal")
        right.set_xlabel("nominal coverage of the interval")
        right.set_ylabel("observed coverage")
        return save_image(figure, path)


def draw_html(found: Predictions, path: Path, name: str) -> Path:
    """Draws the figure as an interactive page."""
    from plotly.subplots import make_subplots

    figure = make_subplots(rows=1, cols=2, horizontal_spacing=0.1)
    figure.add_scatter(
        x=found.value,
        y=found.mean,
        error_y={"array": found.deviation, "color": FAINT, "thickness": 0.8, "width": 0},
        mode="markers",
        marker={"color": MAIN, "size": 5},
        text=[plain(candidate) for candidate in found.candidates],
        hovertemplate="%{text}<br>computed %{x:.4g}, predicted %{y:.4g}<extra></extra>",
        row=1,
        col=1,
    )
    figure.add_scatter(
        x=_NOMINAL, y=found.coverage(_NOMINAL), mode="lines", line={"color": ACCENT}, hoverinfo="x+y", row=1, col=2
    )
    for column, (low, high) in ((1, _limits(found)), (2, (0.0, 1.0))):
        figure.add_scatter(
            x=[low, high], y=[low, high], mode="lines", line={"color": FAINT, "width": 1}, hoverinfo="skip", row=1, col=column
        )
    unit = plain(pretty_unit(found.unit))
    figure.update_xaxes(title_text=headed("computed", unit), row=1, col=1)
    figure.update_yaxes(title_text=headed("predicted when proposed", unit), row=1, col=1)
    figure.update_xaxes(title_text="nominal coverage of the interval", row=1, col=2)
    figure.update_yaxes(title_text="observed coverage", row=1, col=2)
    figure.update_layout(template="simple_white", title=plain(name), showlegend=False)
    return write_html(figure, path, f"{name}: predicted vs. computed")
