"""Boundary energy over the chemical potential of a neutral unit, or of two: a panel for each plane."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tansaku.models.domain.pool import FloatArray
from tansaku.tasks.read.figures.drawing import Drawing
from tansaku.tasks.read.figures.style import FAINT, INK, MAIN, figure_at, in_unit, spread
from tansaku.tasks.read.views import chemical_potential as view
from tansaku.tasks.read.views.campaign import Campaign

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_COLUMNS = 3
_SPACING = 0.05
"""Distance of labels, in units of the height of the axes."""

_COLOURS = "Pastel1"


def draw_png(hulls: Sequence[view.PotentialHull], path: Path) -> Path:
    """Draws the figure as PNG."""
    across = min(len(hulls), _COLUMNS)
    down = -(-len(hulls) // across)
    with figure_at(path, 1.2 + 3.4 * across, 0.6 + 2.8 * down) as figure:
        for axes, hull in zip(figure.subplots(down, across, squeeze=False).flat, hulls, strict=False):
            potentials = hull.potentials
            every = np.array([line.at(potentials) for line in hull.lines])
            won = {line.candidate for line, *_ in hull.winners}
            for line, energies in zip(hull.lines, every, strict=True):
                axes.plot(potentials, energies, "-", color=MAIN if line.candidate in won else FAINT, lw=0.9)
            axes.plot(potentials, every.min(axis=0), "-", color=MAIN, lw=2.4)
            _label_ends(axes, hull, every[:, -1])
            axes.set_title(hull.boundary)
            axes.set_xlabel(f"chemical potential of {hull.unit_name} less its crystal's [eV]")
            axes.set_ylabel(in_unit("boundary energy", hull.unit))
        for axes in figure.axes[len(hulls) :]:
            axes.set_axis_off()
    return path


def _label_ends(axes: Axes, hull: view.PotentialHull, ends: FloatArray) -> None:
    """Writes the excess of each line at its right end, one label below the other."""
    low, high = axes.get_ylim()
    rising = np.argsort(ends)
    for place, at in zip(rising, spread(ends[rising], _SPACING * (high - low)), strict=True):
        words = _excess([hull.lines[place].excess], [hull.unit_name])
        axes.annotate(words, (0.0, float(at)), xytext=(3, 0), textcoords="offset points", va="center", fontsize=7)


def _excess(counts: Sequence[int], names: Sequence[str]) -> str:
    found = ", ".join(f"{count:+d} {name}" for count, name in zip(counts, names, strict=True) if count)
    return found.replace("-", "−") or "stoichiometric"


def draw_maps(maps: Sequence[view.PotentialMap], path: Path) -> Path:
    """Draws maps of the lowest compositions over two potentials as PNG."""
    from matplotlib import colormaps

    across = min(len(maps), _COLUMNS)
    down = -(-len(maps) // across)
    colours = colormaps[_COLOURS](np.arange(colormaps[_COLOURS].N))
    with figure_at(path, 1.2 + 3.4 * across, 0.8 + 3.0 * down) as figure:
        for axes, drawn in zip(figure.subplots(down, across, squeeze=False).flat, maps, strict=False):
            (first, second), winners = drawn.potentials, drawn.winners
            axes.set(xlim=(first[0], 0.0), ylim=(second[0], 0.0), title=drawn.boundary)
            picture = colours[winners % len(colours)]
            extent = (first[0], 0.0, second[0], 0.0)
            axes.imshow(picture, origin="lower", extent=extent, aspect="auto", interpolation="nearest")
            for number in np.unique(winners):
                rows, columns = np.nonzero(winners == number)
                place = float(first[columns].mean()), float(second[rows].mean())
                axes.annotate(
                    _excess(drawn.planes[number].excess, drawn.units), place, ha="center", va="center", color=INK, fontsize=7
                )
            axes.set_xlabel(f"chemical potential of {drawn.units[0]} less its crystal's [eV]")
            axes.set_ylabel(f"of {drawn.units[1]} [eV]")
        for axes in figure.axes[len(maps) :]:
            axes.set_axis_off()
    return path


def drawings(data: Campaign) -> list[Drawing]:
    """The figure of a campaign; empty where boundaries exchange no units, and before the first value."""
    lines, maps = view.potential_hulls(data), view.potential_maps(data)
    if maps:
        return [Drawing("chemical-potentials", view.plane_table(maps), lambda path: draw_maps(maps, path))]
    return [Drawing("chemical-potential", view.table(lines), lambda path: draw_png(lines, path))] if lines else []
