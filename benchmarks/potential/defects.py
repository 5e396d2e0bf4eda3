"""``python -m benchmarks.potential.defects --out FILE``: a vacancy and two twins of aluminium by density-functional theory.

A test of the network potential outside of the scans: structures that relax. The level of theory and the density of k-points
are those of the data (``al.yaml``), the lattice parameter is that of this level, and each energy is relative to the perfect
crystal in a cell of the same shape, so that errors of k-points cancel. The file is written after each defect. Those
that it has are not computed again, and a relaxation continues from its last checkpoint, in a folder beside the file. Twins are
in half of the cell that a campaign would take, and begin where the embedded-atom potential relaxes them to.
"""

from __future__ import annotations

import shutil
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.build import bulk
from ase.neighborlist import neighbor_list

from benchmarks.command import begun, command
from benchmarks.potential.crystal import ALUMINIUM, constants
from benchmarks.potential.data import EMBEDDED_ATOM, HERE, aluminium
from tansaku.calculators.calculator_registry import open_calculator
from tansaku.calculators.engines.gpaw import GpawCalculator
from tansaku.calculators.workflows.boundary_energy import boundary_energy, oriented_reference
from tansaku.models.domain.identifiers import content_hash
from tansaku.models.domain.ports import CalculationResult, Calculator, Space
from tansaku.models.domain.records import Provenance
from tansaku.models.domain.specs.grain_boundary import BoundarySelectionSpec, CrystalSpec, GrainBoundarySpaceSpec
from tansaku.models.domain.specs.relaxation import RelaxationSpec
from tansaku.models.domain.surrogates import Example
from tansaku.spaces.grain_boundary import GrainBoundarySpace
from tansaku.tasks.node.jobs.machine import describe_machine
from tansaku.tasks.node.jobs.spool_files import write_json

SHIPPED = HERE / "defects.json"
"""Results by density-functional theory, with which :mod:`benchmarks.potential` compares."""
VACANCY = "vacancy"
TWINS = {"sigma3_111": "s003-111-r0-x000-y000-z000", "sigma11_113": "s011-113-r0-x000-y000-z000"}
DEFECTS = ("sigma3_111", VACANCY, "sigma11_113")
SPACING = 6.5
"""Smallest distance of two twins in a cell [Å]: 6 and 22 atoms."""
_RELAXED = 0.02
_FREE = RelaxationSpec(cell="normal", fmax=_RELAXED)
"""At fixed height the energy of two twins 7 Å apart is a quarter higher than far apart; at free height it is the same."""
_SAME = 0.01
"""Atoms that are nearer are one atom and its image [Å]."""
_SCAN = "fcc-lattice"
_NEAR = range(9400, 10700, 200)
"""Changes of the lattice parameter from which its own value is fitted [1e-4 of 4.04 Å]."""


def main() -> None:
    """Computes the defects that are missing in the file."""
    parser = command("potential.defects", __doc__, quick="one twin, far from converged: whether it works")
    given = parser.parse_args()
    space, level = aluminium()
    if given.quick:
        level = level.model_copy(update={"cutoff": 150.0, "kpoint_density": 1.0})
    calculator = FreeEnergies(GpawCalculator(level))
    computed_by = calculator.provenance.model_dump(mode="json")
    same = {"schema_version": 1, "level": content_hash(computed_by)}
    result = begun(given.out, same, defects={}) | {"quick": given.quick, "calculator": computed_by}
    if "lattice_parameter" not in result:
        result["lattice_parameter"] = lattice_parameter(calculator, space)
    for name in DEFECTS[:1] if given.quick else DEFECTS:
        if name in result["defects"]:
            continue
        began, folder = time.process_time(), given.out.with_suffix(f".{name}")
        value = defect(name, calculator.within(folder), result["lattice_parameter"])
        result["defects"][name] = {"value": value, "processor_seconds": time.process_time() - began}
        result["provenance"] = describe_machine()
        write_json(given.out, result)
        shutil.rmtree(folder, ignore_errors=True)
        print(f"{name}: {value:.4g}", flush=True)


