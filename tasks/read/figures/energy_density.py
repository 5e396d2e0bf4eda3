"""Lowest boundary energy against the fraction of a plane."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tansaku.models.domain.records import JsonDict
from tansaku.tasks.read.figures.style import figure_at, in_unit
from tansaku.tasks.read.views.campaign import Campaign
from tansaku.tasks.read.views.densities import density_rows
from tansaku.tasks.read.views.system_names import system_label

_FRACTION = "fraction of a plane n"


@dataclass(frozen=True)
class DensityCurve:
    """Data of the figure for a boundary: rows of :func:`density_rows` by rising fraction."""

    label: str
    rows: Sequence[JsonDict]

    @property
    def fractions(self) -> list[float]:
        """Fractions of a plane."""
        return [float(row["n"]) for row in self.rows]

    @property
    def energies(self) -> list[float]:
        """Lowest energies [objective's unit]."""
        return [float(row["E_gb"]) for row in self.rows]


def density_curves(data: Campaign) -> list[DensityCurve]:
    """The boundaries that have a value."""
    rows = density_rows(data)
    found = [(item, [row for row in rows if row["system"] == item["system"]]) for item in data.systems]
    return [DensityCurve(system_label(item), own) for item, own in found if own]


def table(curves: Sequence[DensityCurve]) -> dict[str, list[object]]:
    """A row for each boundary and fraction, as columns."""
    rows = [(curve.label, row["n"], row["E_gb"], row["candidate"]) for curve in curves for row in curve.rows]
    columns = zip(*rows, strict=True) if rows else [()] * 4
    return dict(zip(("boundary", "n", "energy", "candidate"), map(list, columns), strict=True))


def draw_png(curves: Sequence[DensityCurve], path: Path, unit: str) -> Path:
    """Draws the figure as PNG."""
    from matplotlib import colormaps

    with figure_at(path, 6.4, 4.0) as figure:
        axes = figure.add_subplot()
        for number, curve in enumerate(curves):
            colour = colormaps["turbo"]((number + 0.5) / len(curves))
            axes.plot(curve.fractions, curve.energies, "o-", ms=4.5, lw=1.2, color=colour, label=curve.label)
        axes.set_xlim(-0.03, 1.0)
        axes.set_xlabel(_FRACTION)
        axes.set_ylabel(in_unit("lowest grain-boundary energy", unit))
        figure.legend(loc="outside right upper", fontsize=7)
    return path
