"""Tavorites found over cost, by method: chance of the best one, or share of all low barriers."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmarks.command import figure_file
from benchmarks.intervals import wilson
from benchmarks.levels.tables import BELOW, BUDGET, BUDGET_OF_BEST, SHAPES
from tansaku.models.domain.pool import FloatArray
from tansaku.models.domain.records import JsonDict
from tansaku.tasks.read.figures.style import ACCENT, FAINT, INK, MAIN

_PANELS = {
    "Li": "best lithium tavorite",
    "Na": "best sodium tavorite",
    "Li below": "low barriers of lithium",
    "Na below": f"barriers of sodium below {BELOW} eV",
}
_LINES = {
    "bought": ("looks bought", MAIN, "-"),
    "screened": ("a look at all first", "#15803d", "-"),
    "single": ("no looks", ACCENT, "-"),
    "screen": ("order of the looks", FAINT, "--"),
    "random": ("random", FAINT, ":"),
}
_SHUFFLED = ("looks bought, shuffled", "#7e22ce", "-.")
_GOALS = {False: (25, 0.90), True: (50, 0.85)}
"""Cost and what is wanted there: chance of the best, or share of all below."""


def draw(result: JsonDict, path: Path) -> Path:
    """Draws a panel for each table of tavorites that was searched.

    Args:
        result: What ``tavorites.json`` holds.
        path: Of the figure.
    """
    tables = [name for name in _PANELS if any(run["table"] == name for run in result["runs"])]
    lines = {(SHAPES[0], method): style for method, style in _LINES.items()} | {(SHAPES[-1], "bought"): _SHUFFLED}
    with figure_file(path, 7.4, 2.9 * ((len(tables) + 1) // 2), dpi=200) as figure:
        for ax, table in zip(figure.subplots((len(tables) + 1) // 2, 2, squeeze=False).flat, tables, strict=False):
            every = "below" in table
            costs = np.linspace(0.0, BUDGET if every else BUDGET_OF_BEST, 201)
            for (shape, method), (label, colour, line) in lines.items():
                found = [run for run in result["runs"] if (run["table"], run["shape"], run["method"]) == (table, shape, method)]
                if not found:
                    continue
                shares = _shares(found, costs)
                mean = shares.mean(axis=0)
                ax.plot(costs, mean, color=colour, ls=line, lw=1.4, label=label)
                if (shape, method) == (SHAPES[0], "bought") and not every:
                    ax.fill_between(costs, *wilson(mean, len(found)), color=colour, alpha=0.15, lw=0.0)
            ax.plot(*_GOALS[every], "*", ms=8, color=INK, clip_on=False, label="goal", ls="")
            ylabel = "share found" if every else "chance of having found it"
            ax.set(title=_PANELS[table], xlabel="cost, looks counted [full evaluations]", ylabel=ylabel)
            ax.set(xlim=(0.0, costs[-1]), ylim=(0.0, 1.02))
        labelled = dict(zip(*reversed(figure.axes[0].get_legend_handles_labels()), strict=True))
        figure.legend(labelled.values(), labelled.keys(), loc="outside lower center", ncols=4)
    return path


def _shares(runs: list[JsonDict], costs: FloatArray) -> FloatArray:
    """Share of what is wanted that each run had found at some costs, shape ``(n_runs, n_costs)``."""
    return np.array([(np.array(run["found_at"])[:, None] <= costs + 1e-9).sum(axis=0) / run["wanted"] for run in runs])
