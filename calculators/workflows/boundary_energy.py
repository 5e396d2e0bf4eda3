"""Excess energy of the two boundaries of a periodic cell, or of the one boundary of a cell with rigid blocks.

E_gb = (E - n e_bulk) / (2 A), taken for each boundary from the energies of the atoms that belong to it (array ``boundary``).
If two boundaries that should be equal differ, either only one of them was shifted, or they relaxed to different structures; the
difference is flagged. Without energies of atoms, as from density-functional theory, only the mean is known.

In a cell with rigid blocks only the energies of the atoms in the array ``boundary`` count: those that relax and those within
the potential's reach of them. The energies of the atoms behind these show that the blocks' free surfaces are out of reach.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from ase import Atoms, units
from ase.stress import voigt_6_to_full_3x3_stress

from tansaku.calculators.engines.motion import BLOCK
from tansaku.calculators.structures.perfect_crystal import crystal_of
from tansaku.calculators.structures.rigid_blocks import WITNESS
from tansaku.models.domain.errors import CalculationError, ConfigurationError
from tansaku.models.domain.pool import FloatArray
from tansaku.models.domain.ports import CalculationResult, Calculator
from tansaku.models.domain.records import Provenance
from tansaku.models.domain.specs.grain_boundary import CrystalSpec, LatticeParameter
from tansaku.models.domain.specs.relaxation import RelaxationSpec

# 1 eV/Å^2 in J/m^2.
EV_PER_A2 = 1.0 / (units.J / units.m**2)

DIFFERENCE_TOLERANCE = 1e-3
"""Energies of the two boundaries that are further apart are flagged [J/m^2]."""

WITNESS_TOLERANCE = 1e-4
"""Largest difference between the energy of an atom in perfect surroundings and the energy per atom of the bulk [eV]."""


def planar_area(atoms: Atoms) -> float:
    """Area that the first two vectors of a cell span: that of one boundary [Å^2]."""
    return float(np.linalg.norm(np.cross(atoms.cell[0], atoms.cell[1])))


@dataclass(frozen=True)
class BulkReference:
    """Energy of the perfect crystal, by the same potential at the same lattice parameter.

    Attributes:
        lattice_parameter: [Å]; a and c where the crystal has a main axis.
        energy_per_atom: [eV].
        stress: In the crystal's axes, positive when pulled [eV/Å^3], shape ``(3, 3)``; None where the calculator gives none.
    """

    structure: str
    element: str
    lattice_parameter: LatticeParameter
    energy_per_atom: float
    provenance: Provenance
    stress: FloatArray | None = field(default=None, compare=False)


@dataclass(frozen=True)
class BoundaryEnergy:
    """Energy of a relaxed boundary.

    Attributes:
        value: Mean of the two [J/m^2].
        values: Of each boundary [J/m^2]; None without energies of atoms.
        differ: Whether two are more than ``DIFFERENCE_TOLERANCE`` apart, None where that is not known.
        drift: How far grain 1 moved against grain 0 along x and y [Å], by the held atoms where there are any.
        expansion: Change of the cell's height per boundary, or of the distance of the two rigid blocks [Å].
        area: Of one boundary [Å^2].
        result: The relaxed structure and its numbers.
    """

    value: float
    values: tuple[float, ...] | None
    differ: bool | None
    drift: tuple[float, float]
    expansion: float
    area: float
    result: CalculationResult


def bulk_reference(
    calculator: Calculator, structure_type: str, element: str, lattice_parameter: LatticeParameter
) -> BulkReference:
    """Energy per atom of the perfect crystal.

    Args:
        calculator: The one that will compute the boundaries.
        structure_type: As the spec of a crystal has it.
        element: Chemical symbol.
        lattice_parameter: Edge of the cubic cell, or a and c [Å].

    Raises:
        ConfigurationError: The calculator does not know the element.
    """
    crystal = crystal_of(structure_type, element, lattice_parameter).unit_cell()
    result = calculator.evaluate(crystal)
    stress = None if result.stress is None else np.asarray(voigt_6_to_full_3x3_stress(result.stress))
    energy = result.energy / len(crystal)
    return BulkReference(structure_type, element, lattice_parameter, energy, result.provenance, stress)


def oriented_reference(calculator: Calculator, crystal: Atoms, reference: CrystalSpec) -> BulkReference:
    """Energy per atom of the perfect crystal in a cell like that of a boundary.

    In a code that samples k-points the energy of a crystal depends on the cell that it is computed in; in like cells with like
    grids these errors cancel.

    Args:
        calculator: The one that will compute the boundary.
    """
    result = calculator.evaluate(crystal)
    energy = result.energy / len(crystal)
    # The calculator's: a result's may know more, as the version of a program that tells it only when it has run.
    return BulkReference(reference.structure, reference.element, reference.parameters, energy, calculator.provenance)


def boundary_energy(
    calculator: Calculator, structure: Atoms, relaxation: RelaxationSpec, bulk: BulkReference
) -> BoundaryEnergy:
    """Relaxes a cell with boundaries normal to z and takes the excess energy of each.

    Args:
        structure: With the arrays ``boundary`` and ``grain``, and ``held`` where atoms are to be held.
        bulk: Reference by the same calculator.

    Raises:
        CalculationError: The relaxation failed (reason as the calculator gives it), or the potential reaches further than the
            rigid blocks allow (``short_blocks``).
        ConfigurationError: The structure has no boundaries, the reference is not this calculator's, or there are rigid blocks
            and the calculator gives no energies of atoms.
    """
    missing = [name for name in ("boundary", "grain") if name not in structure.arrays]
    if missing:
        raise ConfigurationError(f"the structure has no array {missing[0]!r}: it is not a cell with boundaries")
    if bulk.provenance != calculator.provenance:
        raise ConfigurationError("the bulk reference was computed by another calculator than the boundary is to be")
    result = calculator.evaluate(structure, relaxation)
    area = planar_area(result.atoms)
    if BLOCK in structure.arrays:
        return _between_blocks(structure, result, bulk, area)
    values = None
    value = 0.5 * (result.energy - len(structure) * bulk.energy_per_atom) / area * EV_PER_A2
    if result.energies is not None:
        excess = (result.energies - bulk.energy_per_atom) / area * EV_PER_A2
        side = structure.arrays["boundary"]
        values = float(excess[side == 0].sum()), float(excess[side == 1].sum())
        value = 0.5 * (values[0] + values[1])
    if not np.isfinite(value):
        raise CalculationError("nan", f"the boundary energy is {value}")
    return BoundaryEnergy(
        value=value,
        values=values,
        differ=abs(values[0] - values[1]) > DIFFERENCE_TOLERANCE if values is not None else None,
        drift=_drift(structure, result.atoms),
        expansion=0.5 * float(result.atoms.cell[2, 2] - structure.cell[2, 2]),
        area=area,
        result=result,
    )


def _between_blocks(structure: Atoms, result: CalculationResult, bulk: BulkReference, area: float) -> BoundaryEnergy:
    if result.energies is None:
        raise ConfigurationError(
            f"space.cell.boundaries: 1; {result.provenance.code} gives no energies of atoms, expected 2 boundaries"
        )
    excess = result.energies - bulk.energy_per_atom
    witness = structure.arrays["region"] == WITNESS
    if structure.info.get("strain"):
        # What the upper crystal's strain costs is no part of the boundary.
        upper = np.asarray(structure.arrays["grain"]) == 1
        excess[upper] -= excess[upper & witness].mean()
    worst = float(np.abs(excess[witness]).max())
    if worst > WITNESS_TOLERANCE:
        raise CalculationError(
            "short_blocks",
            f"an atom in the middle of a rigid block is {1000 * worst:.3g} meV off the bulk, expected "
            f"{1000 * WITNESS_TOLERANCE:g} at most: the potential reaches further than the blocks allow",
        )
    value = float(excess[structure.arrays["boundary"] == 0].sum()) / area * EV_PER_A2
    if not np.isfinite(value):
        raise CalculationError("nan", f"the boundary energy is {value}")
    moved = result.atoms.positions - structure.positions
    lower, upper = (moved[structure.arrays[BLOCK] == number].mean(axis=0) for number in (1, 2))
    x, y, z = (float(part) for part in upper - lower)
    return BoundaryEnergy(value, (value,), None, (x, y), z, area, result)


def _drift(before: Atoms, after: Atoms) -> tuple[float, float]:
    moved: FloatArray = after.positions - before.positions
    grain = before.arrays["grain"]
    rigid = np.asarray(before.arrays.get("held", np.ones(len(before), dtype=bool)), dtype=bool)
    groups = [moved[(grain == number) & rigid] for number in (0, 1)]
    if not all(len(group) for group in groups):
        groups = [moved[grain == number] for number in (0, 1)]
    x, y, _ = groups[1].mean(axis=0) - groups[0].mean(axis=0)
    return float(x), float(y)
