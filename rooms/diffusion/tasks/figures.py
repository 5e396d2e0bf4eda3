"""Figures of an energy surface: slices, the path, the barrier against evaluations, diffusion against temperature."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tansaku.diffusion.hops.refinement import Refinement
from tansaku.diffusion.hops.report import pass_label
from tansaku.diffusion.tasks.files import PathReport
from tansaku.diffusion.tasks.surface import CampaignSurface, read_surface
from tansaku.models.domain.certificate import Certificate
from tansaku.models.domain.pool import FloatArray
from tansaku.models.domain.ports import ArtifactStore
from tansaku.tasks.read.figures.drawing import Drawing, drawn
from tansaku.tasks.read.figures.style import ACCENT, FAINT, INK, MAIN, figure_at
from tansaku.tasks.read.views.campaign import Campaign

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_ABOVE = 2.0
"""Slices show energies up to so many times the barrier."""

_AXES = "abc"
_INSIDE = "#d1d5db"
_NAMED = 12
"""Number of refined hops that have their names in the legend."""


def surface_figures(data: Campaign, _artifacts: ArtifactStore) -> list[Drawing]:
    """The surface, the path, the barrier against evaluations, and diffusion, where a bottleneck is searched for."""
    return path_figures(data, PathReport.of(read_surface(data))) if data.spec.objective.goal.gridded else []


def draw_paths(data: Campaign, report: PathReport, folder: Path) -> list[Path]:
    """Draws the figures of a surface as PNG.

    Args:
        folder: Made if it does not exist.
    """
    folder.mkdir(parents=True, exist_ok=True)
    return drawn(path_figures(data, report), folder, data.record.name)


def path_figures(data: Campaign, report: PathReport) -> list[Drawing]:
    """Figures of a surface."""
    cuts, way = surface_slices(report.surface), path_profile(report)
    units = dict.fromkeys(("energy", "deviation"), "eV")
    along = {"distance": "Angstrom"} | units
    made = [Drawing("surface", _points_of(cuts), partial(_draw_slices, cuts), units=units)]
    if way is not None:
        made.append(Drawing("path", way, partial(_draw_profile, way), units=along))
    refined = report.refinement
    if refined is not None and refined.hops:
        made.append(Drawing("bands", _band_points(report, refined), partial(_draw_bands, report, refined), units=along))
    if any(found.estimate is not None for found in data.certificates):
        units = dict.fromkeys(("barrier", "tolerance"), data.certificates[0].unit)
        draw = partial(_draw_certificates, data.certificates)
        made.append(Drawing("barrier", _barriers(data.certificates), draw, units=units))
    if report.diffusion is not None and report.diffusion.coefficients.any():
        found = report.diffusion
        columns = {"temperature": found.temperatures.tolist(), "diffusion": found.coefficients.tolist()}
        units = {"temperature": "K", "diffusion": "cm2/s"}
        made.append(Drawing("arrhenius", columns, partial(_draw_arrhenius, report), units=units))
    return made


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
        vectors: The two cell vectors in the plane, the first along x [Å], shape ``(2, 2)``.
        neck: Fractional coordinates of the bottleneck, shape ``(2,)``; None where there is none.
        level: Energy of the bottleneck [eV].
    """

    axis: int
    height: float
    energy: FloatArray
    deviation: FloatArray
    computed: FloatArray
    top: float
    vectors: FloatArray
    neck: FloatArray | None
    level: float


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
        first, second = np.delete(surface.cell, axis, axis=0)
        along = first / np.linalg.norm(first)
        upwards = float(np.linalg.norm(second - (second @ along) * along))
        cuts.append(
            Slice(
                axis,
                index / shape[axis],
                np.take(energy.reshape(shape), index, axis),
                np.take(deviation.reshape(shape), index, axis),
                np.column_stack([rows / others[0], columns / others[1]]),
                _ABOVE * barrier,
                np.array([[np.linalg.norm(first), 0.0], [second @ along, upwards]]),
                None if easiest is None else np.mod(np.delete(np.array(place), axis), 1.0),
                barrier,
            )
        )
    return cuts


