"""The Pareto front in two of its objectives, and the dominated volume against evaluations."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tansaku.models.domain.pool import FloatArray
from tansaku.tasks.read.figures.style import ACCENT, FAINT, MAIN, figure_at, in_unit
from tansaku.tasks.read.views import fronts


def _label(axis: fronts.Axis) -> str:
    return f"{in_unit(axis.name, axis.unit)}, {'lower' if axis.direction == 'minimize' else 'higher'} is better"


def _members(found: fronts.Front) -> FloatArray:
    """The front in its first two objectives, by the first, shape ``(n_members, 2)``."""
    return np.array([[row[axis.name] for axis in found.axes[:2]] for row in found.rows])


def _said(found: fronts.Front) -> str:
    return "dominated hypervolume / that of the true front" if found.known else "dominated hypervolume / box of best values"


def table(found: fronts.Front) -> dict[str, list[float]]:
    """The objectives and the dominated volume by evaluation, as columns."""
    columns = {axis.name: found.values[:, i].tolist() for i, axis in enumerate(found.axes)}
    return columns | {"dominated_volume": found.volume.tolist()}


def draw_png(found: fronts.Front, path: Path) -> Path:
    """Draws the figure as PNG."""
    with figure_at(path, 7.2, 3.2) as figure:
        left, right = figure.subplots(1, 2)
        members = _members(found)
        left.scatter(found.values[:, 0], found.values[:, 1], s=9, color=FAINT, label="evaluated")
        left.plot(members[:, 0], members[:, 1], "o-", color=MAIN, ms=4, lw=1, label="front")
        left.plot(found.axes[0].reference, found.axes[1].reference, "x", color=ACCENT, label="reference")
        left.set_xlabel(_label(found.axes[0]))
        left.set_ylabel(_label(found.axes[1]))
        left.legend()
        right.step(np.arange(1, len(found.volume) + 1), found.volume, where="post", color=MAIN, lw=1.8)
        right.set_ylim(0, 1.02)
        right.set_xlim(left=0)
        right.grid(axis="y", color=FAINT, alpha=0.3, lw=0.5)
        right.set_xlabel("evaluations")
        right.set_ylabel(_said(found))
    return path
