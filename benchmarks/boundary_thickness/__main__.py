"""``python -m benchmarks.boundary_thickness --out result.json``: from which thickness on do energies of boundaries not change?

Boundaries of the examples srtio3-tilt and li3ocl-tilt by CHGNet. Some candidates of a plane and number of units, drawn at
random, are relaxed with the example's grains, both boundaries of a cell kept equal. The lowest of each is thickened step by
step: crystal is put into the middle of both relaxed grains, where atoms are displaced at random so that octahedra can tilt, and
the cell relaxes again. Energies [mJ/m^2] are at the chemical potential of the unit's own crystal, against the crystal with
tilted octahedra and, ``untilted``, against that of the file; the motion is that of atoms in the middle of a grain [Å]. A run
that was interrupted continues.

``--repeats 1 2`` computes published candidates (``REPEATED``) in larger planar cells, in which tilts fit: as they are built,
shaken so that the inversion of the cell stays (``kept``), and shaken without it (``free``).
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
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
from tansaku.tasks.node.jobs.spool_files import read_json, write_json

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
PUBLISHED = Path(__file__).resolve().parent / "result.json"
SYSTEMS = {
    "srtio3-tilt": ("111-TiO2p0", "112-TiO2p0", "112-TiO2p2"),
    "li3ocl-tilt": ("111-LiClp0", "112-LiClp0", "210-LiClp0", "310-LiClp0", "210-LiClm2"),
}
"""Systems of each example: the stoichiometric ones, and one with a unit more or fewer."""

EACH = 2
THICKNESSES = (16.0, 24.0, 32.0, 48.0)
REPEATED = (("srtio3-tilt", "112-TiO2p0"), ("li3ocl-tilt", "112-LiClp0"))
"""Systems that ``--repeats`` computes: their energies rise with the thickness in the smallest planar cell."""

REPEATED_THICKNESSES = (24.0,)
SHAKEN = 0.1
"""Standard deviation of the displacements of all atoms, with ``--repeats`` [Å]."""

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

    def relaxed(self, start: Atoms, begin: Atoms, *, kept: bool = True) -> tuple[CalculationResult, JsonDict]:
        """A relaxation, with its energy and the motion in the middle of a grain.

        Args:
            start: The cell as it was built.
            begin: From which it relaxes.
            kept: Whether the inversion stays that makes both boundaries equal.
        """
        seconds = time.process_time()
        images = inversion_images(start) if kept else None
        result = relaxed_boundary(self.calculator, begin, self.relaxation, images)
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

    def shaken(self, candidate: str, thicknesses: Sequence[float]) -> Iterator[JsonDict]:
        """A candidate as it is built, and shaken with its grains and with thicker ones, with and without the inversion."""
        start = self.space.built(candidate, self.reference.crystal)
        slabs = self.space.slabs(candidate, self.reference.crystal)
        begin, thin = start, slabs.thinnest
        for thickness in (thin, *thicknesses):
            if thickness > thin:
                start, begin = self.space.thickened(start, begin, slabs, thickness)
                slabs = slabs.thicker(thickness - slabs.thinnest)
            found = {}
            for state in ("built", "kept", "free") if thickness == thin else ("kept", "free"):
                try:
                    moved = begin if state == "built" else displaced(start, begin, kept=state == "kept")
                    found[state], row = self.relaxed(start, moved, kept=state != "free")
                except CalculationError as error:
                    row = {"failure": error.reason}
                yield {"thickness": round(slabs.thinnest, 1), "state": state, **row}
            begin = min(found.values(), key=lambda result: result.energy).atoms if found else begin


def displaced(start: Atoms, begin: Atoms, *, kept: bool) -> Atoms:
    """All atoms displaced at random, those of images oppositely where the inversion is kept."""
    ways = np.random.default_rng(0).normal(scale=SHAKEN, size=(len(begin), 3))
    found: Atoms = begin.copy()
    found.positions += (ways - ways[inversion_images(start)]) / np.sqrt(2.0) if kept else ways
    return found


def opened(name: str, repeats: tuple[int, int] = (1, 1), fmax: float | None = None) -> Example:
    """An example by its name, with the planar cell repeated and another largest force [eV/Å]."""
    spec = load_campaign(EXAMPLES / f"{name}.yaml").spec
    assert isinstance(spec.space, CompoundBoundarySpaceSpec)
    assert spec.calculator is not None
    space = CompoundBoundarySpace(spec.space.model_copy(update={"repeats": repeats}), EXAMPLES)
    calculator = open_calculator(spec.calculator, EXAMPLES)
    reference = compound_reference(
        calculator, space.crystal, space.phases, spec.calculator.relaxation, space.unit_energies, space.supercell
    )
    relaxation = spec.calculator.relaxation
    if fmax is not None:
        relaxation = relaxation.model_copy(update={"fmax": fmax})
    return Example(space, calculator, relaxation, reference)


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


def repeat(out: Path, repeats: tuple[int, int], fmax: float, *, quick: bool) -> None:
    """Computes published candidates in larger planar cells; a run that was interrupted continues with the next system."""
    result = begun(out, {"schema_version": 1, "quick": quick, "repeats": list(repeats), "fmax": fmax}, rows=[], gains={})
    content = read_json(PUBLISHED)
    assert content is not None
    published = {(row["example"], row["system"]): row["candidate"] for row in content["rows"]}
    for name, system in REPEATED[: 1 if quick else None]:
        if any(row["system"] == system and row["example"] == name for row in result["rows"]):
            continue
        example, candidate = opened(name, repeats, fmax), published[name, system]
        result["gains"][name] = round(example.gain, 6)
        row: JsonDict = {"example": name, "system": system, "candidate": candidate, "steps": []}
        result["rows"].append(row)
        for step in example.shaken(candidate, () if quick else REPEATED_THICKNESSES):
            row["steps"].append(step)
            print(json.dumps({"system": system, **step}), flush=True)
            write_json(out, result)
    result["provenance"] = describe_machine()
    write_json(out, result)


def main() -> None:
    """Entry of the command."""
    parser = command(
        "boundary_thickness", __doc__, quick="one system, one candidate, two thicknesses", figure="changes of the energy"
    )
    parser.add_argument("--repeats", type=int, nargs=2, help="of the planar cell: only REPEATED, without a figure")
    parser.add_argument("--fmax", type=float, default=0.05, help="largest force with --repeats [eV/Å]")
    options = parser.parse_args()
    if options.repeats is not None:
        repeat(options.out, tuple(options.repeats), options.fmax, quick=options.quick)
        return
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
