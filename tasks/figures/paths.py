"""Figures of an energy surface: slices, the path, the barrier against evaluations, diffusion against temperature."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tansaku.models.domain.certificate import Certificate
from tansaku.models.domain.pool import FloatArray
from tansaku.tasks.figures.html import plain, write_html
from tansaku.tasks.figures.style import ACCENT, FAINT, INK, MAIN, drawing, save_png
from tansaku.tasks.paths.files import PathReport
from tansaku.tasks.paths.surface import CampaignSurface
from tansaku.tasks.views.results import CampaignData

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_ABOVE = 2.0
"""Slices show energies up to so many times the barrier."""

_AXES = "abc"


def draw_paths(data: CampaignData, report: PathReport, folder: Path) -> list[Path]:
    """Draws the figures of a surface as PNG; surface and path also as interactive HTML.

    Args:
        data: The campaign.
        report: Of its surface.
        folder: Made if it does not exist.
    """
    folder.mkdir(parents=True, exist_ok=True)
    name, surface = data.record.name, report.surface
    cuts = surface_slices(surface)
    written = [
        draw_slices(cuts, folder / f"{name}-surface.png"),
        draw_surface_html(surface, folder / f"{name}-surface.html", name),
    ]
    way = path_profile(report)
    if way is not None:
        written += [draw_profile(way, folder / f"{name}-path.png"), draw_profile_html(way, folder / f"{name}-path.html", name)]
    if any(found.estimate is not None for found in data.certificates):
        written.append(draw_certificates(data.certificates, folder / f"{name}-barrier.png"))
    if report.diffusion is not None:
        written.append(draw_arrhenius(report, folder / f"{name}-arrhenius.png"))
    return written


@dataclass(frozen=True)
class Slice:
    """A plane of grid points through the bottleneck.

    Attributes:
        axis: Number of the cell vector that leads out of the plane.
        height: Fractional coordinate along it.
        energy: Above the lowest site [eV], NaN where nothing is known, shape ``(n, m)``.
        deviation: [eV], same shape.
        computed: Fractional coordinates of computed points, shape ``(k, 2)``.
        top: Largest energy that is shown [eV].
    """

    axis: int
    height: float
    energy: FloatArray
    deviation: FloatArray
    computed: FloatArray
    top: float


def surface_slices(surface: CampaignSurface) -> list[Slice]:
    """Planes perpendicular to each reciprocal vector, through the bottleneck, or through the minimum where there is none."""
    network, shape = surface.network, surface.grid.shape
    lowest = network.sites[network.minimum]
    easiest = network.percolations[surface.goal.dimensions - 1]
    place = lowest.fraction if easiest is None else network.passes[easiest.limiting].fraction
    known = surface.grid.members >= 0
    members = surface.grid.members
    energy = np.where(known & np.isfinite(surface.values[members]), surface.values[members] - lowest.energy, np.nan)
    deviation = np.where(known & np.isfinite(surface.deviations[members]), surface.deviations[members], np.nan)
    computed = known & surface.computed[members]
    barrier = 1.0 if easiest is None else max(easiest.level - lowest.energy, 0.05)
    cuts = []
    for axis in range(3):
        index = round(place[axis] * shape[axis]) % shape[axis]
        rows, columns = np.nonzero(np.take(computed.reshape(shape), index, axis))
        others = [size for number, size in enumerate(shape) if number != axis]
        cuts.append(
            Slice(
                axis,
                index / shape[axis],
                np.take(energy.reshape(shape), index, axis),
                np.take(deviation.reshape(shape), index, axis),
                np.column_stack([rows / others[0], columns / others[1]]),
                _ABOVE * barrier,
            )
        )
    return cuts


def draw_slices(cuts: Sequence[Slice], path: Path) -> Path:
    """Draws expected energies above, deviations below; dots are computed points."""
    from matplotlib.figure import Figure

    with drawing():
        figure = Figure(figsize=(7.2, 4.6), layout="constrained")
        panels = figure.subplots(2, len(cuts))
        for column, cut in enumerate(cuts):
            other = [name for number, name in enumerate(_AXES) if number != cut.axis]
            shown = (
                (panels[0, column], cut.energy, cut.top, "viridis"),
                (panels[1, column], cut.deviation, None, "magma"),
            )
            for axes, values, top, colours in shown:
                image = axes.imshow(
                    values.T, origin="lower", extent=(0, 1, 0, 1), cmap=colours, vmin=0.0, vmax=top, aspect="equal"
                )
                axes.plot(cut.computed[:, 0], cut.computed[:, 1], ".", color=ACCENT, ms=3)
                axes.set(xlim=(0, 1), ylim=(0, 1), xlabel=other[0], ylabel=other[1])
                if column == len(cuts) - 1:
                    label = "energy [eV]" if top is not None else "deviation [eV]"
                    figure.colorbar(image, ax=axes, extend="max" if top is not None else "neither").set_label(label)
            panels[0, column].set_title(f"{_AXES[cut.axis]} = {cut.height:.3f}", fontsize=9)
        return save_png(figure, path)


def draw_surface_html(surface: CampaignSurface, path: Path, name: str) -> Path:
    """Draws the surface of equal energy at the bottleneck, the path and the computed points, in fractional coordinates."""
    import plotly.graph_objects as go

    shape, members = surface.grid.shape, surface.grid.members
    lowest = surface.network.sites[surface.network.minimum].energy
    easiest = surface.network.percolations[surface.goal.dimensions - 1]
    level = (easiest.level if easiest is not None else lowest + 0.5) - lowest
    energies = np.where(members >= 0, surface.values[members], np.inf) - lowest
    places = np.indices(shape).reshape(3, -1) / np.array(shape)[:, None]
    figure = go.Figure()
    figure.add_isosurface(
        x=places[0],
        y=places[1],
        z=places[2],
        value=np.minimum(energies, 4.0 * max(level, 0.05)),
        isomin=level,
        isomax=level,
        surface={"count": 1},
        opacity=0.35,
        colorscale=[[0, MAIN], [1, MAIN]],
        showscale=False,
        hoverinfo="skip",
    )
    known = (members >= 0) & surface.computed[members]
    figure.add_scatter3d(
        x=places[0][known],
        y=places[1][known],
        z=places[2][known],
        mode="markers",
        marker={"size": 3, "color": INK},
        text=[f"{value:.3f} eV" for value in energies[known]],
        hovertemplate="%{text}<extra></extra>",
    )
    way = surface.path(surface.goal.dimensions)
    if way is not None:
        x, y, z = way.fractions.T
        figure.add_scatter3d(x=x, y=y, z=z, mode="lines", line={"color": ACCENT, "width": 6}, hoverinfo="skip")
    figure.update_layout(
        template="simple_white", title=plain(f"{name}: points up to {level:.3f} eV, path, computed points"), showlegend=False
    )
    return write_html(figure, path, f"{name}: energy surface")


@dataclass(frozen=True)
class PathProfile:
    """Energy along the path over the grid.

    Attributes:
        distance: [Å], shape ``(n,)``.
        energy: Above the lowest site [eV], same shape.
        deviation: [eV], same shape.
        computed: Distance and energy of computed points, shape ``(k, 2)``.
        barrier: [eV].
    """

    distance: FloatArray
    energy: FloatArray
    deviation: FloatArray
    computed: FloatArray
    barrier: float


def path_profile(report: PathReport) -> PathProfile | None:
    """The profile of the goal's path; None where there is none."""
    surface = report.surface
    way = surface.path(surface.goal.dimensions)
    if way is None:
        return None
    energy = way.energies - surface.network.sites[surface.network.minimum].energy
    distance, known = way.lengths(surface.cell), surface.computed[way.candidates]
    return PathProfile(
        distance,
        energy,
        surface.deviations[way.candidates],
        np.column_stack([distance[known], energy[known]]),
        float(energy.max()),
    )


