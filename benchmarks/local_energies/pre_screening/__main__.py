"""``python -m benchmarks.local_energies.pre_screening --out FILE``: labels saved by pre-screening with a retrained LASSO.

The campaign of ``examples/al-first-look.yaml`` over recorded structures of the 22 [110] tilt boundaries of aluminium with
the smallest cells, six of each, local minima of an embedded-atom potential; the search looks for the best structure of each
boundary by a universal potential: by CHGNet without relaxation, as in the example; by SevenNet, which takes six times as
long; or (17 boundaries) by CHGNet with relaxation, which takes forty times as long. Without pre-screening all labels are
computed. With it a structure keeps its predicted energy if that is worse than the best computed one of its boundary by more
than a number of deviations. Loop, trainings and pre-screening are those of the product; energies are recorded, and so is the
processor time of the more expensive labels. The time of a CHGNet label is a time per atom that is measured here. The answer
is the same if the same structure is best. ``by_cheap_energy`` has how often it is if only the lowest by the embedded-atom
potential get a label.
"""

from __future__ import annotations

import json
import time

from benchmarks.command import command, results
from benchmarks.local_energies.cases import DATA
from benchmarks.local_energies.pre_screening.campaign import (
    EXAMPLE,
    Case,
    by_cheap_energy,
    cheap_seconds,
    example,
    label_seconds,
    run,
)
from benchmarks.local_energies.pre_screening.figure import draw
from benchmarks.local_energies.pre_screening.recorded import KINDS, lines
from tansaku.models.domain.identifiers import content_hash, file_sha256
from tansaku.models.domain.records import JsonDict
from tansaku.tasks.node.jobs.machine import describe_machine

ORDERS = ("0", "1", "2")
DEVIATIONS = 3.0


def cases(*, quick: bool) -> list[Case]:
    """All campaigns; quickly, ten boundaries and radial functions alone."""
    if quick:
        looks = (None, DEVIATIONS)
        return [Case("0", look, systems=10, light=look is not None, kind=kind) for kind in KINDS for look in looks]
    wanted = [("0", None), *((order, DEVIATIONS) for order in ORDERS), ("0", 2.0)]
    return [Case(order, look, systems=item.systems, kind=kind) for kind, item in KINDS.items() for order, look in wanted]


def main() -> None:
    """Runs the campaigns and writes the result."""
    shown = "labels, cost and predictions"
    given = command(
        "local_energies.pre_screening", __doc__, quick="sixty structures, radial functions", figure=shown, jobs="campaigns"
    ).parse_args()
    begun, runs = time.perf_counter(), list[JsonDict]()
    measured = 3 if given.quick else 12
    found: JsonDict = {
        "schema_version": 2,
        "runs": runs,
        "label": label_seconds(measured),
        "cheap": cheap_seconds(measured),
        "by_cheap_energy": [by_cheap_energy(kind) for kind in KINDS],
        "recorded": {
            kind: lines(item.file)[0] | {"file": item.file.name, "sha256": file_sha256(item.file)}
            for kind, item in KINDS.items()
            if item.file is not None
        },
        "data": {"file": DATA.name, "sha256": file_sha256(DATA)},
        "campaign": {"file": EXAMPLE.name, "content_hash": content_hash(example())},
        "provenance": describe_machine(),
    }
    for item in results(run, cases(quick=given.quick), given.jobs):
        item["cheap_cpu_seconds"] = found["cheap"]["cpu_seconds_per_atom"] * item["all_atoms"]
        if item["label_cpu_seconds"] is None:
            item["label_cpu_seconds"] = found["label"]["cpu_seconds_per_atom"] * item["labelled_atoms"]
        runs.append(item)
        look = "all labels" if item["deviations"] is None else f"pre-screening, {item['deviations']:g} deviations"
        print(
            f"{item['label']:<10}order {item['order']:<9}{look:<28}{item['labels']:>4} labels "
            f"of {item['proposals']}, {item['label_cpu_seconds']:.0f} s, trained {item['training_cpu_seconds']:.1f} s, looked "
            f"{item['look_cpu_seconds']:.1f} s; same answer in {item['systems_with_the_same_answer']} of {item['systems']}, "
            f"largest gap {item['largest_gap_mj_m2']:.2f} mJ/m2",
            flush=True,
        )
        # After each campaign, so that an interrupted run keeps its results.
        given.out.write_text(json.dumps(found | {"seconds": time.perf_counter() - begun}) + "\n")
    if given.figure is not None:
        draw(found, given.figure)


if __name__ == "__main__":
    main()
