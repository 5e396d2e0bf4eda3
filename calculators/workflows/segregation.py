"""Energy that a defect gains at a boundary.

E_seg = [E(boundary with defect) - E(boundary)] - [E(crystal with defect) - E(crystal)], negative where the boundary attracts it
(Wagih, Larsen and Schuh 2020, doi:10.1038/s41467-020-20083-6, with the defect in a crystal's cell of its own).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tansaku.models.domain.ports import Calculator
from tansaku.models.domain.specs.relaxation import RelaxationSpec

if TYPE_CHECKING:
    from ase import Atoms


@dataclass(frozen=True)
class SegregationReference:
    """Energies that a defect's energy at a boundary is compared with.

    Attributes:
        boundary: Of the boundary's cell without the defect [eV].
        crystal: Of the crystal's cell without it [eV].
        crystal_with_defect: The lowest of that cell with it [eV].
    """

    boundary: float
    crystal: float
    crystal_with_defect: float

    def segregation_energy(self, energy: float) -> float:
        """Segregation energy [eV].

        Args:
            energy: Of the boundary's cell with the defect [eV].
        """
        return (energy - self.boundary) - (self.crystal_with_defect - self.crystal)


def segregation_reference(
    calculator: Calculator,
    boundary: Atoms,
    crystal: Atoms,
    with_defect: Sequence[Atoms],
    relaxation: RelaxationSpec | None,
) -> SegregationReference:
    """Computes the energies of reference, by the same calculator and relaxation as the candidates.

    Args:
        boundary: Without the defect.
        crystal: Without it.
        with_defect: The crystal's cell with the defect, in each kind of place where it may be.
        relaxation: None: all structures as they stand.

    Raises:
        CalculationError: A relaxation failed.
    """

    def energy(atoms: Atoms) -> float:
        return float(calculator.evaluate(atoms, relaxation).energy)

    return SegregationReference(energy(boundary), energy(crystal), min(energy(atoms) for atoms in with_defect))
