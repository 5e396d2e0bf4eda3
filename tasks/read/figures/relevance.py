"""Figure of feature relevance: the share of each site or feature group, over the refits."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

from tansaku.tasks.read.figures.drawing import Drawing
from tansaku.tasks.read.figures.html import plain, write_html
from tansaku.tasks.read.figures.style import PALETTE, drawing, save_image
from tansaku.tasks.read.views.predictions import Relevance

_LABEL = "share of the model's variance [%]"


def _colour(index: int) -> str:
    return PALETTE[index % len(PALETTE)]


def relevance_drawing(found: Relevance, name: str) -> Drawing:
    """The figure, whose table has a column for each category."""
    shares = dict(zip(found.categories, found.share.T.tolist(), strict=True))
    made = Drawing.by(sys.modules[__name__], "relevance", found, name)
    return replace(made, data={"observed": found.observed, **shares})


def draw_png(found: Relevance, path: Path) -> Path:
    """Draws the figure as PNG: left the last refit, right all of them."""
    from matplotlib.figure import Figure

    share = 100.0 * found.share
    with drawing():
        figure = Figure(figsize=(7.2, 3.0), layout="constrained")
        left, right = figure.subplots(1, 2)
        left.bar(found.categories, share[-1], color=[_colour(i) for i in range(len(found.categories))])
        left.set_ylabel(_LABEL)
        left.tick_params(axis="x", rotation=45 if max(map(len, found.categories)) > 4 else 0)
        for i, name in enumerate(found.categories):
            right.plot(found.observed, share[:, i], "o-", color=_colour(i), ms=3, lw=1.2, label=name)
        right.set(xlabel="observations", ylabel=_LABEL, ylim=(0, None))
        right.legend(ncols=2)
        return save_image(figure, path)


def draw_html(found: Relevance, path: Path, name: str) -> Path:
    """Draws the shares over the refits as an interactive page."""
    from plotly.graph_objects import Figure

    figure = Figure()
    for i, category in enumerate(found.categories):
        figure.add_scatter(
            x=found.observed,
            y=100.0 * found.share[:, i],
            name=plain(category),
            mode="lines+markers",
            line={"color": _colour(i)},
            hovertemplate="%{y:.1f} %<extra>" + plain(category) + "</extra>",
        )
    figure.update_layout(
        template="simple_white", title=plain(name), xaxis_title="observations", yaxis={"title": _LABEL, "rangemode": "tozero"}
    )
    return write_html(figure, path, f"{name}: feature relevance")
