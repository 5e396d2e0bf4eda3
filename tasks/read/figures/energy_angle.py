"""Boundary energy against misorientation angle, with Σ labels."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.pool import FloatArray
from tansaku.models.domain.wording import headed, pretty_unit
from tansaku.tasks.read.figures.style import ACCENT, FAINT, INK, MAIN, PAPER, figure_at
from tansaku.tasks.read.views import results
from tansaku.tasks.read.views.campaign import Campaign

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ONE_ANGLE = 0.01
"""Misorientations that differ by less are the same [degrees]."""

_LABEL_SPACING = 3.3  # degrees between two vertical labels in the width used here


@dataclass(frozen=True)
class EnergyCurve:
    """Data of the figure, by rising angle; NaN where there is no value.

    Attributes:
        angle: Misorientation [degrees], shape ``(n,)``.
        searched: Best energy of the search [unit], shape ``(n,)``.
        polished: Best energy of the polish [unit], shape ``(n,)``.
    """

    title: str
    angle: FloatArray
    searched: FloatArray
    polished: FloatArray
    labels: tuple[str, ...]
    evaluations: tuple[int, ...]
    unit: str

    @property
    def curve(self) -> FloatArray:
        """The energies the line goes through: the lowest found, by the search or by the polish."""
        return np.asarray(np.fmin(self.searched, self.polished))


def energy_curve(data: Campaign) -> EnergyCurve:
    """Collects the boundaries that have a value.

    Raises:
        ConfigurationError: The campaign has no boundary with a value.
    """
    rows = sorted((row for row in results.system_rows(data) if row["E_gb"] is not None), key=lambda row: row["angle"])
    if not rows:
        raise ConfigurationError(f"campaign {data.record.name!r} has no boundary energy yet")
    return EnergyCurve(
        title=data.record.name,
        angle=np.array([row["angle"] for row in rows], dtype=float),
        searched=np.array([row["E_gb"] for row in rows], dtype=float),
        polished=np.array([np.nan if (value := row["E_gb_polished"]) is None else value for row in rows], dtype=float),
        labels=tuple(results.system_label(row) for row in rows),
        evaluations=tuple(row["evaluations"] for row in rows),
        unit=data.spec.objective.unit,
    )


def spread(positions: FloatArray, spacing: float) -> FloatArray:
    """Moves rising positions apart as little as possible (least squares) until neighbours are ``spacing`` apart.

    Args:
        positions: Rising, shape ``(n,)``.
        spacing: Least distance, same unit.
    """
    from scipy.optimize import isotonic_regression

    steps = spacing * np.arange(len(positions))
    moved: FloatArray = np.asarray(isotonic_regression(positions - steps).x) + steps
    return moved


def _label_tops(axes: Axes, curve: EnergyCurve, top: float) -> None:
    for angle, at, energy, label in zip(
        curve.angle, spread(curve.angle, _LABEL_SPACING), curve.curve, curve.labels, strict=True
    ):
        axes.plot([angle, angle, at], [energy, top, 1.03 * top], color=FAINT, lw=0.4, zorder=0, clip_on=False)
        axes.text(at, 1.04 * top, label, rotation=90, ha="center", va="bottom", fontsize=7, color=INK)


def draw_png(curve: EnergyCurve, path: Path) -> Path:
    """Draws the figure as PNG."""
    with figure_at(path, 7.2, 4.4) as figure:
        axes = figure.add_subplot()
        top = 1.08 * float(np.nanmax([curve.searched, curve.polished]))
        _label_tops(axes, curve, top)
        # Boundaries of one misorientation differ in their planes: no line leads from the one to the other.
        if (np.diff(curve.angle) > ONE_ANGLE).all():
            axes.plot(curve.angle, curve.curve, "-", color=MAIN, lw=1.4)
        axes.plot(curve.angle, curve.searched, "o", mfc=PAPER, mec=ACCENT, ms=5.5, mew=1, label="best in search")
        if np.isfinite(curve.polished).any():
            label = "final relaxation: free translation, no normal stress"
            axes.plot(curve.angle, curve.polished, "o", color=MAIN, ms=3.5, label=label)
            axes.legend(loc="lower left")
        axes.set_xlabel("misorientation angle [°]")
        axes.set_ylabel(headed("grain-boundary energy", pretty_unit(curve.unit)))
        axes.set_ylim(0, top)
    return path
