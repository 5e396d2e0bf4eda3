"""The report of a search for shells: JSON, CSV, figures, and a page that holds them."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.spreadsheet import csv_line
from tansaku.sparse.models.exafs.posterior import interval
from tansaku.sparse.tasks.exafs import FoundShells
from tansaku.sparse.tasks.page import page_of, table_of_records
from tansaku.sparse.tasks.panels import save_panels
from tansaku.tasks.node.jobs.spool_files import write_json
from tansaku.tasks.read.figures.style import ACCENT, FAINT, INK, MAIN

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_LARGEST = 1.0
"""Size that a fine structure in the range of k does not reach."""

_SHARE = 0.1
"""Probability of the largest number of shells, and share of the samples near a bound of the shift, that are noted."""
_NEAR = 0.03  # of the range of shifts
_AGREED = 1.2  # R-hat up to which chains agree
_COLUMNS = (
    "element", "distance", "distance_error", "displacement", "displacement_error", "atoms", "atoms_error", "atoms_low",
    "atoms_high", "probability", "at_bound",
)  # fmt: skip


def shell_rows(found: FoundShells) -> list[JsonDict]:
    """The shells that at least half of the samples have, one row each."""
    rows = []
    for group in found.groups:
        atoms, low, high = (value / found.settings.reduction for value in group.atoms)
        values = [
            found.scatterers[group.element].element, *group.distance, *group.variance, atoms, 0.5 * (high - low), low, high,
            group.probability, ", ".join(group.at_bounds),
        ]  # fmt: skip
        rows.append(dict(zip(_COLUMNS, values, strict=True)))
    return rows


def multiple_scattering_from(found: FoundShells) -> float | None:
    """Half the length of the path over two atoms of the first sound shell that touch each other [Å]; None: there is none.

    A wave that is scattered by two atoms shows at half the length of its way: in a close-packed metal from here on.
    """
    return 1.5 * found.sound[0].distance[0] if found.sound else None


def sums(found: FoundShells) -> list[JsonDict]:
    """Atoms of each element in sound shells up to where multiple scattering begins: mean and 68 % interval of the sum."""
    start, rows = multiple_scattering_from(found) or 0.0, []
    for number, scatterer in enumerate(found.scatterers):
        near = [group for group in found.sound if group.element == number and group.distance[0] <= start]
        if near:
            mean, low, high = (value / found.settings.reduction for value in interval(found.samples.atoms_of(near)))
            row = {"element": scatterer.element, "shells": len(near), "atoms": mean, "atoms_low": low, "atoms_high": high}
            rows.append(row)
    return rows


def notes(found: FoundShells) -> list[str]:
    """Returns notes for readers of the table, a sentence each."""
    samples, start, said = found.samples, multiple_scattering_from(found), []
    place = int(np.argmax(np.abs(found.signal.chi)))
    if abs(found.signal.chi[place]) > _LARGEST:
        said.append(
            f"chi is {found.signal.chi[place]:.3g} at {found.signal.k[place]:.2f} 1/Å, expected below {_LARGEST:g}: perhaps "
            "the file has chi multiplied by a power of k; then numbers of atoms, and of shells, are wrong"
        )
    if start is not None and found.groups[-1].distance[0] > start:
        said.append(
            f"the model has single scattering only: shells beyond {start:.2f} Å (1.5 times the first distance) may be made by "
            "multiple scattering, and are in a metal"
        )
    for group in (group for group in found.groups if group.at_bounds):
        said.append(
            f"the {' and the '.join(group.at_bounds)} of the shell of {found.scatterers[group.element].element} at "
            f"{group.distance[0]:.2f} Å may be at a bound: distrust its atoms; they are left out of sums"
        )
    ends = np.array(found.settings.bounds.energy)
    if np.mean(np.abs(samples.energy[:, None] - ends).min(axis=1) < _NEAR * np.ptp(ends)) > _SHARE:
        said.append("the shift of the zero of energy may be at its bound: check the edge; distances and elements may be wrong")
    if samples.r_hat(found.groups) > _AGREED:
        said.append(f"the sampling has not converged (R-hat {samples.r_hat(found.groups):.2f}): raise --steps")
    if samples.number_posterior[-1] > _SHARE:
        said.append(
            f"{found.settings.most} shells, the largest number, have a probability of {samples.number_posterior[-1]:.2f}: "
            "the model may lack something, such as multiple scattering or shells beyond the largest distance"
        )
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
        "number_posterior": found.samples.number_posterior.tolist(),
        "energy_shift": float(found.samples.energy.mean()),
        "energy_shift_error": float(found.samples.energy.std()),
        "noise": fit.deviation,
        "noise_power": found.signal.tilt - choice.power,
        "shells": shell_rows(found),
        "sums": sums(found),
        "r_hat": found.samples.r_hat(found.groups),
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
    """Atoms by distance, with 68 % intervals."""
    for number, scatterer in enumerate(found.scatterers):
        rows = [row for row in shell_rows(found) if row["element"] == scatterer.element]
        x, y = [row["distance"] for row in rows], [row["atoms"] for row in rows]
        axes.vlines(x, 0.0, y, color=f"C{number}", label=scatterer.element)
        axes.errorbar(
            x, y, xerr=[row["distance_error"] for row in rows],
            yerr=[[max(0.0, row["atoms"] - row["atoms_low"]) for row in rows],
                  [max(0.0, row["atoms_high"] - row["atoms"]) for row in rows]],
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
    posterior = found.samples.number_posterior
    axes.bar(range(len(posterior)), posterior, color=MAIN)
    axes.set_xticks(range(0, len(posterior), 1 + len(posterior) // 20))
    axes.set_xlabel("number of shells")
    axes.set_ylabel("probability")


def _page(data: JsonDict, figures: dict[str, Path]) -> str:
    sure = data["number_posterior"][data["number_of_shells"]]
    source = f"absorption, edge at {data['data']['edge']:.2f} eV" if data["data"]["kind"] == "xmu" else "fine structure"
    total = ["element", "shells", "atoms", "atoms_low", "atoms_high"]
    parts = [
        f"<h1>Shells around {escape(data['absorber'])} in {escape(data['spectrum'])}</h1>",
        f"<p>{data['points']} points ({source}), k from {data['k_range'][0]:g} to {data['k_range'][1]:.4g} 1/Å with Hanning "
        f"sills of {data['sill']:g} 1/Å, weight k^{data['k_weight']}, splines for the background up to "
        f"{data['background_distance']:g} Å, Feff files {escape(', '.join(data['feff']))}. {data['number_of_shells']} shells "
        f"are the most probable number ({sure:.2f}), shift of the zero of energy {data['energy_shift']:.2f} ± "
        f"{data['energy_shift_error']:.2f} eV, noise of chi {data['noise']:.3g} k^{data['noise_power']:.1f}. Numbers of atoms "
        f"are divided by S0² = {data['s02']:g}. The table has the shells that at least half of the samples have, "
        "whatever their number of shells: means with deviations, and 68 % intervals of the atoms.</p>",
        "<ul>" + "".join(f"<li>{escape(note[0].upper() + note[1:])}.</li>" for note in data["notes"]) + "</ul>",
        table_of_records(_COLUMNS, data["shells"]),
    ]
    if data["sums"]:
        parts += ["<h2>Sums before multiple scattering</h2>", table_of_records(total, data["sums"])]
    return page_of(f"Shells: {data['spectrum']}", parts, figures)
