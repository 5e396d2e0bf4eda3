"""``python -m benchmarks.local_energies.screening --out FILE``: boundaries of six axes, ranked by a model of one axis.

`tansaku model screen al-screen.yaml` wrote the table beside this file: structures of the tilt boundaries up to Σ 99 on six
axes, relaxed by an embedded-atom potential, with its boundary energies and those that the model of ``al-local.yaml`` predicts,
which learned CHGNet's energies of atoms at [110] boundaries up to Σ 20. The command ranks the table. Then it trains the model
again, builds, relaxes and predicts some boundaries of each axis again, and compares them with the table and with CHGNet
itself. A second figure, ``-atoms``, shows these boundaries with their atoms coloured by predicted energy.
"""

from __future__ import annotations

import numpy as np

from benchmarks.command import command
from benchmarks.local_energies.screening.cases import TABLE, Screened, ranks, sample, verified
from benchmarks.local_energies.screening.figure import draw
from tansaku.models.domain.identifiers import file_sha256
from tansaku.tasks.node.jobs.machine import describe_machine
from tansaku.tasks.node.jobs.spool_files import write_json
from tansaku.tasks.read.figures.structures import draw_png
from tansaku.tasks.read.screening.rows import best_of_each, read_table

PER_AXIS = 5
_PICTURES = 15


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