def _points_of(cuts: Sequence[Slice]) -> dict[str, list[Any]]:
    """Grid points of slices as columns: fractional coordinates, energy and deviation; None inside an atom."""
    found: dict[str, list[Any]] = {name: [] for name in (*_AXES, "energy", "deviation")}
    for cut in cuts:
        for place in np.ndindex(cut.energy.shape):
            at = np.insert(np.array(place) / cut.energy.shape, cut.axis, cut.height)
            numbers = (cut.energy[place], cut.deviation[place])
            for name, value in zip(found, (*at, *numbers), strict=True):
                found[name].append(float(value) if np.isfinite(value) else None)
    return found


def _band_points(report: PathReport, refinement: Refinement) -> dict[str, list[Any]]:
    """Images of refined hops as columns."""
    zero = report.network.sites[report.network.minimum].energy
    found: dict[str, list[Any]] = {"hop": [], "distance": [], "energy": []}
    for hop in refinement.hops:
        found["hop"] += [pass_label(report.surface.network.passes[hop.number])] * len(hop.energies)
        found["distance"] += np.asarray(hop.distance).tolist()
        found["energy"] += (np.array(hop.energies) - zero).tolist()
    return found


def _barriers(certificates: Sequence[Certificate]) -> dict[str, list[Any]]:
    """The barrier and how far it may be off, by evaluations of the search."""
    some = [found for found in certificates if found.estimate is not None]
    columns = {"evaluations": "searched", "barrier": "estimate", "tolerance": "tolerance"}
    return {name: [getattr(found, key) for found in some] for name, key in columns.items()}


def _draw_slices(cuts: Sequence[Slice], path: Path) -> Path:
    """Draws expected energies above, deviations below, in the shape of the cell."""
    from matplotlib import colormaps

    widest = max((float(np.nanmax(cut.deviation, initial=0.0)) for cut in cuts), default=0.0)
    with figure_at(path, 7.6, 4.4) as figure:
        panels = figure.subplots(2, len(cuts))
        for column, cut in enumerate(cuts):
            other = [name for number, name in enumerate(_AXES) if number != cut.axis]
            shown = (
                (panels[0, column], cut.energy, cut.top, "viridis", "energy [eV]"),
                (panels[1, column], cut.deviation, max(widest, 1e-3), "magma", "deviation [eV]"),
            )
            for axes, values, top, colours, label in shown:
                corners = [(np.arange(size + 1) - 0.5) / size for size in values.shape]
                middles = [np.arange(size) / size for size in values.shape]
                shades = colormaps[colours].with_extremes(bad=_INSIDE)
                image = axes.pcolormesh(*_plane(cut, *corners), np.ma.masked_invalid(values), cmap=shades, vmin=0.0, vmax=top)
                if cut.neck is not None:
                    axes.contour(*_plane(cut, *middles), cut.energy, levels=[cut.level], colors="white", linewidths=0.7)
                    axes.plot(*(cut.neck @ cut.vectors), "*", color="white", mec=INK, mew=0.6, ms=9)
                axes.plot(*(cut.computed @ cut.vectors).T, ".", color=ACCENT, ms=3)
                axes.set(aspect="equal", xlabel=f"along {other[0]} [Å]", ylabel=f"towards {other[1]} [Å]")
                if column == len(cuts) - 1:
                    figure.colorbar(image, ax=axes, extend="max" if top == cut.top else "neither").set_label(label)
            panels[0, column].set_title(f"{_AXES[cut.axis]} = {cut.height:.3f}", fontsize=9)
        figure.supxlabel("dots: computed; star: bottleneck; white line: its energy; grey: inside an atom", fontsize=7)
    return path


