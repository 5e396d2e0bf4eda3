"""Boundary energy against misorientation angle, with Σ labels; a fit with cusps beside symmetric tilts of elements."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tansaku.calculators.structures.coincidence import tilt_axis
from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.pool import FloatArray
from tansaku.models.domain.wording import pretty_unit
from tansaku.tasks.read.figures.read_shockley import CuspFit, cusp_fit
from tansaku.tasks.read.figures.style import ACCENT, FAINT, INK, MAIN, PAPER, figure_at, in_unit, spread
from tansaku.tasks.read.views import results
from tansaku.tasks.read.views.campaign import Campaign

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ONE_ANGLE = 0.01
"""Misorientations that differ by less are the same [degrees]."""

HEXAGONAL_PERIODS = (180.0, 60.0)
"""Misorientations at which a hexagonal crystal is one again: about an axis in the basal plane, and about c [degrees]."""

_LABEL_SPACING = 3.3  # degrees between two vertical labels in the width used here


@dataclass(frozen=True)
class EnergyCurve:
    """Data of the figure, by rising angle; NaN where there is no value.

    Attributes:
        angle: Misorientation [degrees], shape ``(n,)``.
        searched: Best energy of the search [unit], shape ``(n,)``.
        polished: Best energy of the polish [unit], shape ``(n,)``.
        fitted: The fit between cusps there [unit], shape ``(n,)``; NaN without a fit.
        fit: Of symmetric tilts about one axis of an element.
    """

    title: str
    angle: FloatArray
    searched: FloatArray
    polished: FloatArray
    labels: tuple[str, ...]
    evaluations: tuple[int, ...]
    unit: str
    fitted: FloatArray
    fit: CuspFit | None = None

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
    angle = np.array([row["angle"] for row in rows], dtype=float)
    searched = np.array([row["E_gb"] for row in rows], dtype=float)
    polished = np.array([np.nan if (value := row["E_gb_polished"]) is None else value for row in rows], dtype=float)
    crystal = data.spec.space.reference_crystal
    fit = None if crystal is None or "kind" in rows[0] else _fit(rows[0]["axis"], angle, np.fmin(searched, polished))
    return EnergyCurve(
        title=data.record.name,
        angle=angle,
        searched=searched,
        polished=polished,
        labels=tuple(results.system_label(row) for row in rows),
        evaluations=tuple(row["evaluations"] for row in rows),
        unit=data.spec.objective.unit,
        fitted=np.full(len(rows), np.nan) if fit is None else fit.at(angle),
        fit=fit,
    )


def _fit(axis: Sequence[int], angle: FloatArray, energy: FloatArray) -> CuspFit | None:
    """The fit of the tilts about an axis (u v w) of a cubic, or (u v t w) of a hexagonal crystal."""
    if len(axis) == 3:
        about = tilt_axis(axis)
        return cusp_fit(angle, energy, about.period, symmetric=about.symmetric)
    return cusp_fit(angle, energy, HEXAGONAL_PERIODS[axis[3] != 0])


def _label_tops(axes: Axes, curve: EnergyCurve, top: float) -> None:
    for angle, at, energy, label in zip(
        curve.angle, spread(curve.angle, _LABEL_SPACING), curve.curve, curve.labels, strict=True
    ):
        axes.plot([angle, angle, at], [energy, top, 1.03 * top], color=FAINT, lw=0.4, zorder=0, clip_on=False)
        axes.text(at, 1.04 * top, label, rotation=90, ha="center", va="bottom", fontsize=7, color=INK)


def _caption(curve: EnergyCurve, fit: CuspFit) -> str:
    cusps = "".join(f", {curve.labels[place]}" for place in fit.cusps)
    return f"Read-Shockley-Wolf, cusps at 0{cusps}; root mean square deviation {fit.deviation:.0f} {pretty_unit(curve.unit)}"


def draw_png(curve: EnergyCurve, path: Path) -> Path:
    """Draws the figure as PNG."""
    with figure_at(path, 7.2, 4.4) as figure:
        axes = figure.add_subplot()
        top = 1.08 * float(np.nanmax([curve.searched, curve.polished]))
        _label_tops(axes, curve, top)
        if curve.fit is not None:
            x = np.linspace(0.0, curve.angle[-1], 400)
            axes.plot(x, curve.fit.at(x), "-", color=ACCENT, lw=1.2, label=_caption(curve, curve.fit))
        # Boundaries of one misorientation differ in their planes: no line leads from the one to the other.
        elif (np.diff(curve.angle) > ONE_ANGLE).all():
            axes.plot(curve.angle, curve.curve, "-", color=MAIN, lw=1.4)
        axes.plot(curve.angle, curve.searched, "o", mfc=PAPER, mec=ACCENT, ms=5.5, mew=1, label="best in search")
        if np.isfinite(curve.polished).any():
            label = "final relaxation: free translation, no normal stress"
            axes.plot(curve.angle, curve.polished, "o", color=MAIN, ms=3.5, label=label)
        if curve.fit is not None:
            axes.legend(loc="upper left", bbox_to_anchor=(0.0, -0.14), borderaxespad=0.0, fontsize=7)
        elif np.isfinite(curve.polished).any():
            axes.legend(loc="lower left")
        axes.set_xlabel("misorientation angle [°]")
        axes.set_ylabel(in_unit("grain-boundary energy", curve.unit))
        axes.set_ylim(0, top)
    return path
