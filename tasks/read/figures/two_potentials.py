"""Which composition of a boundary is the lowest at which chemical potentials of two units: a map for each plane."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tansaku.tasks.read.figures.drawing import Drawing
from tansaku.tasks.read.figures.style import INK, figure_at
from tansaku.tasks.read.views import two_potentials as view
from tansaku.tasks.read.views.campaign import Campaign

_COLUMNS = 3
_COLOURS = "Pastel1"


def draw_png(maps: Sequence[view.PotentialMap], path: Path) -> Path:
    """Draws the figure as PNG."""
    from matplotlib import colormaps

    across = min(len(maps), _COLUMNS)
    down = -(-len(maps) // across)
    colours = colormaps[_COLOURS].colors  # type: ignore[attr-defined]
    with figure_at(path, 1.2 + 3.4 * across, 0.8 + 3.0 * down) as figure:
        for axes, drawn in zip(figure.subplots(down, across, squeeze=False).flat, maps, strict=False):
            (first, second), winners = drawn.potentials, drawn.winners
            axes.set(xlim=(first[0], 0.0), ylim=(second[0], 0.0), title=drawn.boundary)
            picture = np.array(colours)[winners % len(colours)]
            extent = (first[0], 0.0, second[0], 0.0)
            axes.imshow(picture, origin="lower", extent=extent, aspect="auto", interpolation="nearest")
            for number in np.unique(winners):
                rows, columns = np.nonzero(winners == number)
                place = float(first[columns].mean()), float(second[rows].mean())
                words = ", ".join(
                    f"{count:+d} {name}" for name, count in zip(drawn.units, drawn.planes[number].excess, strict=True)
                )
                axes.annotate(words, place, ha="center", va="center", color=INK, fontsize=7)
            axes.set_xlabel(f"chemical potential of {drawn.units[0]} less its crystal's [eV]")
            axes.set_ylabel(f"of {drawn.units[1]} [eV]")
        for axes in figure.axes[len(maps) :]:
            axes.set_axis_off()
    return path


def drawings(data: Campaign) -> list[Drawing]:
    """The figure of a campaign; empty where boundaries do not exchange two units, and before the first value."""
    found = view.potential_maps(data)
    return [Drawing("chemical-potentials", view.table(found), lambda path: draw_png(found, path))] if found else []
