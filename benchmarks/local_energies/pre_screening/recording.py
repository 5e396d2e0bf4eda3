"""``python -m benchmarks.local_energies.pre_screening.recording --label relaxed --out FILE``: records labels.

Labels of the structures with the smallest cells, one line each with the atoms' energies and the processor time; the first line
names the calculator. An existing file is continued.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.command import command
from benchmarks.local_energies.cases import DATA
from benchmarks.local_energies.pre_screening.campaign import candidates
from benchmarks.local_energies.pre_screening.recorded import KINDS, lines, structures
from tansaku.calculators.calculator_registry import open_calculator
from tansaku.models.domain.errors import CalculationError
from tansaku.models.domain.identifiers import file_sha256
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.specs.label import LabelSpec
from tansaku.tasks.node.jobs.machine import describe_machine


def record(kind: str, names: Sequence[str], path: Path) -> None:
    """Computes the missing labels.

    Args:
        kind: Of the label, key of :data:`~benchmarks.local_energies.pre_screening.recorded.KINDS`.
        names: Candidates.
        path: The file, a line each.
    """
    label, known = LabelSpec.model_validate(KINDS[kind].label), structures()
    relaxation = label.calculator.relaxation if label.relaxed else None
    calculator = open_calculator(label.calculator, DATA.parent)
    calculator.evaluate(known[names[0]].copy())  # loads the network
    there = lines(path) if path.exists() else []
    if not there:
        data = {"file": DATA.name, "sha256": file_sha256(DATA)}
        header = {"calculator": calculator.provenance.model_dump(mode="json"), "provenance": describe_machine()}
        there = [{"schema_version": 1, "label": KINDS[kind].label, "data": data} | header]
    # Rewritten, since a killed process may have left an incomplete line.
    path.write_text("".join(json.dumps(item) + "\n" for item in there), encoding="utf-8")
    done = {item["candidate"] for item in there[1:]}
    with path.open("a", encoding="utf-8") as stream:
        for name in names:
            if name in done:
                continue
            begun, found = time.process_time(), dict[str, object]()
            try:
                result = calculator.evaluate(known[name].copy(), relaxation)
                found = {"steps": result.steps, "energies": np.asarray(result.energies).round(6).tolist()}
            except CalculationError as error:
                found = {"failed": error.reason, "message": str(error)}
            line: JsonDict = {"candidate": name, "cpu_seconds": round(time.process_time() - begun, 3)} | found
            stream.write(json.dumps(line) + "\n")
            stream.flush()
            print(f"{name:<28}{len(known[name]):>5} atoms{line['cpu_seconds']:9.1f} s  {line.get('failed', '')}", flush=True)


def main() -> None:
    """Records the labels."""
    parser = command("local_energies.pre_screening.recording", __doc__, quick="the two smallest structures")
    parser.add_argument("--label", choices=[name for name, kind in KINDS.items() if kind.file], required=True, help="which")
    given = parser.parse_args()
    names = candidates("cheapest", KINDS[given.label].systems)
    record(given.label, names[:2] if given.quick else names, given.out)


if __name__ == "__main__":
    main()
