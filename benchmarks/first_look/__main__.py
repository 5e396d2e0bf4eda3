"""``python -m benchmarks.first_look --out result.json``: labels that a LASSO, retrained as results come, makes needless.

The campaign of ``examples/al-first-look.yaml`` over recorded structures of the 22 [110] tilt boundaries of aluminium with the
smallest cells, six of each, local minima of an embedded-atom potential; wanted is, of each boundary, the structure that is best
by CHGNet. Without first looks all 132 are computed by CHGNet; with them a structure is left at its prediction where that is
worse than the best computed one of its boundary by more than so many deviations. The loop, the trainings and the looks are the
product's own; energies come from the record, so that what they cost is counted in labels and in labelled atoms, and beside it
the processor time that the surrogate took. The same answer means: the same structure is best.
"""

from __future__ import annotations

import json
import time

from benchmarks.command import command, results
from benchmarks.first_look.campaign import EXAMPLE, Case, label_seconds, run
from benchmarks.first_look.figure import draw
from benchmarks.local_energies.cases import DATA
from tansaku.models.domain.identifiers import file_sha256
from tansaku.models.domain.records import JsonDict
from tansaku.tasks.machine import describe_machine

ORDERS = ("0", "1", "2")
DEVIATIONS = 3.0
SYSTEMS = 22


def cases(*, quick: bool) -> list[Case]:
    """All campaigns; quickly, ten boundaries and radial functions alone."""
    if quick:
        return [Case("0", None, systems=10), Case("0", DEVIATIONS, systems=10, light=True)]
    with_looks = [Case(order, DEVIATIONS, systems=SYSTEMS) for order in ORDERS]
    return [Case("0", None, systems=SYSTEMS), *with_looks, Case("0", 2.0, systems=SYSTEMS)]


def main() -> None:
    """Runs the campaigns and writes what came out."""
    shown = "labels and gaps against proposals"
    given = command(
        "first_look", __doc__, quick="sixty structures, radial functions", figure=shown, jobs="campaigns"
    ).parse_args()
    begun, runs = time.perf_counter(), []
    found: JsonDict = {
        "schema_version": 1,
        "runs": runs,
        "label": label_seconds(3 if given.quick else 12),
        "data": {"file": DATA.name, "sha256": file_sha256(DATA)},
        "campaign": {"file": EXAMPLE.name, "sha256": file_sha256(EXAMPLE)},
        "provenance": describe_machine(),
    }
    for one in results(run, cases(quick=given.quick), given.jobs):
        runs.append(one)
        look = "all labels" if one["deviations"] is None else f"first look, {one['deviations']:g} deviations"
        print(
            f"order {one['order']:<9}{look:<28}{one['labels']:>4} labels of {one['proposals']}, same answer in "
            f"{one['systems_with_the_same_answer']} of {one['systems']}, largest gap {one['largest_gap_mj_m2']:.2f} mJ/m2, "
            f"trained {one['training_cpu_seconds']:.0f} s",
            flush=True,
        )
        # After each, so that an early end leaves what there is.
        given.out.write_text(json.dumps(found | {"seconds": time.perf_counter() - begun}) + "\n")
    if given.figure is not None:
        draw(found, given.figure)


if __name__ == "__main__":
    main()
