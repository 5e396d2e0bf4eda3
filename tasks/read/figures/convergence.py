"""Best-so-far gap against evaluations and against cumulative cost."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tansaku.models.domain.pool import FloatArray
from tansaku.models.domain.wording import headed, pretty_unit
from tansaku.tasks.read.figures.style import ACCENT, FAINT, MAIN, figure_at, missing
from tansaku.tasks.read.views.results import Convergence

if TYPE_CHECKING:
    from matplotlib.axes import Axes

NOT_YET = "nothing to draw: not every system has a value yet"
_SMALLEST_SHOWN = 1e-4
"""Share of the largest gap; smaller gaps lie in the linear part of the axis."""
_ALIKE = 0.05
_FEW_DECADES = 4


def _reference(found: Convergence) -> str:
    return "true optimum" if found.known else "final best value"


def gap_marks(gaps: FloatArray) -> tuple[FloatArray, float | None]:
    """Marks of the axis of gaps, from 0 to the first at or above the largest gap, and up to where the axis is linear.

    Args:
        gaps: At least 0, NaN where there is none.

    Returns:
        The marks, and the end of the linear part of a logarithmic axis; None: all of it is linear, as the gaps are alike.
    """
    from matplotlib.ticker import MaxNLocator

    known = gaps[gaps > 0]
    largest = float(known.max()) if len(known) else 1.0
    least = max(float(known.min()), _SMALLEST_SHOWN * largest) if len(known) else 1.0
    if least >= _ALIKE * largest:
        return np.asarray(MaxNLocator(5).tick_values(0.0, largest)), None
    decades = 10.0 ** np.arange(np.floor(np.log10(least)), np.ceil(np.log10(largest)) + 1)
    marks = np.outer(decades, [1.0, 2.0, 5.0] if len(decades) <= _FEW_DECADES else [1.0]).ravel()
    return np.concatenate([[0.0], marks[marks < largest], marks[marks >= largest][:1]]), float(decades[0])


def _set_gap_axis(axes: Axes, gaps: FloatArray) -> None:
    marks, linear = gap_marks(gaps)
    if linear is not None:
        axes.set_yscale("symlog", linthresh=linear, linscale=0.5)
    axes.set_yticks(marks)
    axes.set_yticks([], minor=True)
    axes.set_ylim(0.0, 1.02 * marks[-1])
    axes.yaxis.set_major_formatter("{x:g}")


def draw_png(found: Convergence, path: Path) -> Path:
    """Draws the figure as PNG."""
    with figure_at(path, 7.2, 3.2) as figure:
        left, right = figure.subplots(1, 2, sharey=True)
        numbers = np.arange(1, len(found.cost) + 1)
        share = 100 * found.cost / found.exhaustive_cost
        for axes, x in ((left, numbers), (right, share)):
            axes.step(x, found.worst_gap, where="post", color=ACCENT, lw=1, label="worst system")
            axes.step(x, found.mean_gap, where="post", color=MAIN, lw=1.8, label="mean over systems")
            _set_gap_axis(axes, found.worst_gap)
            if np.isnan(found.worst_gap).all():
                missing(axes, NOT_YET)
            axes.grid(axis="y", color=FAINT, alpha=0.3, lw=0.5)
            axes.set_xlim(left=0)
        unit = pretty_unit(found.unit)
        left.set_ylabel(headed(f"best so far − {_reference(found)}", unit))
        left.set_xlabel("evaluations")
        right.set_xlabel(f"cost [% of that of all candidates, {found.exhaustive_cost:,.0f}]")
        left.legend()
    return path
