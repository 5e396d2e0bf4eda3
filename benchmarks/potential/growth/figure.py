"""Errors against the number of data, by strategy."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes

from benchmarks.command import figure_file
from tansaku.models.domain.records import JsonDict
from tansaku.tasks.read.figures.style import ACCENT, FAINT, INK, MAIN

_LOOKS = {
    "uniform": (FAINT, "-", "random"),
    "random": (INK, "-", "random, scans in turn"),
    "random-warm": (INK, ":", "… weights kept"),
    "disagreement": (MAIN, "-", "disagreement"),
    "disagreement-warm": (MAIN, ":", "… weights kept"),
    "by-system": ("#7c3aed", "--", "… scans in turn"),
    "no-batch": (ACCENT, "--", "… without distance"),
    "energy": ("#15803d", "--", "… of energies alone"),
}
_ENERGY, _FORCE = "energy_rmse_mev_per_atom", "force_rmse_mev_per_angstrom"


def draw(found: JsonDict, path: Path) -> Path:
    """Draws the figure.

    Args:
        found: The result.
        path: Where.
    """
    first = found["runs"][0]["steps"][0]["structures"]
    growing = [run for run in found["runs"] if run["steps"][0]["structures"] == first]
    with figure_file(path, 11.0, 6.4) as figure:
        axes = figure.subplots(2, 2)
        for row, (key, label, goal) in enumerate(((_ENERGY, "energy [meV/atom]", 2.0), (_FORCE, "force [meV/Å]", 30.0))):
            for column, against in enumerate(("structures", "atoms")):
                _curves(axes[row, column], growing, key, against)
                axes[row, column].axhline(goal, color=FAINT, lw=0.6, ls=":")
                axes[row, column].set(
                    xscale="log", yscale="log", xlabel=f"{against} computed", ylabel=f"RMSE held out, {label}"
                )
        axes[0, 0].legend(fontsize=7)
        seeds = len({item["seed"] for item in growing})
        title = f"geometric means of {seeds} seeds, dashed: of one; dotted: weights kept, and the goals"
        axes[0, 0].set_title(title, fontsize=8)
    return path


def _curves(axes: Axes, runs: list[JsonDict], key: str, against: str) -> None:
    for name, (colour, line, label) in _LOOKS.items():
        mine = [run["steps"] for run in runs if run["strategy"] == name]
        if not mine:
            continue
        errors = np.log([[step["held_out"][key] for step in steps] for steps in mine])
        places = np.mean([[step[against] for step in steps] for steps in mine], axis=0)
        axes.plot(places, np.exp(errors.mean(axis=0)), line, color=colour, marker="o", ms=3, lw=1.2, label=label)
