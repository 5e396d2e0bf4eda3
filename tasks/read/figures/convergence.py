"""Best-so-far gap against evaluations and against cumulative cost."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tansaku.tasks.read.figures.html import plain, write_html
from tansaku.tasks.read.figures.style import ACCENT, FAINT, MAIN, drawing, pretty_unit, save_image
from tansaku.tasks.read.views.results import Convergence


def _reference(found: Convergence) -> str:
    return "true optimum" if found.known else "final best value"


def draw_png(found: Convergence, path: Path) -> Path:
    """Draws the figure as PNG."""
    from matplotlib.figure import Figure

    with drawing():
        figure = Figure(figsize=(7.2, 3.2), layout="constrained")
        left, right = figure.subplots(1, 2, sharey=True)
        numbers = np.arange(1, len(found.cost) + 1)
        share = 100 * found.cost / found.exhaustive_cost
        for axes, x in ((left, numbers), (right, share)):
            axes.step(x, found.worst_gap, where="post", color=ACCENT, lw=1, label="worst system")
            axes.step(x, found.mean_gap, where="post", color=MAIN, lw=1.8, label="mean over systems")
            axes.set_yscale("symlog", linthresh=1.0, linscale=0.5)
            axes.set_ylim(bottom=0)
            axes.yaxis.set_major_formatter("{x:g}")
            axes.grid(axis="y", color=FAINT, alpha=0.3, lw=0.5)
            axes.set_xlim(left=0)
        unit = pretty_unit(found.unit)
        left.set_ylabel(f"best so far − {_reference(found)} [{unit}]")
        left.set_xlabel("evaluations")
        right.set_xlabel(f"cumulative cost [% of exhaustive, {found.exhaustive_cost:,.0f}]")
        left.legend()
        return save_image(figure, path)


def draw_html(found: Convergence, path: Path, name: str) -> Path:
    """Draws the figure as an interactive page."""
    from plotly.subplots import make_subplots

    figure = make_subplots(rows=1, cols=2, shared_yaxes=True, horizontal_spacing=0.04)
    numbers = np.arange(1, len(found.cost) + 1)
    for column, x in ((1, numbers), (2, found.cost)):
        for label, values, colour in (("worst system", found.worst_gap, ACCENT), ("mean over systems", found.mean_gap, MAIN)):
            figure.add_scatter(
                x=x,
                y=[None if np.isnan(value) else float(value) for value in values],
                mode="lines",
                line={"shape": "hv", "color": colour},
                name=label,
                showlegend=column == 1,
                row=1,
                col=column,
            )
    figure.update_xaxes(title_text="evaluations", row=1, col=1)
    figure.update_xaxes(title_text=f"cumulative cost (exhaustive: {found.exhaustive_cost:,.0f})", row=1, col=2)
    figure.update_yaxes(title_text=f"best so far − {_reference(found)} [{plain(pretty_unit(found.unit))}]", row=1, col=1)
    figure.update_layout(template="simple_white", title=plain(name), hovermode="x")
    return write_html(figure, path, f"{name}: convergence")
