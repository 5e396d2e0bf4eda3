"""Figures of the benchmark.

Share of searches whose estimate is right, against the share of the points that were computed; and evaluations against the share
of a surface that is not above its bottleneck.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmarks.command import figure_file
from benchmarks.paths.methods import SCORES, limit_of
from tansaku.models.domain.records import JsonDict
from tansaku.tasks.read.figures.style import ACCENT, FAINT, INK, MAIN

_COLOURS = dict(zip(SCORES, (MAIN, FAINT, ACCENT, INK), strict=True))
_TOLERANCE = 0.01


def draw(hosts: list[JsonDict], runs: list[JsonDict], path: Path) -> None:
    """Draws one panel for each host, and a line at the limit of the goal."""
    longest = max(len(run["error"]) for run in runs)
    columns = min(len(hosts) + 1, 4)
    rows = -(-(len(hosts) + 1) // columns)
    with figure_file(path, 2.3 * columns + 0.6, 2.0 * rows + 0.5, dpi=200) as figure:
        panels = figure.subplots(rows, columns, squeeze=False, sharey=True).ravel()
        for panel in panels[len(hosts) :]:
            panel.axis("off")
        for axes, host in zip(panels, hosts, strict=False):
            for method, colour in _COLOURS.items():
                mine = [run for run in runs if (run["host"], run["method"]) == (host["name"], method)]
                if not mine:
                    continue
                right = np.array([_right(run["error"], longest) for run in mine])
                share = 100.0 * np.arange(1, right.shape[1] + 1) / host["points"]
                axes.step(share, right.mean(axis=0), color=colour, lw=1.2, where="post", label=method.replace("_", " "))
            axes.axvline(100.0 * limit_of(host) / host["points"], color=INK, lw=0.6, ls=":", label="limit of the goal")
            axes.set_title(host["title"], fontsize=8)
            axes.set_ylim(-0.03, 1.03)
        # The last panel is free.
        panels[-1].legend(*panels[0].get_legend_handles_labels(), loc="center", fontsize=8)
        figure.supxlabel("points computed [%]", fontsize=8)
        figure.supylabel("share of searches whose barrier is within 10 meV", fontsize=8)


def draw_low(hosts: list[JsonDict], rows: list[JsonDict], path: Path) -> None:
    """Draws the median of evaluations against the share of points that are not above the bottleneck.

    Args:
        hosts: As described.
        rows: The summary.
        path: Of the figure.
    """
    medians = {(row["host"], row["method"]): row["median"] for row in rows}
    share = [100.0 * host["low_points"] / host["points"] for host in hosts]
    with figure_file(path, 4.8, 3.4, dpi=200) as figure:
        axes = figure.subplots()
        ours = [medians[host["name"], "dominance"] for host in hosts]
        best = [min(medians[host["name"], method] for method in SCORES if method != "dominance") for host in hosts]
        axes.vlines(share, ours, best, color=FAINT, lw=0.8)
        axes.plot(share, best, "s", color=ACCENT, ms=4, label="best other way; 46: not within 45")
        axes.plot(share, [value / 2 for value in best], "_", color=ACCENT, ms=9, label="half of it")
        axes.plot(share, ours, "o", color=MAIN, ms=4, label="dominance")
        axes.set(
            xlabel="points that are not above the bottleneck [%]", ylabel="evaluations (median of the seeds)", ylim=(0, 50)
        )
        figure.legend(loc="outside upper center", ncols=3, fontsize=7)


def _right(errors: list[float | None], longest: int) -> list[bool]:
    """Returns whether each estimate is right; a search that ended earlier keeps its last one."""
    right = [error is not None and error <= _TOLERANCE for error in errors]
    return right + right[-1:] * (longest - len(right))
