"""Shares of tables in which each method finds exactly the true columns, and of pairs of tables with the same choice."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmarks.command import figure_file
from tansaku.models.domain.records import JsonDict
from tansaku.tasks.read.figures.style import ACCENT, MAIN

_SHARES = {"right": ("exactly the true columns", MAIN), "stable": ("the same in both of a pair", ACCENT)}


def draw(result: JsonDict, path: Path) -> Path:
    """Draws both shares of each method, the best first.

    Args:
        result: What ``result.json`` holds.
        path: Of the figure.
    """
    peers = sorted(result["peers"].items(), key=lambda item: item[1]["right"] + item[1]["stable"])
    with figure_file(path, 6.0, 0.32 * len(peers) + 0.9) as figure:
        ax = figure.subplots()
        for shift, (key, (label, colour)) in zip((0.2, -0.2), _SHARES.items(), strict=True):
            ax.barh(np.arange(len(peers)) + shift, [found[key] for _, found in peers], 0.38, color=colour, label=label)
        counted = [f"{name} ({found['tables']})" if "tables" in found else name for name, found in peers]
        ax.set_yticks(range(len(peers)), counted)
        ax.set_xlim(0.0, 1.0)
        ax.set_xlabel("share (number of tables in brackets)")
        figure.legend(loc="outside upper center", ncols=2)
    return path
