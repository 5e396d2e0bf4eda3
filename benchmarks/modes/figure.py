"""Losses of each set of snapshots by number of modes: the search and its peers."""

from __future__ import annotations

from pathlib import Path

from benchmarks.command import figure_file
from tansaku.models.domain.records import JsonDict
from tansaku.tasks.read.figures.style import ACCENT, FAINT, INK, MAIN

_PEERS = {
    "relaxation": ("relaxation (ours)", ACCENT, "s"),
    "pydmd": ("PyDMD", FAINT, "^"),
    "pydmd_published": ("PyDMD, threshold as published", INK, "x"),
}


def draw(result: JsonDict, path: Path) -> None:
    """Draws the losses.

    Args:
        result: What ``result.json`` holds.
        path: Of the figure.
    """
    losses = result["losses"]
    with figure_file(path, 3.0 * len(losses), 2.9) as figure:
        axes = figure.subplots(1, len(losses), squeeze=False).reshape(-1)
        for ax, (name, measured) in zip(axes, losses.items(), strict=True):
            rows = measured["rows"]
            ax.plot(*_points(rows, "search"), color=MAIN, lw=1.4, label="search")
            for key, (label, colour, marker) in _PEERS.items():
                ax.plot(*_points(rows, key), marker, color=colour, ms=4, mfc="none", label=label)
            ax.set_yscale("log")
            ax.set_title(f"{name}, {measured['rank']} modes", fontsize=9)
            ax.set_xlabel("modes chosen")
        axes[0].set_ylabel("share of the square left over")
        axes[0].legend(fontsize="x-small")


def _points(rows: list[JsonDict], key: str) -> tuple[list[int], list[float]]:
    """Numbers of modes and losses, where there is a set."""
    known = [row for row in rows if row.get(key) is not None]
    return [row["modes"] for row in known], [row[key] for row in known]
