"""``python -m benchmarks.local_energies.screening --out FILE``: boundaries of six axes, ranked by a model of one axis.

`tansaku model screen al-screen.yaml` wrote the table beside this file: structures of the tilt boundaries up to Σ 99 on six
axes, relaxed by an embedded-atom potential, with its boundary energies and those that the model of ``al-local.yaml`` predicts,
which learned CHGNet's energies of atoms at [110] boundaries up to Σ 20. The command ranks the table. Then it trains the model
again, builds, relaxes and predicts some boundaries of each axis again, and compares them with the table and with CHGNet
itself. A second figure, ``-atoms``, shows these boundaries with their atoms coloured by predicted energy.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib import colormaps

from benchmarks.command import command, figure_file
from benchmarks.local_energies.screening.cases import TABLE, Screened, ranks, sample, verified
from tansaku.models.domain.identifiers import file_sha256
from tansaku.models.domain.records import JsonDict
from tansaku.tasks.node.jobs.machine import describe_machine
from tansaku.tasks.node.jobs.spool_files import write_json
from tansaku.tasks.read.figures.structures import draw_png
from tansaku.tasks.read.figures.style import FAINT
from tansaku.tasks.read.screening.rows import ScreenRow, best_of_each, family, rank_correlation, read_table

PER_AXIS = 5
_PICTURES = 15


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
            rising = sorted(mine, key=lambda row: row.angle or 0.0)
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


def main() -> None:
    """Ranks the table, computes the sample again and writes the result."""
    quick = "one boundary of each axis is computed again"
    given = command(
        "local_energies.screening", __doc__, quick=quick, figure="predicted, computed and checked energies"
    ).parse_args()
    rows = read_table(TABLE)
    screened = Screened.opened()
    found, pictures = [], []
    for row in sample(rows, 1 if given.quick else PER_AXIS):
        numbers, picture = screened.again(row)
        found.append(numbers)
        pictures.append(picture)
        print(
            f"{row.candidate:<34}{row.atoms:>5} atoms: computed {row.computed:.0f}, predicted {row.predicted:.0f} ± "
            f"{numbers['deviation']:.0f}, by CHGNet {numbers['chgnet']:.0f} mJ/m²",
            flush=True,
        )
    result = {
        "schema_version": 1,
        "structures": len(rows),
        "boundaries": len(best_of_each(rows)),
        "atoms": sum(row.atoms for row in rows),
        "rank_correlation": {"structures": ranks(rows), "boundaries": ranks(best_of_each(rows))},
        "median_deviation": float(np.median([row.deviation for row in rows])),
        "largest_difference": {
            name: max(abs(item[name][1] - item[name][0]) for item in found) for name in ("computed", "predicted")
        },
        "verified": verified(found),
        "sample": found,
        "data": {"file": TABLE.name, "sha256": file_sha256(TABLE)},
        "provenance": describe_machine(),
    }
    write_json(given.out, result)
    if given.figure is not None:
        draw(rows, found, given.figure)
        draw_png(pictures[:_PICTURES], given.figure.with_stem(f"{given.figure.stem}-atoms"))


if __name__ == "__main__":
    main()
