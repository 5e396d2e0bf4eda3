"""A screen's figure: predicted boundary energies beside computed ones, and how the ranks agree."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tansaku.tasks.read.figures.style import FAINT, INK, figure_at
from tansaku.tasks.read.screening import rows as screened

_COLOURS = "turbo"


def draw_screen(rows: Sequence[screened.ScreenRow], path: Path) -> Path:
    """Draws all structures and the best of each boundary as PNG, coloured by axis.

    Args:
        rows: Of a screen, at least one.
    """
    from matplotlib import colormaps

    axes_shown = sorted({screened.family(row.axis) for row in rows})
    colours = {axis: colormaps[_COLOURS]((place + 0.5) / len(axes_shown)) for place, axis in enumerate(axes_shown)}
    with figure_at(path, 9.6, 4.3) as figure:
        panels = figure.subplots(1, 2)
        for panel, shown, title in zip(
            panels, (rows, screened.best_of_each(rows)), ("all structures", "best of each boundary"), strict=True
        ):
            both = np.array([[row.computed, row.predicted] for row in shown])
            limits = (0.0, 1.04 * float(both.max()))
            panel.plot(limits, limits, "-", color=FAINT, lw=0.8, zorder=0)
            for axis, colour in colours.items():
                mine = [row for row in shown if screened.family(row.axis) == axis]
                panel.plot(
                    [row.computed for row in mine],
                    [row.predicted for row in mine],
                    "o",
                    ms=2.2,
                    mew=0,
                    alpha=0.8,
                    color=colour,
                    label=axis or "not given",
                    rasterized=True,
                )
            correlation = screened.rank_correlation(shown)
            ranks = "" if correlation is None else f", rank correlation {correlation:.3f}"
            panel.set_title(f"{title}: {len(shown)}{ranks}", fontsize=9, color=INK)
            panel.set(xlim=limits, ylim=limits, aspect="equal")
            panel.set(xlabel="computed by the cheap calculator [mJ/m²]", ylabel="predicted by the model [mJ/m²]")
        panels[0].legend(markerscale=2.5, fontsize=7, ncols=2, title="tilt axis", title_fontsize=7)
    return path
