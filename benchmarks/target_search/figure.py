"""Share of the searches that found the best candidate, by evaluation."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmarks.command import figure_file
from benchmarks.intervals import wilson
from tansaku.models.domain.records import JsonDict

COLOURS = {
    "sparse": "#b03a48",
    "sparse, residual gp": "#d98b2b",
    "gp": "#3b76b0",
    "gp, columns as they are": "#8fb8d8",
    "random": "#9a9a9a",
}
TITLES = {"solvents": "177 solvents, 45 columns", "tavorites": "142 Na tavorites, 1,660 columns"}


def draw(result: JsonDict, path: Path) -> Path:
    """Draws the curves of all problems and methods with their 95 % intervals.

    Args:
        result: What ``result.json`` holds.
        path: Of the PNG file.
    """
    at = np.arange(1, result["budget"] + 1)
    with figure_file(path, 3.7 * len(result["runs"]), 3.4) as figure:
        axes = figure.subplots(1, len(result["runs"]), squeeze=False, sharey=True).reshape(-1)
        for ax, (problem, methods) in zip(axes, result["runs"].items(), strict=True):
            for method, runs in methods.items():
                found = np.array([run["best"] or np.inf for run in runs])
                share = (found[:, None] <= at).mean(axis=0)
                ax.plot(at, share, color=COLOURS[method], lw=1.4, label=f"{method} ({len(runs):,})")
                ax.fill_between(at, *wilson(share, len(runs)), color=COLOURS[method], alpha=0.2, lw=0)
            ax.set_title(TITLES[problem], fontsize=9)
            ax.set_xlabel("evaluations")
            ax.set_ylim(0.0, 1.02)
            ax.legend(title="method (searches)", fontsize="x-small", title_fontsize="x-small", loc="upper left")
        axes[0].set_ylabel("share of searches that found the best")
    return path
