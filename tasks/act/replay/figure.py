"""The comparison as a figure: mean gap against the share of the exhaustive cost."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import cycle, product
from pathlib import Path

import numpy as np

from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.wording import counted
from tansaku.tasks.act.replay.records import BenchResult
from tansaku.tasks.act.replay.summary import at_cost
from tansaku.tasks.read.figures.style import drawing

COLOURS = ("#9a9a9a", "#d98b2b", "#3b76b0", "#b03a48", "#4f8f4f", "#7a5aa6")

POINTS = 300

INSIDE = 5
"""Most methods whose legend has room between the curves; more stand beside them."""

DASHES = ("-", "--", ":")

FLOOR = 1e-4
"""Smallest gap on the logarithmic axis relative to the largest; exact runs are drawn there."""


def line_styles(methods: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Colour and dashes of each method, no two of up to eighteen alike."""
    return {
        method: (colour, dashes) for method, (dashes, colour) in zip(methods, cycle(product(DASHES, COLOURS)), strict=False)
    }


def draw_gaps(result: BenchResult, path: Path) -> Path:
    """Draws one line per method, the mean over seeds, in a band that holds the middle half of the seeds.

    With several objectives it is the dominated volume that is drawn.

    Args:
        path: PNG, SVG or PDF.

    Raises:
        ConfigurationError: The path's ending is none of these.
    """
    from matplotlib.figure import Figure

    if path.suffix.lower() not in (".png", ".svg", ".pdf"):
        raise ConfigurationError(f"--figure: {path.name!r} has an unknown ending; expected .png, .svg or .pdf")
    with_initial = bool(result.provenance.get("count_initial", False))
    unit = str(result.provenance["objective"]["unit"]).replace("m2", "m$^2$")
    best = "maximum" if result.provenance["objective"].get("direction") == "maximize" else "minimum"
    end = max(run.cost[-1] for run in result.runs)
    # From where every run has a first evaluation: at zero, or a little later when the initial points count.
    costs = np.linspace(max(0.0, *(run.cost[0] for run in result.runs)), end, POINTS)
    volumes = all(run.volume for run in result.runs)
    with drawing():
        beside = len(result.methods()) > INSIDE
        figure = Figure(figsize=(7.8 if beside else 5.6, 3.8), layout="constrained")
        axes = figure.subplots()
        shown = {
            method: np.array(
                [at_cost(run, "volume" if volumes else "mean_gap", costs) for run in result.runs if run.method == method]
            )
            for method in result.methods()
        }
        least = -np.inf if volumes else FLOOR * max(float(curves.max()) for curves in shown.values())
        for method, (colour, dashes) in line_styles(result.methods()).items():
            curves = np.maximum(shown[method], least)
            share = 100 * costs / result.exhaustive_cost
            axes.plot(
                share, curves.mean(axis=0), dashes, color=colour, lw=1.8, label=f"{method} ({counted(len(curves), 'seed')})"
            )
            lower, upper = np.quantile(curves, [0.25, 0.75], axis=0)
            axes.fill_between(share, lower, upper, color=colour, alpha=0.18, lw=0)
        axes.set_yscale("linear" if volumes else "log")
        axes.set_xlim(0, 100 * end / result.exhaustive_cost)
        axes.set_xlabel(f"cost {'with' if with_initial else 'after'} the initial points [% of the exhaustive cost]")
        axes.set_ylabel(
            "dominated hypervolume / that of the true front" if volumes else f"mean gap to the true {best} [{unit}]"
        )
        axes.grid(alpha=0.3, lw=0.5, which="both", axis="y")
        if beside:
            figure.legend(loc="outside right upper", frameon=False)
        else:
            axes.legend()
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, dpi=160)
    return path
