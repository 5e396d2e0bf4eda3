"""``python -m benchmarks.boundary_thickness --out result.json``: from which thickness on do energies of boundaries not change?

Boundaries of the examples srtio3-tilt and li3ocl-tilt by CHGNet. Some candidates of a plane and number of units, drawn at
random, are relaxed with the example's grains, both boundaries of a cell kept equal. The lowest of each is thickened step by
step: crystal is put into the middle of both relaxed grains, where atoms are displaced at random so that octahedra can tilt, and
the cell relaxes again. Energies [mJ/m^2] are at the chemical potential of the unit's own crystal, against the crystal with
tilted octahedra and, ``untilted``, against that of the file; the motion is that of atoms in the middle of a grain [Å]. A run
that was interrupted continues.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from ase import Atoms

from benchmarks.command import begun, command, figure_file
from tansaku.calculators.calculator_registry import open_calculator
from tansaku.calculators.structures.compound_boundary import Content, inversion_images
from tansaku.calculators.workflows.boundary_convergence import shaken_middle
from tansaku.calculators.workflows.boundary_energy import EV_PER_A2, planar_area
from tansaku.calculators.workflows.compound_boundary import (
    CompoundReference,
    compound_reference,
    grain_motion,
    relaxed_boundary,
)
from tansaku.models.domain.errors import CalculationError
from tansaku.models.domain.ports import CalculationResult, Calculator
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.specs.compound_boundary import CompoundBoundarySpaceSpec
from tansaku.models.domain.specs.relaxation import RelaxationSpec
from tansaku.spaces.compound_boundary import CompoundBoundarySpace
from tansaku.tasks.node.configuration.campaign_files import load_campaign
from tansaku.tasks.node.jobs.machine import describe_machine
from tansaku.tasks.node.jobs.spool_files import write_json

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
SYSTEMS = {
    "srtio3-tilt": ("111-TiO2p0", "112-TiO2p0", "112-TiO2p2"),
    "li3ocl-tilt": ("111-LiClp0", "112-LiClp0", "210-LiClp0", "310-LiClp0", "210-LiClm2"),
}
"""Systems of each example: the stoichiometric ones, and one with a unit more or fewer."""

EACH = 2
THICKNESSES = (16.0, 24.0, 32.0, 48.0)
LIMIT = 10.0
"""Change of an energy below which it counts as converged [mJ/m^2]."""


@dataclass(frozen=True)
class Example:
    """An example whose boundaries are thickened.

    Attributes:
        space: Its space.
        calculator: Its calculator.
        relaxation: Of its candidates.
        reference: Its crystals.
    """

    space: CompoundBoundarySpace
    calculator: Calculator
    relaxation: RelaxationSpec
    reference: CompoundReference

    @property
    def gain(self) -> float:
        """Energy that a formula unit gains when octahedra tilt in the crystal [eV]."""
        return 0.0 if self.reference.distortion is None else self.reference.distortion.energy

    def relaxed(self, start: Atoms, begin: Atoms) -> tuple[CalculationResult, JsonDict]:
        """A relaxation, with its energy and the motion in the middle of a grain."""
        seconds = time.process_time()
        result = relaxed_boundary(self.calculator, begin, self.relaxation, inversion_images(start))
        content = Content(int(start.info["formula_units"]), int(start.info["excess_units"]))
        area = planar_area(result.atoms)
        energy = self.reference.boundary_energy(result.energy, content, area)
        untilted = energy - self.gain * content.bulk / (2.0 * area) * EV_PER_A2
        return result, {
            "atoms": len(start),
            "energy": round(1000.0 * energy, 1),
            "untilted": round(1000.0 * untilted, 1),
            "motion": round(grain_motion(start, result.atoms), 3),
            "seconds": round(time.process_time() - seconds, 1),
        }

    def thickened(self, candidate: str) -> list[JsonDict]:
        """A candidate with thicker and thicker grains."""
        start = self.space.built(candidate, self.reference.crystal)
        slabs = self.space.slabs(candidate, self.reference.crystal)
        result, row = self.relaxed(start, start)
        rows = [{"thickness": round(slabs.thinnest, 1), **row}]
        for thickness in THICKNESSES:
            built, begin = self.space.thickened(start, result.atoms, slabs, thickness)
            try:
                start, slabs = built, slabs.thicker(thickness - slabs.thinnest)
                result, row = self.relaxed(start, shaken_middle(built, begin))
            except CalculationError as error:
                rows.append({"thickness": round(slabs.thinnest, 1), "atoms": len(built), "failure": error.reason})
                break
            rows.append({"thickness": round(slabs.thinnest, 1), **row})
        return rows


def opened(name: str) -> Example:
    """An example by its name."""
    spec = load_campaign(EXAMPLES / f"{name}.yaml").spec
    assert isinstance(spec.space, CompoundBoundarySpaceSpec)
    assert spec.calculator is not None
    space = CompoundBoundarySpace(spec.space, EXAMPLES)
    calculator = open_calculator(spec.calculator, EXAMPLES)
    reference = compound_reference(
        calculator, space.crystal, space.phases, spec.calculator.relaxation, space.unit_energies, space.supercell
    )
    return Example(space, calculator, spec.calculator.relaxation, reference)


def lowest(example: Example, system: str, each: int) -> str | None:
    """The lowest of some candidates of a system; None: none relaxes."""
    pool, found = example.space.pool(), dict[str, float]()
    own = pool.ids[pool.system_codes == pool.systems.index(system)]
    for name in np.random.default_rng(0).choice(own, min(each, len(own)), replace=False):
        start = example.space.built(str(name), example.reference.crystal)
        try:
            found[str(name)] = example.relaxed(start, start)[1]["energy"]
        except CalculationError:
            continue
    return min(found, key=lambda name: found[name]) if found else None


def converged_from(rows: list[JsonDict], key: str) -> float | None:
    """Smallest thickness from which on all energies are within the limit of the thickest [Å]; None: none but the thickest."""
    known = [row for row in rows if key in row]
    found = None
    for row in reversed(known[:-1]):
        if abs(row[key] - known[-1][key]) > LIMIT:
            break
        found = float(row["thickness"])
    return found


def draw(result: JsonDict, path: Path) -> None:
    """Energies less those with the thickest grains, by thickness."""
    with figure_file(path, 7.2, 3.4) as figure:
        for axes, name in zip(figure.subplots(1, 2), SYSTEMS, strict=True):
            several = [row for row in result["rows"] if row["example"] == name]
            for place, row in enumerate(several):
                known = [step for step in row["steps"] if "energy" in step]
                for key, style in (("untilted", "o-"), ("energy", "o:")):
                    changes = [step[key] - known[-1][key] for step in known]
                    label = row["system"] if key == "untilted" else None
                    axes.plot(
                        [step["thickness"] for step in known], changes, style, markersize=3, color=f"C{place}", label=label
                    )
            axes.axhspan(-LIMIT, LIMIT, color="0.9")
            axes.set(xlabel="thickness of a grain [Å]", title=name)
            axes.legend(fontsize=6)
        figure.axes[0].set_ylabel("energy less that of the thickest [mJ/m²]")


def main() -> None:
    """Entry of the command."""
    options = command(
        "boundary_thickness", __doc__, quick="one system, one candidate, two thicknesses", figure="changes of the energy"
    ).parse_args()
    result = begun(options.out, {"schema_version": 1, "quick": options.quick, "each": EACH}, rows=[], gains={})
    for name, systems in list(SYSTEMS.items())[: 1 if options.quick else None]:
        example = opened(name)
        result["gains"][name] = round(example.gain, 6)
        for system in systems[: 1 if options.quick else None]:
            if any(row["system"] == system and row["example"] == name for row in result["rows"]):
                continue
            candidate = lowest(example, system, 1 if options.quick else EACH)
            steps = [] if candidate is None else example.thickened(candidate)
            row: JsonDict = {"example": name, "system": system, "candidate": candidate, "steps": steps}
            row["from"] = {key: converged_from(steps, key) for key in ("energy", "untilted")}
            result["rows"].append(row)
            write_json(options.out, result)
            print(json.dumps(row), flush=True)
    result["provenance"] = describe_machine()
    write_json(options.out, result)
    if options.figure is not None:
        draw(result, options.figure)


if __name__ == "__main__":
    main()