def draw_profile(way: PathProfile, path: Path) -> Path:
    """Draws the path as PNG: the line is what is expected, two deviations around it; dots were computed."""
    from matplotlib.figure import Figure

    with drawing():
        figure = Figure(figsize=(4.6, 3.2), layout="constrained")
        axes: Axes = figure.subplots()
        spread = 2.0 * np.where(np.isfinite(way.deviation), way.deviation, 0.0)
        axes.fill_between(way.distance, way.energy - spread, way.energy + spread, color=FAINT, alpha=0.4, lw=0)
        axes.plot(way.distance, way.energy, "-", color=MAIN, lw=1.2)
        axes.plot(way.computed[:, 0], way.computed[:, 1], "o", color=ACCENT, ms=4)
        axes.axhline(way.barrier, color=INK, lw=0.6, ls=":")
        axes.set_xlabel("distance along the path [Å]")
        axes.set_ylabel("energy above the minimum [eV]")
        return save_png(figure, path)


def draw_profile_html(way: PathProfile, path: Path, name: str) -> Path:
    """Draws the path as an interactive page."""
    import plotly.graph_objects as go

    figure = go.Figure()
    figure.add_scatter(x=way.distance, y=way.energy, mode="lines", line={"color": MAIN}, name="expected")
    figure.add_scatter(
        x=way.computed[:, 0], y=way.computed[:, 1], mode="markers", marker={"color": ACCENT, "size": 7}, name="computed"
    )
    figure.update_xaxes(title_text="distance along the path [Å]")
    figure.update_yaxes(title_text="energy above the minimum [eV]")
    figure.update_layout(template="simple_white", title=plain(f"{name}: barrier {way.barrier:.3f} eV"))
    return write_html(figure, path, f"{name}: path")


def draw_certificates(certificates: Sequence[Certificate], path: Path) -> Path:
    """Draws the barrier and how far it may be off, against the evaluations of the search."""
    from matplotlib.figure import Figure

    rows = [(found.searched, found.estimate, found.tolerance) for found in certificates if found.estimate is not None]
    searched = [row[0] for row in rows]
    middle = np.array([row[1] for row in rows], dtype=np.float64)
    width = np.array([np.nan if row[2] is None else row[2] for row in rows], dtype=np.float64)
    with drawing():
        figure = Figure(figsize=(4.6, 3.2), layout="constrained")
        axes: Axes = figure.subplots()
        bars: Any = np.where(np.isfinite(width), width, 0.0)
        axes.errorbar(searched, middle, yerr=bars, fmt="o-", color=MAIN, ecolor=FAINT, ms=4, lw=1.0, capsize=3)
        axes.set_xlabel("evaluations")
        axes.set_ylabel(f"barrier, 95 % interval [{certificates[0].unit}]")
        return save_png(figure, path)


def draw_arrhenius(report: PathReport, path: Path) -> Path:
    """Draws diffusion against inverse temperature."""
    from matplotlib.figure import Figure

    found = report.diffusion
    if found is None:
        raise ValueError("an ion that does not get away has no diffusion coefficient")
    with drawing():
        figure = Figure(figsize=(4.2, 3.2), layout="constrained")
        axes: Axes = figure.subplots()
        axes.semilogy(1000.0 / found.temperatures, found.coefficients, "o-", color=MAIN, ms=4, lw=1.0)
        axes.set_xlabel("1000 K / temperature")
        axes.set_ylabel("diffusion coefficient [cm²/s]")
        axes.set_title(f"activation energy {found.energy:.3f} eV", fontsize=9)
        return save_png(figure, path)
