"""Figure of values that a search found: a line for each campaign, a point for each evaluation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from tansaku.tasks.read.figures.style import FAINT, MAIN, figure_at

_LINE = 0.3
"""Height of a line [inches]."""


def draw_lines(values: Mapping[str, Sequence[float]], title: str, path: Path) -> Path:
    """Draws values by campaign.

    Args:
        values: Of each campaign.
        title: Of their axis, with the unit.
        path: PNG or SVG.
    """
    with figure_at(path, 6.4, 0.7 + _LINE * max(len(values), 2)) as figure:
        axes = figure.subplots()
        for place, found in enumerate(values.values()):
            axes.axhline(place, color=FAINT, lw=0.5, zorder=0)
            axes.plot(found, [place] * len(found), "o", color=MAIN, alpha=0.5, ms=4, mew=0)
        axes.set_yticks(range(len(values)), list(values), parse_math=False)
        axes.set_ylim(len(values) - 0.5, -0.5)
        axes.set_xlabel(title, parse_math=False)
    return path
