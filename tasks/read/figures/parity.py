"""Figures of predicted and computed values with error bars and their coverage: all of them, and over the rounds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tansaku.models.domain.pool import FloatArray
from tansaku.models.domain.wording import headed, pretty_unit
from tansaku.tasks.read.figures.drawing import Drawing
from tansaku.tasks.read.figures.style import ACCENT, FAINT, MAIN, figure_at
from tansaku.tasks.read.views.results import Predictions

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LEAST = 5
"""Fewest predictions for which the figure is drawn."""

_NOMINAL = np.linspace(0.02, 0.98, 49)
_INTERVALS = ((0.68, MAIN), (0.95, ACCENT))


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
        draw_coverage(right, _NOMINAL, found.coverage(_NOMINAL))
    return path


def draw_coverage(axes: Axes, nominal: FloatArray, observed: FloatArray, label: str = "observed coverage") -> None:
    """Draws the shares of values that lie in intervals of their predictions, against those that should."""
    axes.plot([0, 1], [0, 1], "-", color=FAINT, lw=0.8, zorder=0)
    axes.plot(nominal, observed, "-", color=ACCENT, lw=1.4)
    axes.set(xlim=(0, 1), ylim=(0, 1), aspect="equal")
    axes.set_xlabel("nominal coverage of the interval")
    axes.set_ylabel(label)


def coverage_drawing(stem: str, nominal: FloatArray, observed: FloatArray, label: str = "observed coverage") -> Drawing:
    """The same as a figure of its own."""

    def draw(path: Path) -> Path:
        with figure_at(path, 3.6, 3.6) as figure:
            draw_coverage(figure.subplots(), nominal, observed, label)
        return path

    return Drawing(stem, {"nominal": nominal.tolist(), "observed": observed.tolist()}, draw)


def calibration_drawing(found: Predictions) -> Drawing:
    """Shares of the values that lie in intervals of the predictions, against those that should."""
    return coverage_drawing("calibration", _NOMINAL, found.coverage(_NOMINAL))


def running_coverage(found: Predictions, nominal: float) -> FloatArray:
    """Share of the values so far that lay inside the central interval of ``nominal``, shape ``(n,)``."""
    from scipy.special import ndtri

    inside = np.abs(found.score) <= ndtri(0.5 + nominal / 2)
    return np.asarray(np.cumsum(inside) / np.arange(1, len(inside) + 1))


def draw_rounds(found: Predictions, path: Path) -> Path:
    """Draws the figure as PNG: above the errors with predicted deviations, below the running shares."""
    unit = pretty_unit(found.unit)
    with figure_at(path, 5.4, 4.6) as figure:
        above, below = figure.subplots(2, 1, sharex=True)
        above.axhline(0.0, color=FAINT, lw=0.8)
        above.errorbar(
            found.numbers,
            found.value - found.mean,
            yerr=found.deviation,
            fmt="o",
            color=MAIN,
            ms=2.5,
            mew=0,
            ecolor=FAINT,
            elinewidth=0.6,
        )
        # An early, very uncertain prediction would flatten all others.
        reach = 1.3 * max(float(np.abs(found.value - found.mean).max()), 2.0 * float(np.median(found.deviation)))
        above.set_ylim(-reach, reach)
        above.set_ylabel(headed("computed − predicted", unit))
        for nominal, colour in _INTERVALS:
            below.axhline(nominal, color=colour, lw=0.8, ls=":")
            below.plot(found.numbers, running_coverage(found, nominal), color=colour, label=f"{100 * nominal:.0f} % interval")
        below.set(ylim=(0, 1.03), xlabel="proposal", ylabel="coverage so far")
        below.legend(loc="lower right")
    return path
