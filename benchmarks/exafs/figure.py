"""Shells of synthetic copper that are found, and the distance up to which all are, by noise and temperature."""

from __future__ import annotations

from pathlib import Path

from benchmarks.command import figure_file
from tansaku.models.domain.records import JsonDict
from tansaku.tasks.read.figures.style import ACCENT, FAINT, MAIN

_PANELS = {
    "found": "share of the shells that is found",
    "reach": "all shells found up to [Å]",
    "false": "false shells per spectrum",
}


def draw(result: JsonDict, path: Path) -> Path:
    """Draws the measures of each case.

    Args:
        result: What ``result.json`` holds.
        path: Of the figure.
    """
    by_temperature: dict[str, list[tuple[float, JsonDict]]] = {}
    for name, case in result["cases"].items():
        temperature, noise = name.split(", noise ")
        by_temperature.setdefault(temperature, []).append((float(noise), case))
    with figure_file(path, 3.0 * len(_PANELS), 2.8) as figure:
        axes = figure.subplots(1, len(_PANELS))
        for ax, (key, label) in zip(axes, _PANELS.items(), strict=True):
            for colour, (temperature, cases) in zip((MAIN, ACCENT, FAINT), by_temperature.items(), strict=False):
                ax.plot([noise for noise, _ in cases], [case[key] for _, case in cases], "o-", color=colour, label=temperature)
            ax.set_xscale("log")
            noises = sorted({noise for cases in by_temperature.values() for noise, _ in cases})
            ax.set_xticks(noises, [f"{noise:g}" for noise in noises])
            ax.minorticks_off()
            ax.set_ylim(bottom=0.0)
            ax.set_xlabel("deviation of the noise of chi")
            ax.set_ylabel(label)
        axes[0].legend()
    return path
