"""The figure of the experiment."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmarks.command import figure_file
from benchmarks.local_energies.cases import DESCRIPTORS, ENERGIES
from tansaku.models.domain.records import JsonDict
from tansaku.tasks.read.figures.style import ACCENT, FAINT, MAIN

_COLOURS = {"eam": MAIN, "chgnet": ACCENT}
_NAMES = {"eam": "embedded atom", "chgnet": "CHGNet"}


def draw(found: JsonDict, path: Path) -> None:
    """Parity of both sources, error against distance, and descriptors compared."""
    fits = [fit for fit in found["fits"] if fit["known"] is None]
    shown = {fit["energies"]: fit for fit in fits if "parity" in fit}
    with figure_file(path, 9.6, 7.2) as figure:
        every = figure.subplots(2, 2)
        for axes, energies in zip(every[0], ENERGIES, strict=True):
            computed, predicted = shown[energies]["parity"]
            limits = (min(computed), max(computed))
            axes.plot(limits, limits, "-", color=FAINT, lw=0.8)
            axes.plot(computed, predicted, "o", ms=1.5, mew=0, color=_COLOURS[energies], rasterized=True)
            axes.set(xlabel=f"atomic energy, {_NAMES[energies]} [eV]", ylabel="predicted [eV]")
            atom = shown[energies]["atom"]
            axes.set_title(f"r = {atom['r']:.4f}, RMSE {atom['rmse_mev']:.2f} meV", fontsize=9)
        for energies, item in shown.items():
            middle = [0.5 * (part["from"] + part["to"]) for part in item["distance"]]
            errors = [part["rmse_mev"] for part in item["distance"]]
            every[1, 0].loglog(middle, errors, "o-", ms=3, color=_COLOURS[energies], label=_NAMES[energies])
        every[1, 0].set(xlabel="distance to the nearest environment seen in training", ylabel="RMSE [meV/atom]")
        every[1, 0].legend()
        names = [name for name in DESCRIPTORS if any(fit["descriptors"] == name for fit in fits)]
        for number, energies in enumerate(ENERGIES):
            for weight, alpha in ((0.0, 1.0), (1.0, 0.5)):
                chosen = [fit for fit in fits if (fit["energies"], fit["total_weight"]) == (energies, weight)]
                if not chosen:
                    continue
                errors = [next(item["atom"]["rmse_mev"] for item in chosen if item["descriptors"] == name) for name in names]
                places = np.arange(len(names)) + 0.2 * (2 * number + (weight > 0)) - 0.3
                label = f"{_NAMES[energies]}, {'with' if weight else 'without'} totals"
                every[1, 1].bar(places, errors, 0.18, color=_COLOURS[energies], alpha=alpha, label=label)
        every[1, 1].set_xticks(range(len(names)), names)
        every[1, 1].set(ylabel="RMSE [meV/atom]")
        every[1, 1].legend()
