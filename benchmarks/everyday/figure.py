"""The scores as a figure: for each table a row of marks, one for each method."""

from __future__ import annotations

from itertools import cycle
from pathlib import Path

import numpy as np

from benchmarks.command import figure_file
from tansaku.models.domain.records import JsonDict
from tansaku.tasks.act.replay.figure import COLOURS

_MARKS = "osD^v<>PX"
_SPREAD = 0.35


def draw_scores(summary: dict[str, dict[str, JsonDict]], path: Path) -> None:
    """Draws mean scores with their standard errors.

    Args:
        summary: Mean and standard error by method and table; random choice has 1 and is a line.
        path: PNG, SVG or PDF.
    """
    methods = [method for method in summary if method != "random"]
    tables = list(dict.fromkeys(table for method in methods for table in summary[method]))
    offsets = np.linspace(-_SPREAD, _SPREAD, len(methods)) if len(methods) > 1 else np.zeros(1)
    with figure_file(path, 7.6, 0.5 * len(tables) + 1.2, dpi=160) as figure:
        axes = figure.subplots()
        for method, offset, colour, mark in zip(
            methods, offsets, cycle(("#111111", *COLOURS[::-1])), cycle(_MARKS), strict=False
        ):
            of = [table for table in tables if table in summary[method]]
            axes.errorbar(
                [summary[method][table]["mean"] for table in of],
                [tables.index(table) + offset for table in of],
                xerr=[summary[method][table]["error"] or 0.0 for table in of],
                fmt=mark,
                color=colour,
                markersize=4,
                linewidth=0.8,
                label=method,
            )
        axes.axvline(1.0, color="0.6", linestyle="--", linewidth=0.8)
        axes.set_yticks(range(len(tables)), tables)
        axes.invert_yaxis()
        axes.set_xlabel("score: 0 finds the best at once, 1 is random choice")
        figure.legend(loc="outside right upper")
