"""Figure of predicted against computed values with error bars, and their coverage."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tansaku.models.domain.wording import headed
from tansaku.tasks.read.figures.style import ACCENT, FAINT, MAIN, figure_at, pretty_unit
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
    with figure_at(path, 7.2, 3.6) as figure:
        left, right = figure.subplots(1, 2)
        _draw_parity(left, found)
        right.plot([0, 1], [0, 1], "-", color=FAINT, lw=0.8, zorder=0)
        right.plot(_NOMINAL, found.coverage(_NOMINAL), "-", color=ACCENT, lw=1.4)
        right.set(xlim=(0, 1), ylim=(0, 1), aspect="equal")
        right.set_xlabel("nominal coverage of the interval")
        right.set_ylabel("observed coverage")
    return path
