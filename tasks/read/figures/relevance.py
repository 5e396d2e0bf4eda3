"""Figure of feature relevance: the share of each site or feature group, over the refits."""

from __future__ import annotations

from pathlib import Path

from tansaku.tasks.read.figures.drawing import Drawing
from tansaku.tasks.read.figures.style import PALETTE, figure_at
from tansaku.tasks.read.views.predictions import Relevance

_LABEL = "share of the model's variance [%]"


def _colour(index: int) -> str:
    return PALETTE[index % len(PALETTE)]


def relevance_drawing(found: Relevance) -> Drawing:
    """The figure, whose table has a column for each category."""
    shares = dict(zip(found.categories, found.share.T.tolist(), strict=True))
    return Drawing("relevance", {"observed": found.observed, **shares}, lambda path: draw_png(found, path))


def draw_png(found: Relevance, path: Path) -> Path:
    """Draws the figure as PNG: left the last refit, right all of them."""
    share = 100.0 * found.share
    with figure_at(path, 7.2, 3.0) as figure:
        left, right = figure.subplots(1, 2)
        left.bar(found.categories, share[-1], color=[_colour(i) for i in range(len(found.categories))])
        left.set_ylabel(_LABEL)
        left.tick_params(axis="x", rotation=45 if max(map(len, found.categories)) > 4 else 0)
        for i, name in enumerate(found.categories):
            right.plot(found.observed, share[:, i], "o-", color=_colour(i), ms=3, lw=1.2, label=name)
        right.set(xlabel="observations", ylabel=_LABEL, ylim=(0, None))
        right.legend(ncols=2)
    return path
