"""The figure of the experiment, like the report's: error against the number of training oxides."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmarks.command import figure_file
from benchmarks.voxel.data import INTENSIVE, TARGETS
from tansaku.models.domain.records import JsonDict

_TITLES = {
    "hartree_energy": "(a) Hartree energy",
    "delta_xc_energy": "(b) exchange-correlation",
    "ion_ion_energy": "(c) ion-ion energy",
    "eigenvalue_energy": "(d) sum of eigenvalues",
    "cohesive_energy": "(e) cohesive energy",
    "band_gap": "(f) band gap",
}
_LINES = {
    "r3dvs": ("R3DVS", "o-", "C3"),
    "r3dvs_free_atoms": ("R3DVS, free atoms", "o:", "C6"),
    "soap": ("SOAP", "s-", "C0"),
    "coulomb_matrix": ("CM", "^-", "C2"),
    "soap_then_r3dvs": ("SOAP → R3DVS", "o--", "C1"),
    "soap_then_coulomb_matrix": ("SOAP → CM", "^--", "C4"),
    "soap_tuned": ("SOAP, tuned", "s:", "C0"),
    "soap_tuned_then_r3dvs": ("SOAP, tuned → R3DVS", "o-.", "C8"),
    "soap_tuned_then_coulomb_matrix": ("SOAP, tuned → CM", "^-.", "C7"),
    "power_spectrum": ("power spectrum", "d:", "C5"),
    "points_and_field": ("points and field (ours)", "*-", "k"),
}


def draw(result: JsonDict, path: Path) -> None:
    """One panel per target, logarithmic."""
    with figure_file(path, 11.0, 7.0) as figure:
        for axes, target in zip(figure.subplots(2, 3).ravel(), TARGETS, strict=True):
            by_method = result["mae"][target]
            for name in (item for item in _LINES if item in by_method):
                label, line, colour = _LINES[name]
                sizes = sorted(by_method[name], key=int)
                # None, after one division, becomes NaN: no bar is drawn.
                spread = np.array([result["standard_error"][target][name][size] for size in sizes], dtype=np.float64)
                means = [by_method[name][size] for size in sizes]
                axes.errorbar(
                    [int(size) for size in sizes], means, yerr=spread, fmt=line, color=colour, ms=4, lw=1.0, label=label
                )
            unit = "eV" if target in INTENSIVE else "eV/atom"
            axes.set(xlabel="training oxides", ylabel=f"mean absolute error [{unit}]", yscale="log")
            axes.set_title(_TITLES[target], fontsize=9)
        figure.legend(
            *figure.axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=6, fontsize=8, handlelength=3.5
        )
