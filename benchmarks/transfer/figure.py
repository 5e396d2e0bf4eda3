"""Gap against evaluations, one panel per problem and source."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.command import figure_file

COLOURS = {
    "default": "#3b3b3b",
    "default+hyperparameters": "#d98b2b",
    "default+posterior": "#3b76b0",
    "default+joint": "#4f8f4f",
    "default+auto": "#b03a48",
}
SHARE_OF_WORST = 1e-3
PER_ROW = 3


def draw(result: dict[str, Any], path: Path) -> Path:
    """Draws the mean gap of every method, ``default+auto`` in a band of two standard errors."""
    panels = result["problems"]
    rows = -(-len(panels) // PER_ROW)
    with figure_file(path, 10.2, 3.0 * rows + 0.4) as figure:
        axes = figure.subplots(rows, min(PER_ROW, len(panels)), squeeze=False).reshape(-1)
        for ax, panel in zip(axes, panels, strict=False):
            floor = SHARE_OF_WORST * max(curve["gap"][0] for curve in panel["methods"].values())
            at = np.arange(1, panel["evaluations"] + 1)
            for method, curve in panel["methods"].items():
                gap, error = np.asarray(curve["gap"]), np.asarray(curve["gap_error"])
                emphasised = method in ("default", "default+auto")
                ax.plot(at, np.maximum(gap, floor), color=COLOURS.get(method), lw=1.8 if emphasised else 1.0, label=method)
                if emphasised:
                    band = np.maximum([gap - 2 * error, gap + 2 * error], floor)
                    ax.fill_between(at, band[0], band[1], color=COLOURS.get(method), alpha=0.12, lw=0)
            ax.set_yscale("log")
            ax.set_title(panel["name"])
            ax.set_xlabel("evaluations, initial points included")
            ax.set_ylabel(f"mean gap [{panel['unit'].replace('m2', 'm$^2$')}]")
            ax.grid(alpha=0.3, lw=0.5, axis="y")
        for ax in axes[len(panels) :]:
            ax.set_axis_off()
        axes[0].legend(fontsize="small")
    return path
