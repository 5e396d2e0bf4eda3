"""Found compositions against evaluations: the best one, and those below two thresholds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.command import figure_file

STYLES = {
    "random": ("#9a9a9a", "-"),
    "obo": ("#3b76b0", "-"),
    "abo": ("#4f8f4f", "-"),
    "default": ("#3b3b3b", "-"),
    "li-hp": ("#d98b2b", "-"),
    "li-gp": ("#b03a48", "-"),
    "li-gp-one-point": ("#b03a48", "--"),
    "auto": ("#7a4fa0", "--"),
    "limit-abo": ("#4f8f4f", ":"),
    "limit-obo": ("#3b76b0", ":"),
}
PANELS = ("p_best", "qualifying_share", "qualifying_share_as_many")

GOALS = {"p_best": (25, 0.9), "qualifying_share": (50, 0.9), "qualifying_share_as_many": (50, 0.9)}
"""Evaluations and share that are wanted."""


def draw(result: dict[str, Any], path: Path) -> Path:
    """Draws the curves with their 95 % bands."""
    panels = [name for name in PANELS if name in result]
    at = np.arange(1, result["evaluations"] + 1)
    with figure_file(path, 3.7 * len(panels), 3.9) as figure:
        axes = figure.subplots(1, len(panels), squeeze=False).reshape(-1)
        for ax, name in zip(axes, panels, strict=True):
            for method, (colour, line) in STYLES.items():
                if method not in result[name]:
                    continue
                low, high = result[f"{name}_band"][method]
                ax.plot(at, result[name][method], color=colour, ls=line, lw=1.4, label=_label(method, result))
                ax.fill_between(at, low, high, color=colour, alpha=0.15, lw=0)
            ax.plot(*GOALS[name], marker="+", ms=11, mew=1.6, color="black", ls="", label="goal")
            ax.set_title(_title(name, result), fontsize=9)
            ax.set_xlabel("evaluations, random ones included")
            ax.set_ylim(0, 1.02)
            ax.set_xlim(1, at[-1])
            ax.grid(alpha=0.3, lw=0.5)
        axes[0].set_ylabel("share of searches" if len(panels) == 1 else "share")
        # The first panel has every method, the last one has space for the legend.
        axes[-1].legend(*axes[0].get_legend_handles_labels(), fontsize="x-small", loc="lower right")
        whole = "all" if result["complete"] else "ONLY A PART:"
        figure.suptitle(
            f"Sodium tavorites, {result['table']}; {whole} {result['rows']} of {result['of']} compositions", fontsize=10
        )
    return path


def _label(method: str, result: dict[str, Any]) -> str:
    preset = result["lithium"]["preset"]
    return f"{method} ({preset})" if method in ("li-hp", "li-gp", "li-gp-one-point", "auto") else method


def _title(name: str, result: dict[str, Any]) -> str:
    if name == "p_best":
        return "the best composition is found"
    threshold = result["thresholds"][name]
    return f"found of the {threshold['qualifying']} below {threshold['value']:.2f} eV"
