"""Best value so far over evaluations: the curve that the page of a campaign shows."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tansaku.models.domain.wording import in_words
from tansaku.tasks.read.figures.style import FAINT, MAIN, figure_at, in_unit, missing
from tansaku.tasks.read.views.best_values import BestValues


def draw_png(found: BestValues, path: Path) -> Path:
    """Draws the figure as PNG or SVG."""
    from matplotlib.ticker import MaxNLocator

    with figure_at(path, 5.6, 3.4) as figure:
        axes = figure.subplots()
        axes.plot(found.evaluation, found.value, "o", color=FAINT, ms=3, mew=0, label="result")
        axes.step(found.evaluation, found.best, where="post", color=MAIN, lw=1.8, label="best so far")
        axes.set_xlabel("evaluations")
        axes.set_ylabel(in_unit(in_words(found.quantity), found.unit))
        axes.set_xlim(0, found.evaluation[-1] + 1)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(axis="y", color=FAINT, alpha=0.3, lw=0.5)
        axes.legend()
        if np.isnan(found.best).all():
            missing(axes, "no best value: no result keeps the limits")
    return path
