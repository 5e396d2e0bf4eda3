"""The report of a search for dynamic modes: JSON, CSV, the shapes of modes, figures, and a page that holds them."""

from __future__ import annotations

import csv
from collections.abc import Callable
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tansaku.models.domain.records import JsonDict
from tansaku.sparse.models.modes.path import Held
from tansaku.sparse.models.modes.refine import ModeFit
from tansaku.sparse.tasks.modes import FoundModes
from tansaku.sparse.tasks.page import page_of, table_of_records
from tansaku.sparse.tasks.panels import save_panels
from tansaku.tasks.node.jobs.spool_files import write_json
from tansaku.tasks.read.figures.style import ACCENT, FAINT, MAIN

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_COLUMNS = (
    "frequency", "frequency_error", "damping", "damping_error", "amplitude", "amplitude_error", "phase", "phase_error",
)  # fmt: skip


def mode_rows(fit: ModeFit) -> list[dict[str, float | None]]:
    """Oscillations and decays, strongest first; None where a value is not known or the channels differ in it."""
    rows = []
    single = fit.amplitude.shape[1] == 1
    size = np.sqrt((fit.amplitude**2).mean(axis=1))
    for unit in np.argsort(-size, kind="stable"):
        values = [
            fit.frequency[unit], fit.errors[unit, 0], fit.damping[unit], fit.errors[unit, 1],
            size[unit], fit.errors[unit, 2], fit.phase[unit, 0] if single else np.nan, fit.errors[unit, 3],
        ]  # fmt: skip
        rows.append({name: float(value) if np.isfinite(value) else None for name, value in zip(_COLUMNS, values, strict=True)})
    return rows


def report_data(found: FoundModes, name: str) -> JsonDict:
    """Everything the report shows, as plain data."""
    modes, scene, measures = found.modes, found.landscape, found.convergence
    total = float(np.sum(modes.matrix**2))

    def held(sets: Held | None) -> JsonDict | None:
        return None if sets is None else {"units": list(sets.support), "loss": sets.loss / total}

    return {
        "schema_version": 1,
        "snapshots": name,
        "channels": found.snapshots.n_channels,
        "times": found.snapshots.n_times,
        "time_step": found.snapshots.step,
        "delays": found.delays,
        "method": found.method,
        "number": len(found.best.frequency),
        "number_posterior": found.posterior.tolist(),
        "noise": found.best.noise,
        "noise_by_number": [fit.noise for fit in found.fits],
        "explained": 1.0 - float(np.sum((found.snapshots.values - found.best.model) ** 2) / np.sum(found.snapshots.values**2)),
        "modes": mode_rows(found.best),
        "evidences": [fit.evidence for fit in found.fits],
        "evidence_unit": "nats, negative logarithm; smaller is better",
        "candidates": [
            {
                "frequency": float(rate.imag / (2.0 * np.pi)),
                "damping": float(-rate.real),
                "eigenvalues": int(count),
                "probability": None if scene is None else float(scene.feature_posterior[unit]),
            }
            for unit, (rate, count) in enumerate(zip(modes.rates, modes.counts, strict=True))
        ],
        "path": [
            {"eigenvalues": number, "search": held(best), "relaxation": held(found.relaxation.get(number))}
            for number, best in ((int(modes.counts[list(best.support)].sum()), best) for best in found.path)
        ],
        "loss_unit": "share of the square of the decomposed matrix that one amplitude per mode leaves over",
        "convergence": None
        if measures is None
        else {
            "r_hat": measures.r_hat if np.isfinite(measures.r_hat) else None,
            "round_trips": measures.round_trips,
            "temperatures": measures.temperatures,
            "reached": measures.reached,
        },
    }


def write_modes_report(found: FoundModes, name: str, folder: Path) -> JsonDict:
    """Writes report.json, modes.csv, shapes.npz, the figures and report.html.

    Args:
        folder: Existing.

    Returns:
        The data of report.json.
    """
    data = report_data(found, name)
    drawn: dict[str, tuple[str, Callable[[FoundModes, Axes], None]]] = {
        "Data and modes": ("course.png", _course),
        "Beside the Fourier spectrum": ("spectrum.png", _spectrum),
        "Loss by number of modes": ("loss.png", _loss),
        "Number of oscillations and decays": ("number.png", _number),
        "What was chosen from": ("candidates.png", _candidates),
    }
    figures = save_panels(found, drawn, folder)
    write_json(folder / "report.json", data)
    with (folder / "modes.csv").open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, _COLUMNS)
        writer.writeheader()
        writer.writerows(data["modes"])
    fit = found.best
    order = np.argsort(-(fit.amplitude**2).mean(axis=1), kind="stable")
    np.savez_compressed(folder / "shapes.npz", allow_pickle=False, amplitude=fit.amplitude[order], phase=fit.phase[order])
    (folder / "report.html").write_text(_page(data, figures), encoding="utf-8")
    return data


