"""A screen's figure: predicted boundary energies beside computed ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tansaku.tasks.read.figures.style import FAINT, INK, figure_at
from tansaku.tasks.read.screening import rows as screened

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_COLOURS = "turbo"


def draw_screen(rows: Sequence[screened.ScreenRow], path: Path) -> Path:
    """Draws all structures, the best of each boundary, and what the model's teacher computed, as PNG, coloured by axis.

    Args:
        rows: Of a screen, at least one.
    """
    from matplotlib import colormaps

    axes_shown = sorted({screened.family(row.axis) for row in rows})
    colours = {axis: colormaps[_COLOURS]((place + 0.5) / len(axes_shown)) for place, axis in enumerate(axes_shown)}
    best = screened.best_of_each(rows)
    compared = {"all structures": rows, "best of each boundary": best}
    if len(best) == len(rows):
        del compared["all structures"]
    labelled = [(row, (row.label, row.corrected)) for row in rows if row.label is not None and row.corrected is not None]
    count = len(compared) + bool(labelled)
    with figure_at(path, 4.8 * count, 4.3) as figure:
        panels = list(figure.subplots(1, count, squeeze=False)[0])
        for panel, (title, shown) in zip(panels, compared.items(), strict=False):
            _scatter(panel, shown, [(row.computed, row.predicted) for row in shown], colours)
            correlation = screened.rank_correlation(shown)
            ranks = "" if correlation is None else f", rank correlation {correlation:.3f}"
            panel.set_title(f"{title}: {len(shown)}{ranks}", fontsize=9, color=INK)
            panel.set(xlabel="computed by the cheap calculator [mJ/m²]", ylabel="predicted by the model [mJ/m²]")
        if labelled:
            _scatter(panels[-1], [row for row, _ in labelled], [pair for _, pair in labelled], colours)
            panels[-1].set_title(
                f"computed because they may be lowest, or to calibrate: {len(labelled)}", fontsize=9, color=INK
            )
            panels[-1].set(xlabel="computed by the model's calculator [mJ/m²]", ylabel="predicted and corrected [mJ/m²]")
        panels[0].legend(markerscale=2.5, fontsize=7, ncols=2, title="tilt axis", title_fontsize=7)
    return path


def _scatter(
    panel: Axes, rows: Sequence[screened.ScreenRow], pairs: Sequence[tuple[float, float]], colours: Mapping[str, Any]
) -> None:
    """Draws pairs of energies of rows by axis, and the line on which both are equal."""
    limits = (0.0, 1.04 * float(np.max(pairs)))
    panel.plot(limits, limits, "-", color=FAINT, lw=0.8, zorder=0)
    for axis, colour in colours.items():
        mine = [pair for row, pair in zip(rows, pairs, strict=True) if screened.family(row.axis) == axis]
        style = {"ms": 2.2, "mew": 0, "alpha": 0.8, "color": colour, "label": axis or "not given", "rasterized": True}
        panel.plot([x for x, _ in mine], [y for _, y in mine], "o", **style)
    panel.set(xlim=limits, ylim=limits, aspect="equal")
