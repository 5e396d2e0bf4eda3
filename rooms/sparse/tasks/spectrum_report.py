"""The report of a decomposition: JSON, CSV, figures, and a page that holds them."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.spreadsheet import csv_line
from tansaku.sparse.models.spectra.candidates import Fit
from tansaku.sparse.models.spectra.peaks import profile
from tansaku.sparse.tasks.page import page_of, table_of_records
from tansaku.sparse.tasks.panels import save_panels
from tansaku.sparse.tasks.spectrum import Decomposition
from tansaku.tasks.node.jobs.spool_files import write_json
from tansaku.tasks.read.figures.style import ACCENT, FAINT, MAIN

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_COLUMNS = ("position", "position_error", "width", "width_error", "mixing", "mixing_error", "height", "height_error")


def peak_rows(fit: Fit) -> list[dict[str, float | None]]:
    """The peaks of a fit, one row each; None where an error is not known."""
    kinds = (fit.peaks.position, fit.peaks.width, fit.peaks.mixing, fit.heights)
    rows = []
    for peak in range(len(fit.heights)):
        values = [value for kind, column in enumerate(kinds) for value in (column[peak], fit.errors[peak, kind])]
        rows.append({name: float(value) if np.isfinite(value) else None for name, value in zip(_COLUMNS, values, strict=True)})
    return rows


def report_data(found: Decomposition, name: str) -> JsonDict:
    """Everything the report shows, as plain data."""
    settings, sampled = found.settings, found.sampled
    convergence = None
    if sampled is not None:
        measures = sampled.convergence
        convergence = {
            "r_hat": measures.r_hat if np.isfinite(measures.r_hat) else None,
            "round_trips": measures.round_trips,
            "temperatures": measures.temperatures,
            "log_evidence_histogram": measures.log_evidence_histogram,
            "log_evidence_integration": measures.log_evidence_integration,
            "reached": measures.reached,
        }
    return {
        "schema_version": 1,
        "spectrum": name,
        "points": len(found.spectrum.x),
        "shape": settings.shape,
        "background_degree": settings.background,
        "widths": [found.dictionary.narrowest, found.dictionary.widest],
        "number_of_peaks": found.number,
        "number_posterior": found.posterior.tolist(),
        "number_posterior_laplace": found.laplace.tolist(),
        "number_posterior_sampled": None if sampled is None else sampled.landscape.size_posterior.tolist(),
        "noise": found.best.deviation,
        "peaks": peak_rows(found.best),
        "evidences": [fit.evidence if np.isfinite(fit.evidence) else None for fit in found.fits],
        "evidence_unit": "nats, negative logarithm; smaller is better",
        "lars": {"number_of_peaks": len(found.lars[0].position), "free_energy": found.lars[1]},
        "position_posterior": None
        if sampled is None
        else {
            "edges": np.linspace(
                found.dictionary.low, found.dictionary.high, len(sampled.landscape.feature_posterior) + 1
            ).tolist(),
            "probability": sampled.landscape.feature_posterior.tolist(),
        },
        "convergence": convergence,
    }


def write_spectrum_report(found: Decomposition, name: str, folder: Path) -> JsonDict:
    """Writes report.json, peaks.csv, the figures and report.html.

    Args:
        folder: Existing.

    Returns:
        The data of report.json.
    """
    data = report_data(found, name)
    drawn: dict[str, tuple[str, Callable[[Decomposition, Axes], None]]] = {
        "Peaks": ("peaks.png", _peaks),
        "What is left over": ("residual.png", _residual),
        "Number of peaks": ("number.png", _number),
    }
    if found.sampled is not None:
        drawn["Where peaks are"] = ("positions.png", _positions)
    figures = save_panels(found, drawn, folder)
    write_json(folder / "report.json", data)
    with (folder / "peaks.csv").open("w", newline="", encoding="utf-8") as stream:
        stream.write(csv_line(("spectrum", *_COLUMNS)))
        stream.writelines(csv_line((name, *(row[column] for column in _COLUMNS))) for row in data["peaks"])
    (folder / "report.html").write_text(_page(data, figures), encoding="utf-8")
    return data


def _model(fit: Fit, x: np.ndarray) -> np.ndarray:
    return np.asarray(profile(x, fit.peaks.position, fit.peaks.width, fit.peaks.mixing) * fit.heights[:, None])


def _peaks(found: Decomposition, axes: Axes) -> None:
    """The spectrum, its peaks, and their sum."""
    x, fit = found.spectrum.x, found.best
    parts = _model(fit, x)
    axes.plot(x, found.spectrum.y, ".", color=FAINT, markersize=3, label="measured")
    for part in parts:
        axes.fill_between(x, fit.background, fit.background + part, alpha=0.3, color=MAIN, linewidth=0)
    axes.plot(x, fit.background, "--", color=FAINT, label="background")
    axes.plot(x, fit.background + parts.sum(axis=0), color=ACCENT, linewidth=1, label="sum")
    axes.set_xlabel("position")
    axes.set_ylabel("intensity")
    axes.legend(fontsize=7)


def _residual(found: Decomposition, axes: Axes) -> None:
    x, fit = found.spectrum.x, found.best
    axes.axhspan(-fit.deviation, fit.deviation, color=FAINT, alpha=0.3, label="estimated noise")
    axes.plot(x, found.spectrum.y - fit.background - _model(fit, x).sum(axis=0), ".", color=MAIN, markersize=3)
    axes.set_xlabel("position")
    axes.set_ylabel("measured − sum")
    axes.legend(fontsize=7)


def _number(found: Decomposition, axes: Axes) -> None:
    """Posterior of the number of peaks."""
    numbers = range(len(found.posterior))
    if found.sampled is not None:
        axes.bar(numbers, found.sampled.landscape.size_posterior, color=MAIN, label="sampled")
    axes.plot(numbers, found.laplace, "o--", color=ACCENT, label="Laplace's approximation")
    axes.set_xticks(numbers)
    axes.set_xlabel("number of peaks")
    axes.set_ylabel("probability")
    axes.legend(fontsize=7)


def _positions(found: Decomposition, axes: Axes) -> None:
    if found.sampled is None:
        return
    posterior = found.sampled.landscape.feature_posterior
    axes.stairs(posterior, np.linspace(found.dictionary.low, found.dictionary.high, len(posterior) + 1), color=MAIN, fill=True)
    axes.set_ylim(0.0, 1.05)
    axes.set_xlabel("position")
    axes.set_ylabel("probability of a peak here")


def _page(data: JsonDict, figures: dict[str, Path]) -> str:
    sure = f" (probability {data['number_posterior'][data['number_of_peaks']]:.2f})"
    parts = [
        f"<h1>Peaks of {escape(data['spectrum'])}</h1>",
        f"<p>{data['points']} points, {escape(data['shape'].replace('_', '-'))} peaks of width {data['widths'][0]:g} to "
        f"{data['widths'][1]:g}, background of degree {data['background_degree']}: {data['number_of_peaks']} peaks{sure}, "
        f"noise {data['noise']:.3g}. LARS with least squares would choose {data['lars']['number_of_peaks']}.</p>",
        table_of_records(_COLUMNS, data["peaks"]),
    ]
    return page_of(f"Peaks: {data['spectrum']}", parts, figures, data["convergence"])
