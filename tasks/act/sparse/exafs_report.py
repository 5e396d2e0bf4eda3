"""The report of a search for shells: JSON, CSV, figures, and a page that holds them."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.spreadsheet import csv_line
from tansaku.tasks.act.sparse.exafs import FoundShells
from tansaku.tasks.act.sparse.page import figure_of, page_of, table_of
from tansaku.tasks.act.sparse.panels import save_panels
from tansaku.tasks.node.jobs.spool_files import write_json
from tansaku.tasks.read.figures.style import ACCENT, FAINT, INK, MAIN

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_LARGEST = 1.0
"""Size that a fine structure in the range of k does not reach."""

_COLUMNS = (
    "element", "distance", "distance_error", "displacement", "displacement_error", "atoms", "atoms_error"
)  # fmt: skip


def shell_rows(found: FoundShells) -> list[JsonDict]:
    """The shells of the most probable number, one row each."""
    fit, reduction = found.best, found.settings.reduction
    rows = []
    for place in range(len(fit.atoms)):
        values = [
            fit.shells.distance[place], fit.errors[place, 0], fit.shells.variance[place], fit.errors[place, 1],
            fit.atoms[place] / reduction, fit.errors[place, 2] / reduction,
        ]  # fmt: skip
        element = found.scatterers[fit.shells.element[place]].element
        rows.append(dict(zip(_COLUMNS, [element, *(float(value) for value in values)], strict=True)))
    return rows


def multiple_scattering_from(found: FoundShells) -> float | None:
    """Half the length of the path over two atoms of the first shell that touch each other [Å]; None: there is no shell.

    A wave that is scattered by two atoms shows at half the length of its way: in a close-packed metal from here on.
    """
    distances = found.best.shells.distance
    return float(1.5 * distances.min()) if len(distances) else None


def notes(found: FoundShells) -> list[str]:
    """Returns notes for readers of the table, a sentence each."""
    fit, bounds = found.best, found.settings.bounds
    start, said = multiple_scattering_from(found), []
    place = int(np.argmax(np.abs(found.signal.chi)))
    if abs(found.signal.chi[place]) > _LARGEST:
        said.append(
            f"chi is {found.signal.chi[place]:.3g} at {found.signal.k[place]:.2f} 1/Å, expected below {_LARGEST:g}: perhaps "
            "the file has chi multiplied by a power of k; then numbers of atoms, and of shells, are wrong"
        )
    if start is not None and float(fit.shells.distance.max()) > start:
        said.append(
            f"the model has single scattering only: shells beyond {start:.2f} Å (1.5 times the first distance) may be made by "
            "multiple scattering, and are in a metal"
        )
    for distance, variance in zip(fit.shells.distance, fit.shells.variance, strict=True):
        at = [bound for bound in bounds.variance if abs(variance - bound) < 1e-3 * bound]
        if at:
            said.append(f"the displacement of the shell at {distance:.2f} Å is at its bound {at[0]:g} Å²: distrust its atoms")
    return said


def report_data(found: FoundShells, name: str, origin: JsonDict) -> JsonDict:
    """Everything the report shows, as plain data."""
    choice, bounds, fit = found.signal.choice, found.settings.bounds, found.best
    return {
        "schema_version": 1,
        "spectrum": name,
        "data": origin,
        "points": len(found.signal.k),
        "absorber": found.scatterers[0].paths[0].absorber,
        "feff": [path.name for scatterer in found.scatterers for path in scatterer.paths],
        "k_range": [choice.low, found.signal.high],
        "k_weight": choice.power,
        "sill": choice.sill,
        "background_distance": choice.background,
        "distances": list(bounds.distance),
        "displacements": list(bounds.variance),
        "energy_shifts": list(bounds.energy),
        "s02": found.settings.reduction,
        "number_of_shells": len(fit.atoms),
        "number_posterior": found.posterior.tolist(),
        "energy_shift": fit.energy,
        "energy_shift_error": fit.energy_error,
        "noise": fit.deviation,
        "shells": shell_rows(found),
        "multiple_scattering_from": multiple_scattering_from(found),
        "notes": notes(found),
    }


def write_exafs_report(found: FoundShells, name: str, origin: JsonDict, folder: Path) -> JsonDict:
    """Writes report.json, report.html, shells.csv and the figures; returns what report.json holds."""
    data = report_data(found, name, origin)
    drawn: dict[str, tuple[str, Callable[[FoundShells, Axes], None]]] = {
        "Shells": ("shells.png", _shells),
        "Fine structure": ("fit.png", _fit),
        "Fourier transform": ("transform.png", _transform),
        "Number of shells": ("number.png", _number),
    }
    figures = save_panels(found, drawn, folder)
    write_json(folder / "report.json", data)
    with (folder / "shells.csv").open("w", newline="", encoding="utf-8") as stream:
        stream.write(csv_line(_COLUMNS))
        stream.writelines(csv_line([row[column] for column in _COLUMNS]) for row in data["shells"])
    (folder / "report.html").write_text(_page(data, figures), encoding="utf-8")
    return data


def _shells(found: FoundShells, axes: Axes) -> None:
    """Atoms by distance, with standard errors."""
    for number, scatterer in enumerate(found.scatterers):
        rows = [row for row in shell_rows(found) if row["element"] == scatterer.element]
        x, y = [row["distance"] for row in rows], [row["atoms"] for row in rows]
        axes.vlines(x, 0.0, y, color=f"C{number}", label=scatterer.element)
        axes.errorbar(
            x, y, xerr=[row["distance_error"] for row in rows], yerr=[row["atoms_error"] for row in rows],
            fmt="o", markersize=3, color=f"C{number}", ecolor=INK, elinewidth=1.0, capsize=2, zorder=3,
        )  # fmt: skip
    start = multiple_scattering_from(found)
    if start is not None:
        axes.axvline(start, color=FAINT, linestyle="--", label="multiple scattering possible")
    axes.set_xlim(*found.settings.bounds.distance)
    axes.set_ylim(bottom=0.0)
    axes.set_xlabel("distance [Å]")
    axes.set_ylabel("atoms")
    axes.legend(fontsize=7, loc="upper left")


def _fit(found: FoundShells, axes: Axes) -> None:
    signal, fit = found.signal, found.best
    power = signal.choice.power
    weight = signal.k**power
    axes.plot(signal.k, (signal.chi - fit.background) * weight, ".", color=FAINT, markersize=3, label="measured")
    axes.plot(signal.k, fit.model * weight, color=ACCENT, linewidth=1, label="sum of shells")
    axes.set_xlabel("k [1/Å]")
    axes.set_ylabel({0: "chi(k)", 1: "k chi(k)"}.get(power, f"k$^{power}$ chi(k)"))
    axes.legend(fontsize=7)


def _transform(found: FoundShells, axes: Axes) -> None:
    """Amplitudes of the windowed transforms, without phase correction."""
    signal, fit = found.signal, found.best
    distances = np.linspace(0.0, found.settings.bounds.distance[1], 400)
    for values, colour, label in (
        (signal.chi - fit.background, MAIN, "measured"),
        (fit.model, ACCENT, "sum of shells"),
        (signal.chi - fit.background - fit.model, FAINT, "left over"),
    ):
        axes.plot(distances, np.abs(signal.transform(values, distances)), color=colour, linewidth=1, label=label)
    axes.set_xlabel("distance without phase correction [Å]")
    axes.set_ylabel("amplitude of the transform")
    axes.legend(fontsize=7)


def _number(found: FoundShells, axes: Axes) -> None:
    axes.bar(range(len(found.posterior)), found.posterior, color=MAIN)
    axes.set_xticks(range(0, len(found.posterior), 1 + len(found.posterior) // 20))
    axes.set_xlabel("number of shells")
    axes.set_ylabel("probability")


def _page(data: JsonDict, figures: dict[str, Path]) -> str:
    sure = data["number_posterior"][data["number_of_shells"]]
    source = f"absorption, edge at {data['data']['edge']:.2f} eV" if data["data"]["kind"] == "xmu" else "fine structure"
    parts = [
        f"<h1>Shells around {escape(data['absorber'])} in {escape(data['spectrum'])}</h1>",
        f"<p>{data['points']} points ({source}), k from {data['k_range'][0]:g} to {data['k_range'][1]:.4g} 1/Å with Hanning "
        f"sills of {data['sill']:g} 1/Å, weight k^{data['k_weight']}, splines for the background up to "
        f"{data['background_distance']:g} Å, Feff files {escape(', '.join(data['feff']))}. {data['number_of_shells']} shells "
        f"(probability {sure:.2f}), shift of the zero of energy {data['energy_shift']:.2f} ± {data['energy_shift_error']:.2f} "
        f"eV, noise of the weighted fine structure {data['noise']:.3g}. Numbers of atoms are divided by "
        f"S0² = {data['s02']:g}.</p>",
        "<ul>" + "".join(f"<li>{escape(note[0].upper() + note[1:])}.</li>" for note in data["notes"]) + "</ul>",
        table_of([name.replace("_", " ") for name in _COLUMNS], [[row[name] for name in _COLUMNS] for row in data["shells"]]),
    ]
    for title, path in figures.items():
        parts += figure_of(title, path)
    return page_of(f"Shells: {data['spectrum']}", parts)
