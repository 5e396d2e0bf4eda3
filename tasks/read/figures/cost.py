"""Predicted against actual cost of measured evaluations."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tansaku.tasks.read.figures.style import FAINT, MAIN, figure_at
from tansaku.tasks.read.views.costs import CostComparison

LEAST = 5
"""Fewest measured evaluations for which the figure is drawn."""


def _limits(found: CostComparison) -> tuple[float, float]:
    both = np.concatenate([found.predicted, found.actual])
    return float(both.min()) / 1.3, float(both.max()) * 1.3


def draw_png(found: CostComparison, path: Path) -> Path:
    """Draws the figure as PNG."""
    limits = _limits(found)
    with figure_at(path, 3.8, 3.6) as figure:
        axes = figure.subplots()
        axes.plot(limits, limits, "-", color=FAINT, lw=0.8, zorder=0)
        axes.plot(found.actual, found.predicted, "o", color=MAIN, ms=3, mew=0, alpha=0.6)
        axes.set(xscale="log", yscale="log", xlim=limits, ylim=limits, aspect="equal")
        axes.set_xlabel("actual [core-seconds]")
        axes.set_ylabel("predicted when proposed [core-seconds]")
    return path