def _plane(cut: Slice, across: FloatArray, up: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Places in a slice's plane [Å] of fractional coordinates along its two vectors, shape ``(len(across), len(up))`` each."""
    places = across[:, None, None] * cut.vectors[0] + up[None, :, None] * cut.vectors[1]
    return places[..., 0], places[..., 1]


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


def _draw_profile(way: PathProfile, path: Path) -> Path:
    """Draws the path as PNG: the line is what is expected, two deviations around it; dots were computed."""
    with figure_at(path, 4.6, 3.2) as figure:
        axes: Axes = figure.subplots()
        spread = 2.0 * np.where(np.isfinite(way.deviation), way.deviation, 0.0)
        axes.fill_between(way.distance, way.energy - spread, way.energy + spread, color=FAINT, alpha=0.4, lw=0)
        axes.plot(way.distance, way.energy, "-", color=MAIN, lw=1.2, label="expected, ± 2 deviations")
        axes.plot(way.computed[:, 0], way.computed[:, 1], "o", color=ACCENT, ms=4, label="computed")
        axes.axhline(way.barrier, color=INK, lw=0.6, ls=":", label=f"barrier {way.barrier:.3f} eV")
        figure.legend(loc="outside upper center", ncols=3, fontsize=7)
        axes.set_xlabel("distance along the path [Å]")
        axes.set_ylabel("energy above the minimum [eV]")
    return path


def _draw_bands(report: PathReport, refinement: Refinement, path: Path) -> Path:
    """Draws the energy along refined hops above the lowest site; dots are what was computed, the highest the saddle point."""
    zero = report.network.sites[report.network.minimum].energy
    with figure_at(path, 4.6, 3.2) as figure:
        axes: Axes = figure.subplots()
        for place, hop in enumerate(refinement.hops):
            label = pass_label(report.surface.network.passes[hop.number]) if place < _NAMED else None
            axes.plot(hop.distance, np.array(hop.energies) - zero, "o-", ms=4, lw=1.0, label=label)
        figure.legend(loc="outside upper center", ncols=4, fontsize=7)
        axes.set_xlabel(f"distance of the ion along the hop [Å]; method: {refinement.hops[0].method}")
        axes.set_ylabel("energy above the minimum [eV]")
    return path


def _draw_certificates(certificates: Sequence[Certificate], path: Path) -> Path:
    """Draws the barrier and how far it may be off, against the evaluations of the search."""
    rows = [(found.searched, found.estimate, found.tolerance) for found in certificates if found.estimate is not None]
    searched = [row[0] for row in rows]
    middle = np.array([row[1] for row in rows], dtype=np.float64)
    width = np.array([np.nan if row[2] is None else row[2] for row in rows], dtype=np.float64)
    with figure_at(path, 4.6, 3.2) as figure:
        axes: Axes = figure.subplots()
        bars: Any = np.where(np.isfinite(width), width, 0.0)
        axes.errorbar(searched, middle, yerr=bars, fmt="o-", color=MAIN, ecolor=FAINT, ms=4, lw=1.0, capsize=3)
        axes.set_xlabel("evaluations")
        axes.set_ylabel(f"barrier, 95 % interval [{certificates[0].unit}]")
    return path


def _draw_arrhenius(report: PathReport, path: Path) -> Path:
    """Draws diffusion against inverse temperature."""
    found = report.diffusion
    if found is None or not found.coefficients.any():
        raise ValueError("an ion that does not leave its site has no diffusion coefficient")
    some = found.coefficients > 0.0
    with figure_at(path, 4.2, 3.2) as figure:
        axes: Axes = figure.subplots()
        axes.semilogy(1000.0 / found.temperatures[some], found.coefficients[some], "o-", color=MAIN, ms=4, lw=1.0)
        axes.set_xlabel("1000 K / temperature")
        axes.set_ylabel("diffusion coefficient,\nmean of all directions [cm²/s]")
        above = axes.secondary_xaxis("top")
        above.set_xticks(1000.0 / found.temperatures, [f"{kelvin:g}" for kelvin in found.temperatures], fontsize=7)
        above.set_xlabel(f"temperature [K]; activation energy {found.energy:.3f} eV", fontsize=8)
    return path
