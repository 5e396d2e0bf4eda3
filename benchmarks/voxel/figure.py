"""The figure of the experiment, like the report's: error against the number of training oxides."""

from __future__ import annotations

from pathlib import Path

from matplotlib.figure import Figure

from benchmarks.voxel.data import TARGETS
from tansaku.models.domain.records import JsonDict
from tansaku.tasks.figures.style import drawing

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
    "power_spectrum": ("power spectrum", "d:", "C5"),
    "points_and_field": ("points and field (ours)", "*-", "k"),
}


def draw(result: JsonDict, path: Path) -> None:
    """One panel per target, logarithmic."""
    with drawing():
        figure = Figure(figsize=(11.0, 6.4), layout="constrained")
        for axes, target in zip(figure.subplots(2, 3).ravel(), TARGETS, strict=True):
            for name, by_size in result["mae"][target].items():
                label, line, colour = _LINES[name]
                sizes = sorted(map(int, by_size))
                spread = [result["standard_error"][target][name][str(size)] for size in sizes]
                means = [by_size[str(size)] for size in sizes]
                axes.errorbar(sizes, means, yerr=spread, fmt=line, color=colour, ms=4, lw=1.0, label=label)
            unit = "eV" if target == "band_gap" else "eV/atom"
            axes.set(xlabel="training oxides", ylabel=f"mean absolute error [{unit}]", yscale="log")
            axes.set_title(_TITLES[target], fontsize=9)
        figure.axes[1].legend(fontsize=6, loc="lower left")
        figure.savefig(path, dpi=150)
