"""``python -m benchmarks.local_energies.compounds.screening --out FILE``: a screen of MgO, and the truth of its stop sentence.

`tansaku model screen` wrote both tables beside this file: structures of symmetric tilt boundaries of MgO on several axes,
relaxed as rigid ions. In ``mgo-screen.csv.gz`` a model of CHGNet's energies ranks them, and CHGNet computed the promising
ones. In ``mgo-screen-ions.csv.gz`` a model of the ions' own energies does, which are known of all structures: errors of
those that a screen did not compute, and the boundaries that it found, are compared with the truth. The choice of structures
is repeated from several seeds with the known energies.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from benchmarks.command import command
from tansaku.models.domain.identifiers import file_sha256
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.specs.screen import ScreenLabelSpec
from tansaku.tasks.node.jobs.machine import describe_machine
from tansaku.tasks.node.jobs.spool_files import write_json
from tansaku.tasks.read.screening.labelling import Labelled, LabelRow, label_promising
from tansaku.tasks.read.screening.predicting import load_screen
from tansaku.tasks.read.screening.rows import RowFile, ScreenRow, best_of_each, lowest_labelled, rank_correlation, read_table

HERE = Path(__file__).parent
FILES = {"chgnet": "mgo-screen", "ions": "mgo-screen-ions"}
SEEDS = 20


def spec_of(name: str) -> ScreenLabelSpec:
    """The computations that the screen of a file asks for."""
    found = load_screen(HERE / f"{FILES[name]}.yaml").spec.label
    assert found is not None
    return found


def table_of(name: str) -> list[ScreenRow]:
    """The table of a screen."""
    return read_table(HERE / f"{FILES[name]}.csv.gz")


def repeated(rows: list[ScreenRow], spec: ScreenLabelSpec, seed: int) -> Labelled:
    """The choice of a screen with the energies that the relaxing calculator gave all structures."""
    with tempfile.TemporaryDirectory() as folder:
        kept = RowFile(Path(folder) / "labels.jsonl", LabelRow)
        return label_promising(
            rows, spec, lambda row: LabelRow(structure=row.structure, energy=row.computed), kept, np.random.default_rng(seed)
        )


def judged(found: Labelled) -> JsonDict:
    """Compares a screen of known energies with the truth."""
    truth = sorted({row.boundary: 0 for row in found.rows})
    best = {
        boundary: min((row for row in found.rows if row.boundary == boundary), key=lambda row: row.computed)
        for boundary in truth
    }
    wanted = sorted(best.values(), key=lambda row: row.computed)[: found.verdict.lowest]
    listed = lowest_labelled(found.rows)[: found.verdict.lowest]
    left = [row for row in found.rows if row.label is None]
    errors = np.array([(row.computed - (row.corrected or 0.0)) / (row.corrected_deviation or 1.0) for row in left])
    return {
        **{key: value for key, value in found.verdict.to_json().items() if key != "sentence"},
        "same_boundaries": sum(row.boundary in {other.boundary for other in wanted} for row in listed),
        "same_structures": sum(row.candidate in {other.candidate for other in wanted} for row in listed),
        "too_high": [round(row.computed - best[row.boundary].computed, 2) for row in listed],
        "within_one": float((np.abs(errors) <= 1.0).mean()),
        "within_two": float((np.abs(errors) <= 2.0).mean()),
    }


def main() -> None:
    """Reads both tables and writes the result."""
    given = command("local_energies.compounds.screening", __doc__, quick="three seeds").parse_args()
    tables = {name: table_of(name) for name in FILES}
    found = [repeated(tables["ions"], spec_of("ions"), seed) for seed in range(3 if given.quick else SEEDS)]
    labelled = [row for row in tables["chgnet"] if row.label is not None]
    judgements = [judged(item) for item in found]
    result = {
        "schema_version": 1,
        "structures": len(tables["chgnet"]),
        "boundaries": len(best_of_each(tables["chgnet"])),
        "chgnet": {
            "computed": len(labelled),
            "rank_correlation": rank_correlation([row.model_copy(update={"computed": row.label}) for row in labelled]),
            "lowest": [
                {"system": row.system, "label": row.label, "predicted": row.predicted, "corrected": row.corrected}
                for row in lowest_labelled(tables["chgnet"])[:10]
            ],
        },
        "ions": judgements,
        "data": [{"file": f"{name}.csv.gz", "sha256": file_sha256(HERE / f"{name}.csv.gz")} for name in FILES.values()],
        "provenance": describe_machine(),
    }
    for item in judgements:
        print(item, flush=True)
    write_json(given.out, result)


if __name__ == "__main__":
    main()
