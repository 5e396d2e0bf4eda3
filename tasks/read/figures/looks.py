"""Figure of looks at cheaper levels: their values beside those of full evaluations."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tansaku.models.domain.wording import in_words
from tansaku.tasks.read.figures.style import PALETTE, figure_at, in_unit
from tansaku.tasks.read.screening.rows import spearman
from tansaku.tasks.read.views.levels import LookValues


def _label(found: LookValues, level: str) -> str:
    """Name of a level, with the rank correlation where three candidates or more have both values."""
    here = found.at(level)
    both = ~np.isnan(here.full)
    rank = spearman(here.look[both].tolist(), here.full[both].tolist())
    name = found.named(level)
    return name if rank is None else f"{name}: rank correlation {rank:.2f}, {both.sum()} with both values"


def draw_png(found: LookValues, path: Path) -> Path:
    """Draws the figure as PNG; marks at its lower edge are looks without a full evaluation."""
    with figure_at(path, 4.4, 3.6) as figure:
        axes = figure.subplots()
        for colour, level in zip(PALETTE, found.levels, strict=False):
            here = found.at(level)
            axes.plot(here.look, here.full, "o", color=colour, ms=4, mew=0, label=_label(found, level))
            alone = here.look[np.isnan(here.full)]
            axes.plot(alone, np.full(len(alone), 0.01), "|", color=colour, ms=6, transform=axes.get_xaxis_transform())
        axes.set(xlabel=in_unit("look", found.shared_unit), ylabel=in_unit(in_words(found.quantity), found.unit))
        axes.legend(loc="best")
    return path
