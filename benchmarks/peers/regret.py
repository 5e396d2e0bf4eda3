"""The comparison on continuous functions as a figure: regret against the number of evaluations."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.wording import counted
from tansaku.tasks.act.replay.figure import line_styles
from tansaku.tasks.read.figures.style import drawing

_LEAST = 1e-4
"""Smallest regret that is drawn; lower ones are drawn as it."""


def draw_regret(document: JsonDict, path: Path) -> None:
    """Draws the median over seeds of each method, a panel for each function.

    Args:
        document: Result of ``benchmarks.peers.functions``.
        path: PNG, SVG or PDF.
    """
    from matplotlib.figure import Figure

    runs = [run for run in document["runs"] if "best" in run]
    problems, methods = (list(dict.fromkeys(run[key] for run in runs)) for key in ("problem", "method"))
    styles = line_styles(methods)
    with drawing():
        figure = Figure(figsize=(4.2 * len(problems), 3.6), layout="constrained")
        for axes, problem in zip(figure.subplots(1, len(problems), squeeze=False)[0], problems, strict=True):
            for method in methods:
                mine = [run for run in runs if (run["problem"], run["method"]) == (problem, method)]
                if not mine:
                    continue
                best = np.array([[np.inf if value is None else value for value in run["best"]] for run in mine])
                regret = np.maximum(best - document["lowest"][problem], _LEAST)
                colour, dashes = styles[method]
                label = f"{method} ({counted(len(mine), 'seed')})"
                axes.plot(np.arange(1, regret.shape[1] + 1), np.median(regret, axis=0), dashes, color=colour, label=label)
                axes.set_xlim(mine[0]["initial"], regret.shape[1])
            axes.set_yscale("log")
            axes.set_title(problem)
            axes.set_xlabel("evaluations")
            axes.set_ylabel("regret, median of the seeds")
            axes.legend(frameon=False, fontsize="small")
        figure.savefig(path)