class FreeEnergies:
    """GPAW with free energies, as in the data: the forces are their derivatives.

    Args:
        calculator: Computes.
    """

    def __init__(self, calculator: GpawCalculator) -> None:
        self._calculator = calculator

    @property
    def provenance(self) -> Provenance:
        """The calculator's."""
        return self._calculator.provenance

    def within(self, folder: Path) -> FreeEnergies:
        """Returns these energies with checkpoints in a folder."""
        return FreeEnergies(self._calculator.within(folder))

    def evaluate(self, structure: Atoms, relaxation: RelaxationSpec | None = None) -> CalculationResult:
        """Computes a structure as it is (``relaxation`` None) or relaxes it first."""
        result = self._calculator.evaluate(structure, relaxation)
        return replace(result, energy=result.terms["free_energy"])

    def close(self) -> None:
        """Nothing is held."""


def defect(name: str, calculator: Calculator, lattice_parameter: float) -> float:
    """Energy of a twin [mJ/m²], free to expand, or of the vacancy at fixed cell [eV].

    Args:
        name: One of ``DEFECTS``.
        calculator: Of energies and forces.
        lattice_parameter: The calculator's own [Å].
    """
    if name == VACANCY:
        relaxation = RelaxationSpec(cell="fixed", fmax=_RELAXED)
        perfect = bulk("Al", "fcc", lattice_parameter, cubic=True).repeat(2)
        defective = perfect[1:]
        energy = calculator.evaluate(defective, relaxation).energy
        return float(energy - calculator.evaluate(perfect).energy * len(defective) / len(perfect))
    crystal = CrystalSpec(structure="fcc", element="Al", lattice_parameter=lattice_parameter)
    planes = BoundarySelectionSpec(planes=((1, 1, 1), (1, 1, 3)))
    spec = GrainBoundarySpaceSpec(crystal=crystal, boundaries=planes, removed_planes=(0,), spacing=SPACING)
    space = GrainBoundarySpace(spec, Path())
    structure = nearly_relaxed(halved(space.structure(TWINS[name])), lattice_parameter)
    reference = oriented_reference(calculator, halved(space.perfect(TWINS[name].partition("-x")[0])), crystal)
    return 1000.0 * boundary_energy(calculator, structure, _FREE, reference).value


def halved(cell: Atoms) -> Atoms:
    """A boundary's rectangular cell, whose centre is equivalent to its corners, as a parallelogram of half its area.

    The second edge comes along x; the other leads from the middle of the rectangle to its end.

    Args:
        cell: Of two boundaries normal to its third vector.

    Raises:
        ValueError: Its centre is not equivalent to its corners.
    """
    first, second, third = cell.cell.array
    found = cell.copy()
    found.set_cell([second, (second - first) / 2.0, third])
    atom, other = neighbor_list("ij", found, _SAME)
    kept = np.setdiff1d(np.arange(len(found)), np.maximum(atom, other))
    if 2 * len(kept) != len(cell):
        raise ValueError(f"{len(kept)} of {len(cell)} atoms are different in half the cell, expected half of them")
    found.set_cell(found.cell.standard_form()[0], scale_atoms=True)
    found.wrap()
    half: Atoms = found[kept]
    return half


def nearly_relaxed(cell: Atoms, edge: float) -> Atoms:
    """A boundary's cell relaxed by the embedded-atom potential: a third of the steps remain.

    Args:
        cell: At the lattice parameter of another calculator.
        edge: This lattice parameter [Å].
    """
    potential = open_calculator(EMBEDDED_ATOM, HERE)
    stretch = lattice_parameter(potential, aluminium()[0]) / edge
    start: Atoms = cell.copy()
    found: Atoms = cell.copy()
    start.set_cell(stretch * cell.cell.array, scale_atoms=True)
    relaxed = potential.evaluate(start, _FREE).atoms
    found.cell[2, 2] = relaxed.cell[2, 2] / stretch
    found.positions = relaxed.positions / stretch
    return found


def lattice_parameter(calculator: Calculator, space: Space) -> float:
    """Computes the lattice parameter of fcc aluminium [Å] from structures near it.

    Args:
        calculator: Of energies.
        space: Of the data's structures.
    """
    scan = []
    for change in _NEAR:
        candidate = f"{_SCAN}-a{change:05d}"
        structure = space.structure(candidate)
        energy = np.asarray(calculator.evaluate(structure).energy)
        scan.append(Example(candidate, _SCAN, structure, {"energy": energy}))
    found = constants(ALUMINIUM, scan, lambda item: float(item.properties["energy"]))
    return float(found["lattice_parameter"])


if __name__ == "__main__":
    main()
