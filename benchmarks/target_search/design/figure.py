"""The best binding energy after each evaluation, by method."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.command import figure_file

COLOURS = {"transfer": "#3b76b0", "sparse": "#b03a48", "gp": "#3d8a4f", "random": "#9a9a9a"}
NAMES = {"transfer": "process that knows the table", "sparse": "sparse models", "gp": "process", "random": "random choice"}


def draw(result: dict[str, Any], path: Path) -> Path:
    """Draws each campaign as a thin line and their mean as a thick one, with the best known solvents.

    Args:
        result: What ``result.json`` holds.
        path: Of the PNG file.
    """
    with figure_file(path, 5.2, 3.6) as figure:
        ax = figure.subplots()
        for method, colour in COLOURS.items():
            curves = [c["curve"] for name, c in result["campaigns"].items() if name.split("-")[1] == method]
            if not curves:
                continue
            shortest = min(map(len, curves))
            at = np.arange(1, shortest + 1)
            for curve in curves:
                ax.plot(at, curve[:shortest], color=colour, lw=0.6, alpha=0.6)
            mean = np.mean([curve[:shortest] for curve in curves], axis=0)
            ax.plot(at, mean, color=colour, lw=2.0, label=f"{NAMES[method]} ({len(curves)})")
        for known in result["known"][:2]:
            ax.axhline(known["energy"], color="black", lw=0.6, ls=":")
            ax.annotate(known["name"], (1, known["energy"]), (2, 2), textcoords="offset points", fontsize="x-small")
        ax.set_xlabel("evaluations")
        ax.set_ylabel("strongest binding of Li⁺ [kJ/mol]")
        ax.legend(title="method (campaigns)", fontsize="x-small", title_fontsize="x-small")
    return path
