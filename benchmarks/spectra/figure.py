"""Share of the spectra with the right number of peaks, by shape and method."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmarks.command import figure_file
from benchmarks.intervals import wilson
from tansaku.models.domain.records import JsonDict
from tansaku.tasks.read.figures.style import ACCENT, FAINT, INK, MAIN

_WANTED = 0.9
_NAMES = {"gaussian": "Gaussian", "lorentzian": "Lorentzian", "pseudo_voigt": "pseudo-Voigt"}
_COLOURS = {"Laplace": MAIN, "BIC": ACCENT, "LARS": FAINT}


def draw(result: JsonDict, path: Path) -> Path:
    """Draws the shares with their 95 % intervals, and the wanted one.

    Args:
        result: What ``result.json`` holds.
        path: Of the figure.
    """
    parts = {"gaussian": result["ours"]} | result["shapes"]
    with figure_file(path, 5.0, 3.0) as figure:
        ax = figure.subplots()
        for place, (method, colour) in enumerate(_COLOURS.items()):
            at = np.arange(len(parts)) + 0.26 * (place - 1)
            share = np.array([part["right"][method] for part in parts.values()])
            ends = [wilson(value, part["spectra"]) for value, part in zip(share, parts.values(), strict=True)]
            ax.bar(at, share, 0.24, color=colour, label=method)
            ax.vlines(at, [low for low, _ in ends], [high for _, high in ends], color=INK, lw=0.8)
        ax.axhline(_WANTED, color=INK, lw=0.8, ls=":")
        ax.set_xticks(range(len(parts)), [f"{_NAMES[name]} ({part['spectra']})" for name, part in parts.items()])
        ax.set_ylabel("right number of peaks")
        ax.set_ylim(0.0, 1.05)
        ax.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return path