def _course(found: FoundModes, axes: Axes) -> None:
    """The channel that changes most, and the sum of its modes."""
    snapshots, fit = found.snapshots, found.best
    channel = int(np.argmax(snapshots.values.var(axis=1)))
    times = snapshots.start + snapshots.times
    axes.plot(times, snapshots.values[channel], ".", color=FAINT, markersize=3, label="data")
    axes.plot(times, fit.model[channel], color=ACCENT, linewidth=1, label="sum of modes")
    model = fit.model[channel]
    axes.fill_between(times, model - fit.noise, model + fit.noise, color=MAIN, alpha=0.2, label="noise")
    axes.set_xlabel("time")
    axes.set_ylabel("value" if snapshots.n_channels == 1 else f"channel {channel}, which changes most")
    axes.legend(fontsize=7)


def _spectrum(found: FoundModes, axes: Axes) -> None:
    """Power by fast Fourier transform, summed over channels, of the data and of the modes, with the modes' frequencies."""
    snapshots, fit = found.snapshots, found.best
    frequency = np.fft.rfftfreq(snapshots.n_times, snapshots.step)
    for values, color, label in ((snapshots.values, FAINT, "data"), (fit.model, MAIN, "sum of modes")):
        power = (np.abs(np.fft.rfft(values - values.mean(axis=1, keepdims=True), axis=1)) ** 2).sum(axis=0)
        axes.semilogy(frequency[1:], np.maximum(power[1:], 1e-300), color=color, label=label)  # the mean was taken away
    data = snapshots.values - snapshots.values.mean(axis=1, keepdims=True)
    top = float((np.abs(np.fft.rfft(data, axis=1)) ** 2).sum(axis=0).max())
    axes.set_ylim(1e-8 * top, 3.0 * top)
    for number, value in enumerate(fit.frequency[fit.frequency > 0.0]):
        axes.axvline(value, color=ACCENT, linestyle="--", label="modes" if number == 0 else None)
    axes.set_xlabel("frequency [1/time]")
    axes.set_ylabel("power")
    axes.legend(fontsize=7)


def _loss(found: FoundModes, axes: Axes) -> None:
    """Square root of the share left over, as Jovanović et al. draw it."""
    counts, total = found.modes.counts, float(np.sum(found.modes.matrix**2))
    numbers = [int(counts[list(best.support)].sum()) for best in found.path]
    axes.plot(numbers, [100.0 * np.sqrt(best.loss / total) for best in found.path], "o-", color=MAIN, label="search")
    relaxed = sorted(found.relaxation.items())
    losses = [100.0 * np.sqrt(held.loss / total) for _, held in relaxed]
    axes.plot([number for number, _ in relaxed], losses, "s--", color=ACCENT, label="convex relaxation", markerfacecolor="none")
    axes.set_xlabel("modes, a pair counted as two")
    axes.set_ylabel("left over, root of the share [%]")
    axes.legend(fontsize=7)


def _number(found: FoundModes, axes: Axes) -> None:
    axes.bar(range(len(found.posterior)), found.posterior, color=MAIN)
    axes.set_xticks(range(len(found.posterior)))
    axes.set_xlabel("oscillations and decays")
    axes.set_ylabel("probability")


def _candidates(found: FoundModes, axes: Axes) -> None:
    """All modes of the decomposition by frequency and damping."""
    rates, scene = found.modes.rates, found.landscape
    sizes = None if scene is None else 10.0 + 90.0 * scene.feature_posterior
    label = "candidates" if scene is None else "candidates, larger: more probable"
    axes.scatter(rates.imag / (2.0 * np.pi), -rates.real, s=sizes, facecolors="none", edgecolors=MAIN, label=label)
    axes.plot(found.best.frequency, found.best.damping, "x", color=ACCENT, label="chosen, refined")
    axes.axhline(0.0, color=FAINT, linewidth=0.8)
    axes.set_yscale("symlog", linthresh=max(1e-12, float(np.median(np.abs(rates.real)))))
    axes.set_xlabel("frequency [1/time]")
    axes.set_ylabel("damping [1/time]")
    axes.legend(fontsize=7)


def _page(data: JsonDict, figures: dict[str, Path]) -> str:
    sure = f" (probability {data['number_posterior'][data['number']]:.2f})"
    parts = [
        f"<h1>Modes of {escape(data['snapshots'])}</h1>",
        f"<p>{data['times']} times of {data['channels']} channels, step {data['time_step']:g}, {data['delays']} delays, "
        f"{len(data['candidates'])} candidates, sets searched: {escape(data['method'])}. {data['number']} oscillations and "
        f"decays{sure}, noise {data['noise']:.3g}, {100.0 * data['explained']:.4g} % of the square explained.</p>",
        table_of_records(_COLUMNS, data["modes"]),
    ]
    return page_of(f"Modes: {data['snapshots']}", parts, figures, data["convergence"])
