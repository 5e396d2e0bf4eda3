"""Figure of prediction errors and coverage of error bars over the rounds of a campaign."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tansaku.models.domain.pool import FloatArray
from tansaku.models.domain.wording import headed
from tansaku.tasks.read.figures.style import ACCENT, FAINT, MAIN, figure_at, pretty_unit
from tansaku.tasks.read.views.results import Predictions

_INTERVALS = ((0.68, MAIN), (0.95, ACCENT))


def running_coverage(found: Predictions, nominal: float) -> FloatArray:
    """Share of the values so far that lay inside the central interval of ``nominal``, shape ``(n,)``."""
    from scipy.special import ndtri

    inside = np.abs(found.score) <= ndtri(0.5 + nominal / 2)
    return np.asarray(np.cumsum(inside) / np.arange(1, len(inside) + 1))


def draw_png(found: Predictions, path: Path) -> Path:
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
