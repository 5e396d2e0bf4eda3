"""The Pareto front in two of its objectives, and the dominated volume against evaluations."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tansaku.models.domain.pool import FloatArray
from tansaku.models.domain.wording import headed
from tansaku.tasks.read.figures.html import plain, write_html
from tansaku.tasks.read.figures.style import ACCENT, FAINT, MAIN, drawing, pretty_unit, save_image
from tansaku.tasks.read.views import fronts


def _label(axis: fronts.Axis) -> str:
    return f"{headed(axis.name, pretty_unit(axis.unit))}, {'lower' if axis.direction == 'minimize' else 'higher'} is better"


def _members(found: fronts.Front) -> FloatArray:
    """The front in its first two objectives, by the first, shape ``(n_members, 2)``."""
    return np.array([[row[axis.name] for axis in found.axes[:2]] for row in found.rows])


def _said(found: fronts.Front) -> str:
    return "dominated hypervolume / that of the true front" if found.known else "dominated hypervolume / box of best values"


def draw_png(found: fronts.Front, path: Path) -> Path:
    """Draws the figure as PNG."""
    from matplotlib.figure import Figure

    with drawing():
        figure = Figure(figsize=(7.2, 3.2), layout="constrained")
        left, right = figure.subplots(1, 2)
        members = _members(found)
        left.scatter(found.values[:, 0], found.values[:, 1], s=9, color=FAINT, label="evaluated")
        left.plot(members[:, 0], members[:, 1], "o-", color=MAIN, ms=4, lw=1, label="front")
        left.plot(found.axes[0].reference, found.axes[1].reference, "x", color=ACCENT, label="reference")
        left.set_xlabel(_label(found.axes[0]))
        left.set_ylabel(_label(found.axes[1]))
        left.legend()
        right.step(np.arange(1, len(found.volume) + 1), found.volume, where="post", color=MAIN, lw=1.8)
        right.set_ylim(0, 1.02)
        right.set_xlim(left=0)
        right.grid(axis="y", color=FAINT, alpha=0.3, lw=0.5)
        right.set_xlabel("evaluations")
        right.set_ylabel(_said(found))
        return save_image(figure, path)


def draw_html(found: fronts.Front, path: Path, name: str) -> Path:
    """Draws the figure as an interactive page; more than two objectives are shown when the pointer is over a candidate."""
    from plotly.subplots import make_subplots

    figure = make_subplots(rows=1, cols=2, horizontal_spacing=0.1)
    members = _members(found)
    texts = [
        "<br>".join([plain(row["candidate"]), *(f"{plain(axis.name)}: {row[axis.name]:.4g}" for axis in found.axes)])
        for row in found.rows
    ]
    have = ~np.isnan(found.values).any(axis=1)
    figure.add_scatter(
        x=found.values[have, 0],
        y=found.values[have, 1],
        mode="markers",
        marker={"color": FAINT},
        name="evaluated",
        row=1,
        col=1,
    )
    figure.add_scatter(
        x=members[:, 0],
        y=members[:, 1],
        mode="lines+markers",
        marker={"color": MAIN},
        name="front",
        text=texts,
        hoverinfo="text",
        row=1,
        col=1,
    )
    first, second = found.axes[:2]
    figure.add_scatter(
        x=[first.reference],
        y=[second.reference],
        mode="markers",
        marker={"color": ACCENT, "symbol": "x"},
        name="reference",
        row=1,
        col=1,
    )
    numbers = np.arange(1, len(found.volume) + 1)
    line = {"shape": "hv", "color": MAIN}
    figure.add_scatter(x=numbers, y=found.volume, mode="lines", line=line, showlegend=False, row=1, col=2)
    figure.update_xaxes(title_text=plain(_label(found.axes[0])), row=1, col=1)
    figure.update_yaxes(title_text=plain(_label(found.axes[1])), row=1, col=1)
    figure.update_xaxes(title_text="evaluations", row=1, col=2)
    figure.update_yaxes(title_text=_said(found), range=[0, 1.02], row=1, col=2)
    figure.update_layout(template="simple_white", title=plain(name))
    return write_html(figure, path, f"{name}: front")
