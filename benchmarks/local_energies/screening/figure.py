"""The figure of the experiment."""

from __future__ import annotations

from pathlib import Path

from matplotlib import colormaps

from benchmarks.command import figure_file
from tansaku.models.domain.records import JsonDict
from tansaku.tasks.read.figures.style import FAINT
from tansaku.tasks.read.screening.rows import ScreenRow, best_of_each, family, rank_correlation


def draw(rows: list[ScreenRow], found: list[JsonDict], path: Path) -> None:
    """Best of each boundary by both potentials, its energy against the angle, and predictions against CHGNet itself."""
    names = sorted({family(row.axis) for row in rows})
    colours = {name: colormaps["turbo"]((place + 0.5) / len(names)) for place, name in enumerate(names)}
    best = best_of_each(rows)
    with figure_file(path, 12.0, 3.9) as figure:
        ranked, angles, checked = figure.subplots(1, 3)
        top = 1.05 * max(max(row.computed, row.predicted) for row in best)
        ranked.plot((0, top), (0, top), "-", color=FAINT, lw=0.8)
        for name, colour in colours.items():
            mine = [row for row in best if family(row.axis) == name]
            ranked.plot(
                [row.computed for row in mine], [row.predicted for row in mine], "o", ms=3, mew=0, color=colour, label=name
            )
            rising = sorted(mine, key=lambda row: row.angle)
            angles.plot([row.angle for row in rising], [row.predicted for row in rising], "o-", ms=2.5, lw=0.6, color=colour)
            again = [item for item in found if family(tuple(item["axis"])) == name]
            checked.errorbar(
                [item["chgnet"] for item in again],
                [item["predicted"][1] for item in again],
                yerr=[item["deviation"] for item in again],
                fmt="o",
                ms=3,
                lw=0.7,
                color=colour,
            )
        ranked.set(xlim=(0, top), ylim=(0, top), xlabel="embedded atom [mJ/m²]", ylabel="predicted for CHGNet [mJ/m²]")
        ranked.set_title(f"best of {len(best)} boundaries, rank correlation {rank_correlation(best):.3f}", fontsize=9)
        ranked.legend(title="tilt axis", fontsize=7, title_fontsize=7)
        angles.set(xlabel="misorientation angle [°]", ylabel="predicted for CHGNet [mJ/m²]", ylim=(0, None))
        angles.set_title(f"lowest of {len(rows)} structures", fontsize=9)
        limit = 1.05 * max(max(item["chgnet"], item["predicted"][1]) for item in found)
        checked.plot((0, limit), (0, limit), "-", color=FAINT, lw=0.8)
        checked.set(xlim=(0, limit), ylim=(0, limit), xlabel="CHGNet [mJ/m²]", ylabel="predicted for CHGNet [mJ/m²]")
        checked.set_title(f"{len(found)} structures computed by CHGNet", fontsize=9)
