"""``python -m benchmarks.local_energies --out result.json``: atomic energies at large boundaries, learned at small ones.

Trained on [110] tilt boundaries of aluminium up to Σ 20, tested on all larger ones up to Σ 99. The structures are local minima
of an embedded-atom potential. Predicted are the atomic energies of that potential (``eam``, nearly circular: a check) and those
of CHGNet for the same structures (``chgnet``: structures of a cheap model, energies of another). The data lie beside this file;
``al-tilt.yaml`` is what `tansaku dataset build` made them from. Reported for radial functions, SOAP and both, without and with
the cells' total energies: correlation ``r``, errors, share of them inside the predicted deviation, ranking of boundary
energies, and, for both descriptors, the error against the distance to the nearest environment seen in training. Total energies
matter where those of atoms are unknown: one more fit has the atoms of one structure of each boundary and the totals of all.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from benchmarks.command import command, figure_file, results
from benchmarks.local_energies.cases import DATA, DESCRIPTORS, ENERGIES, Case, run
from tansaku.models.domain.identifiers import file_sha256
from tansaku.models.domain.records import JsonDict
from tansaku.tasks.node.jobs.machine import describe_machine
from tansaku.tasks.read.figures.style import ACCENT, FAINT, MAIN

TOTAL_WEIGHTS = (0.0, 1.0)
HEADLINE = ("both", 0.0)


def cases(*, quick: bool) -> list[Case]:
    """All fits; quickly, radial functions on a sixth of the structures."""
    if quick:
        return [Case(energies, "radial", 0.0, 1, detail=True) for energies in ENERGIES]
    every = [
        Case(energies, descriptors, weight, 6, detail=(descriptors, weight) == HEADLINE)
        for energies in ENERGIES
        for descriptors in DESCRIPTORS
        for weight in TOTAL_WEIGHTS
    ]
    return every + [Case(energies, "both", weight, 6, known=1) for energies in ENERGIES for weight in TOTAL_WEIGHTS]


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


def main() -> None:
    """Fits everything and writes the result."""
    quick = "radial functions alone, one structure of each boundary"
    figure = "parity, error against distance, descriptors"
    given = command("local_energies", __doc__, quick=quick, figure=figure, jobs="fits").parse_args()
    fits = []
    for fit in results(run, cases(quick=given.quick), given.jobs):
        fits.append(fit)
        atom = fit["atom"]
        print(
            f"{fit['energies']:<7}{fit['descriptors']:<7} total weight {fit['total_weight']:g}"
            f"{'' if fit['known'] is None else ', totals alone of five in six'}: r {atom['r']:.5f}, "
            f"RMSE {atom['rmse_mev']:.2f} meV, {100 * atom['within_one_deviation']:.0f} % in 1σ, {fit['seconds']:.0f} s",
            flush=True,
        )
    shown = {
        energies: next(item for item in fits if item["energies"] == energies and "parity" in item) for energies in ENERGIES
    }
    found = {
        "schema_version": 1,
        "r": {energies: item["atom"]["r"] for energies, item in shown.items()},
        "fits": fits,
        "data": {"file": DATA.name, "sha256": file_sha256(DATA)},
        "provenance": describe_machine(),
    }
    given.out.write_text(json.dumps(found) + "\n")
    if given.figure is not None:
        draw(found, given.figure)


if __name__ == "__main__":
    main()
