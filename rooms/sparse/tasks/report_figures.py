"""Figures of a report on a table, as its page shows them: how many sets have which free energy, how probable each column is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from tansaku.models.domain.records import JsonDict
from tansaku.tasks.read.figures.drawing import Drawing
from tansaku.tasks.read.figures.style import ACCENT, MAIN, figure_at

_MOST_BARS = 30


def report_drawings(report: JsonDict) -> list[Drawing]:
    """The figures of a report.

    Args:
        report: As `tansaku sparse search` writes it.
    """
    density, posterior = report["density_of_states"], report["feature_posterior"]
    edges, logs = density["edges"], [None if log is None else log / np.log(10.0) for log in density["log_count"]]
    states: dict[str, list[Any]] = {"from": edges[:-1], "to": edges[1:], "log10 of the number of sets": logs}
    ordered = sorted(posterior.items(), key=lambda item: -item[1])
    columns: dict[str, list[Any]] = {"column": [name for name, _ in ordered], "probability": [share for _, share in ordered]}
    units = dict.fromkeys(("from", "to"), "nats")
    return [
        Drawing("density", states, lambda path: _draw_density(report, edges, logs, path), units=units),
        Drawing("columns", columns, lambda path: _draw_columns(ordered[:_MOST_BARS], path)),
    ]


def _draw_density(report: JsonDict, edges: list[float], logs: list[float | None], path: Path) -> Path:
    with figure_at(path, 5.6, 3.4) as figure:
        axes = figure.subplots()
        axes.stairs(np.array(logs, dtype=np.float64), edges, color=MAIN)
        chosen = {"search": report["models"][0]["energy"]} | {
            name: found["energy"] for name, found in report["methods"].items()
        }
        for name, energy in chosen.items():
            place = min(max(int(np.searchsorted(edges, energy, side="right")) - 1, 0), len(logs) - 1)
            axes.plot(energy, logs[place] or 0.0, "o", color=ACCENT, ms=5)
            axes.annotate(name, (energy, logs[place] or 0.0), (4, 4), textcoords="offset points", fontsize=7, parse_math=False)
        axes.set_xlabel("free energy [nats]; smaller is better")
        axes.set_ylabel("log10 of the number of sets")
    return path


def _draw_columns(shares: list[tuple[str, float]], path: Path) -> Path:
    with figure_at(path, 5.6, 0.8 + 0.2 * len(shares)) as figure:
        axes = figure.subplots()
        axes.barh(range(len(shares)), [share for _, share in shares], color=MAIN)
        axes.set_yticks(range(len(shares)), [name for name, _ in shares], parse_math=False)
        axes.invert_yaxis()
        axes.set_xlim(0.0, 1.0)
        axes.set_xlabel("probability that the column belongs to the model")
    return path
