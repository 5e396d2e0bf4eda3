"""Energies of twist boundaries about one axis, and of the inclinations of one misorientation, with a fit beside.

The fit is the function of Read, Shockley and Wolf from a cusp at 0 to the highest energy at x_m. A twist has γ0 = 0, and x_m by
the symmetry of its axis; inclinations begin at the lowest energy and end at the largest inclination.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tansaku.models.domain.pool import FloatArray
from tansaku.models.domain.records import JsonDict
from tansaku.tasks.read.figures import read_shockley
from tansaku.tasks.read.figures.style import ACCENT, MAIN, figure_at, in_unit
from tansaku.tasks.read.views import results
from tansaku.tasks.read.views.campaign import Campaign

FEWEST = 3
"""Boundaries from which there is a figure."""

FEWEST_FITTED = 4
"""Boundaries from which two numbers are fitted."""

_SAME = 1e-6

_HIGHEST = {(0, 0, 1): 45.0, (0, 1, 1): 90.0, (1, 1, 1): 60.0}
"""Largest twist that symmetry leaves, by the axis of a cubic crystal [degrees]."""


@dataclass(frozen=True)
class EnergyFamily:
    """Data of a figure, by rising angle.

    Attributes:
        stem: Part of the names of its files.
        angle: Of the twist, or of the boundary plane from that of the lowest energy about the axis [degrees], shape ``(n,)``.
        energy: The lowest found [unit], shape ``(n,)``.
        fitted: The fit there [unit], shape ``(n,)``; NaN where there are too few boundaries.
        highest: Angle x_m of the fit [degrees].
        numbers: γ0, A and B of the fit [unit].
    """

    stem: str
    title: str
    quantity: str
    angle: FloatArray
    energy: FloatArray
    fitted: FloatArray
    labels: tuple[str, ...]
    highest: float
    numbers: tuple[float, float, float]
    unit: str

    @property
    def column(self) -> str:
        """Heading of the angles in a table."""
        return self.quantity.replace(" ", "_")

    @property
    def line(self) -> tuple[FloatArray, FloatArray]:
        """Points of the fitted line."""
        x = np.linspace(min(0.0, float(self.angle.min())), float(self.angle.max()), 200)
        return x, _fit_at(x, self.highest, self.numbers)


def _fit_at(angle: FloatArray, highest: float, numbers: tuple[float, float, float]) -> FloatArray:
    return np.asarray(numbers[0] + read_shockley.columns(angle, highest) @ np.array(numbers[1:]))


def energy_families(data: Campaign) -> list[EnergyFamily]:
    """The families of a cubic crystal's boundaries that have values: twists by their axis, inclinations by misorientation."""
    crystal = data.spec.space.reference_crystal
    rows = [row for row in results.system_rows(data) if row.get("kind") is not None and row["E_gb"] is not None]
    if crystal is None or crystal.axial:
        return []
    groups: dict[tuple[str, str], list[JsonDict]] = {}
    for row in rows:
        shown = "[" + " ".join(map(str, row["axis"])) + "]"
        name = shown if row["kind"] == "twist" else f"Σ{row['sigma']} {shown} {row['angle']:.1f}°"
        groups.setdefault((row["kind"], name), []).append(row)
    unit, made = data.spec.objective.unit, []
    for (kind, name), own in groups.items():
        if len(own) < FEWEST or kind == "mixed":
            continue
        family = _twists(name, own, unit) if kind == "twist" else _inclinations(name, own, unit)
        made.append(family)
    return made


def _energy(row: JsonDict) -> float:
    polished = row["E_gb_polished"]
    return float(row["E_gb"] if polished is None else min(polished, row["E_gb"]))


def _twists(name: str, rows: Sequence[JsonDict], unit: str) -> EnergyFamily:
    """Twists about an axis: beyond the largest angle that symmetry leaves they are the same ones again."""
    axis = sorted(abs(index) for index in rows[0]["axis"])
    highest = _HIGHEST.get((axis[0], axis[1], axis[2]), 90.0)
    return _family(f"Twist about {name}", "twist angle", [float(row["angle"]) for row in rows], rows, (highest, 0.0, unit))


def _inclinations(name: str, rows: Sequence[JsonDict], unit: str) -> EnergyFamily:
    """Tilts of one misorientation, by the angle about the axis from the plane of the lowest energy to the boundary's."""
    axis = np.array(rows[0]["axis"], dtype=np.float64)
    first = np.array(min(rows, key=_energy)["plane"], dtype=np.float64)
    angles = []
    for row in rows:
        plane = np.array(row["plane"], dtype=np.float64)
        across = float(np.cross(first, plane) @ axis / np.linalg.norm(axis))
        angle = float(np.degrees(np.arctan2(across, first @ plane)))
        # A plane and its opposite are the same.
        angles.append(angle - 180.0 * round(angle / 180.0) if abs(abs(angle) - 90.0) > _SAME else 90.0)
    if sum(angles) < 0:
        angles = [-angle if abs(angle - 90.0) > _SAME else angle for angle in angles]
    lowest = _energy(min(rows, key=_energy))
    largest = max(abs(angle) for angle in angles)
    return _family(f"Inclinations of {name}", "inclination", angles, rows, (largest, lowest, unit))


def _family(
    title: str, quantity: str, angles: Sequence[float], rows: Sequence[JsonDict], known: tuple[float, float, str]
) -> EnergyFamily:
    """Sorts a family and fits it.

    Args:
        known: Angle x_m, γ0 and the unit.
    """
    highest, lowest, unit = known
    order = np.argsort(angles, kind="stable")
    angle, energy = np.array(angles)[order], np.array([_energy(row) for row in rows])[order]
    enough = len(rows) >= FEWEST_FITTED
    numbers = read_shockley.fit(angle, energy, highest, lowest) if enough else (np.nan, np.nan, np.nan)
    words = title.replace("°", "").replace("Σ", "s").replace("[", "").replace("]", "").lower().split()
    return EnergyFamily(
        stem="energy-" + "-".join(word.replace("-", "m").replace(".", "_") for word in words),
        title=title,
        quantity=quantity,
        angle=angle,
        energy=energy,
        fitted=_fit_at(angle, highest, numbers),
        labels=tuple(results.system_label(rows[i]) for i in order),
        highest=highest,
        numbers=numbers,
        unit=unit,
    )


def table(family: EnergyFamily) -> dict[str, Sequence[object]]:
    """The figure's data as columns."""
    return {
        "boundary": family.labels,
        family.column: family.angle.tolist(),
        "energy": family.energy.tolist(),
        "read_shockley_wolf": family.fitted.tolist(),
    }


def _caption(family: EnergyFamily) -> str:
    lowest, amplitude, curved = family.numbers
    return f"Read-Shockley-Wolf: {lowest:.0f} + {amplitude:.0f} s - {curved:.0f} s ln s, s = sin(90° x/{family.highest:.1f}°)"


def draw_png(family: EnergyFamily, path: Path) -> Path:
    """Draws the figure as PNG."""
    with figure_at(path, 6.4, 4.2) as figure:
        axes = figure.add_subplot()
        if np.isfinite(family.fitted).any():
            axes.plot(*family.line, "-", color=ACCENT, lw=1.2, label=_caption(family))
        axes.plot(family.angle, family.energy, "o", color=MAIN, ms=4.5, label="lowest found")
        axes.set_title(family.title)
        axes.set_xlabel(f"{family.quantity} [°]")
        axes.set_ylabel(in_unit("grain-boundary energy", family.unit))
        axes.set_ylim(0, 1.25 * float(family.energy.max()))
        axes.legend(loc="upper left")
    return path
