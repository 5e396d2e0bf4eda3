"""Costs: labels against proposals, seconds with and without pre-screening, and the quality of its predictions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.command import figure_file
from tansaku.models.domain.records import JsonDict
from tansaku.tasks.read.figures.style import ACCENT, FAINT, MAIN

SHOWN = "sevennet"
_NAMES = {"chgnet": "CHGNet", "sevennet": "SevenNet", "relaxed": "CHGNet relaxed"}
_PARTS = (("label_cpu_seconds", MAIN, "labels"), ("surrogate", ACCENT, "trainings and looks"))


def draw(found: JsonDict, path: Path) -> None:
    """Draws the figure: labels on the left, their cost in the middle, structures that kept their prediction on the right."""
    runs = [run for run in found["runs"] if run["label"] == SHOWN]
    shown = next(run for run in runs if run["deviations"] is not None)
    with figure_file(path, 9.6, 3.3, dpi=200) as figure:
        left, middle, right = figure.subplots(1, 3)
        _labels(left, runs, shown)
        _costs(middle, found["runs"])
        spared = np.array(shown["spared"]).reshape(-1, 3)
        right.plot(spared[:, 2], spared[:, 1], "o", color=MAIN, ms=3, mew=0)
        if len(spared):
            ends = [spared[:, 1:].min(), spared[:, 1:].max()]
            right.plot(ends, ends, "-", color=FAINT, lw=0.8, zorder=0)
        right.set(xlabel="SevenNet, not asked [mJ/m²]", ylabel="left at this prediction [mJ/m²]")


def _labels(axes: Any, runs: list[JsonDict], shown: JsonDict) -> None:  # noqa: ANN401 - matplotlib's axes have no types
    for run in runs:
        numbers = np.array(run["computed_numbers"])
        every = run["deviations"] is None
        axes.step(
            np.append(numbers, run["proposals"]),
            np.append(np.arange(1, len(numbers) + 1), len(numbers)),
            where="post",
            color=FAINT if every else MAIN,
            lw=1.2 if run is shown or every else 0.6,
        )
    for training in shown["trainings"]:
        axes.axvline(training["at"], color=ACCENT, lw=0.5, ls=":")
    axes.set(xlabel="structures looked at", ylabel="labels by SevenNet", xlim=(0, None), ylim=(0, None))
    axes.set_title("grey: without pre-screening; dotted: trainings", fontsize=8)


def _costs(axes: Any, runs: list[JsonDict]) -> None:  # noqa: ANN401 - matplotlib's axes have no types
    """Processor time as a share of that of all labels of the kind."""
    rows, names = [], []
    for run in runs:
        every = next(other for other in runs if other["label"] == run["label"] and other["deviations"] is None)
        parts = run | {"surrogate": run["training_cpu_seconds"] + run["look_cpu_seconds"]}
        rows.append([100.0 * parts[key] / every["label_cpu_seconds"] for key, _, _ in _PARTS])
        how = "all labels" if run is every else f"{run['deviations']:g} dev., order {run['order']}"
        names.append(f"{_NAMES[run['label']]}, {how}")
    places, done = np.arange(len(rows)), np.zeros(len(rows))
    for (_, colour, name), shares in zip(_PARTS, np.array(rows).T, strict=True):
        axes.barh(places, shares, left=done, color=colour, height=0.7, label=name)
        done += shares
    axes.axvline(100.0, color=FAINT, lw=0.8, zorder=0)
    axes.set_yticks(places, names, fontsize=6)
    axes.invert_yaxis()
    axes.set(xlabel="processor time [% of all labels]")
    axes.legend(fontsize=6, loc="upper left", bbox_to_anchor=(0.0, 1.12), ncols=2, frameon=False)
