"""``python -m benchmarks.equal_boundaries --out result.json``: boundaries of SrTiO3 relaxed by CHGNet, equal or free.

Candidates of the example srtio3-tilt, drawn at random, two of each plane and number of units, are relaxed twice from the same
start: with the inversion that takes each boundary of a cell to the other imposed, and without it. The energy is that at the
chemical potential of rutile [mJ/m^2]; ``differ`` counts cells in which an atom is farther than 0.05 Å from its image, ``lost``
those whose grains are no longer the crystal, which a campaign counts as failures. Times are of the processor.
"""

from __future__ import annotations

import json
import time
from pathlib import Path

import numpy as np

from benchmarks.command import command
from tansaku.calculators.calculator_registry import open_calculator
from tansaku.calculators.structures.compound_boundary import Content, inversion_images
from tansaku.calculators.workflows.boundary_energy import planar_area
from tansaku.calculators.workflows.compound_boundary import (
    LARGEST_MOTION,
    CompoundReference,
    asymmetry,
    compound_reference,
    grain_motion,
    relaxed_boundary,
)
from tansaku.models.domain.errors import CalculationError
from tansaku.models.domain.ports import Calculator
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.specs.compound_boundary import CompoundBoundarySpaceSpec
from tansaku.models.domain.specs.relaxation import RelaxationSpec
from tansaku.spaces.compound_boundary import CompoundBoundarySpace
from tansaku.tasks.node.configuration.campaign_files import load_campaign
from tansaku.tasks.node.jobs.compound_boundary import ALIKE
from tansaku.tasks.node.jobs.machine import describe_machine
from tansaku.tasks.node.jobs.spool_files import write_json

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "srtio3-tilt.yaml"
EACH = 2


def chosen(space: CompoundBoundarySpace, each: int) -> list[str]:
    """Candidates drawn at random, some of each system."""
    pool, random, found = space.pool(), np.random.default_rng(0), list[str]()
    for code in range(len(pool.systems)):
        found += [str(name) for name in random.choice(pool.ids[pool.system_codes == code], each, replace=False)]
    return found


def relaxed(
    calculator: Calculator, job: tuple[CompoundBoundarySpace, CompoundReference, RelaxationSpec], name: str
) -> JsonDict:
    """Both relaxations of a candidate."""
    space, reference, relaxation = job
    start = space.built(name, reference.crystal)
    row: JsonDict = {"candidate": name, "atoms": len(start)}
    for mode, images in (("free", None), ("kept", inversion_images(start))):
        begin = time.process_time()
        try:
            result = relaxed_boundary(calculator, start, relaxation, images)
        except CalculationError as error:
            row[mode] = {"failure": error.reason, "seconds": round(time.process_time() - begin, 1)}
            continue
        area = planar_area(result.atoms)
        content = Content(int(start.info["formula_units"]), int(start.info["excess_units"]))
        row[mode] = {
            "energy": round(1000.0 * reference.boundary_energy(result.energy, content, area), 1),
            "asymmetry": round(asymmetry(start, result.atoms), 4),
            "grain_motion": round(grain_motion(start, result.atoms), 3),
            "lost": grain_motion(start, result.atoms) > LARGEST_MOTION * reference.crystal.nearest,
            "steps": result.steps,
            "seconds": round(time.process_time() - begin, 1),
        }
    return row


def summary(rows: list[JsonDict]) -> JsonDict:
    """Numbers over all candidates, of each mode."""
    found: JsonDict = {}
    for mode in ("free", "kept"):
        several = [row[mode] for row in rows if "energy" in row[mode]]
        found[mode] = {
            "relaxed": len(several),
            "differ": sum(row["asymmetry"] > ALIKE for row in several),
            "lost": sum(row["lost"] for row in several),
            "steps": sum(row["steps"] for row in several),
            "seconds": round(sum(row[mode]["seconds"] for row in rows)),
        }
    return found


def main() -> None:
    """Entry of the command."""
    options = command("equal_boundaries", __doc__, quick="one candidate").parse_args()
    spec = load_campaign(EXAMPLE).spec
    assert isinstance(spec.space, CompoundBoundarySpaceSpec)
    space = CompoundBoundarySpace(spec.space, EXAMPLE.parent)
    assert spec.calculator is not None
    calculator, relaxation = open_calculator(spec.calculator, EXAMPLE.parent), spec.calculator.relaxation
    reference = compound_reference(calculator, space.crystal, space.phases, relaxation)
    rows: list[JsonDict] = []
    for name in chosen(space, EACH)[: 1 if options.quick else None]:
        rows.append(relaxed(calculator, (space, reference, relaxation), name))
        print(json.dumps(rows[-1]), flush=True)
    result = {"schema_version": 1, "provenance": describe_machine(), "summary": summary(rows), "rows": rows}
    write_json(options.out, result)
    print(json.dumps(result["summary"], indent=2))


if __name__ == "__main__":
    main()
