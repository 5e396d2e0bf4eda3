"""Energy that a defect gains at a boundary.

E_seg = [E(boundary with defect) - E(boundary)] - [E(crystal with defect) - E(crystal)], negative where the boundary attracts it
(Wagih, Larsen and Schuh 2020, doi:10.1038/s41467-020-20083-6, with the defect in a crystal's cell of its own).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tansaku.models.domain.errors import CalculationError
from tansaku.models.domain.pool import FloatArray
from tansaku.models.domain.ports import Calculator
from tansaku.models.domain.specs.relaxation import RelaxationSpec

if TYPE_CHECKING:
    from ase import Atoms

FAR = 6.0
"""Atoms farther than this from a defect are not pushed aside by it [Å]."""

STILL = 0.5
"""Largest displacement of such an atom [Å]."""


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


def check_boundary_stays(start: Atoms, relaxed: Atoms, defect: FloatArray) -> float:
    """Checks that a boundary keeps its structure around a defect; its energy is no energy of a site otherwise.

    Args:
        start: The boundary with the defect, before the relaxation.
        relaxed: After it, with the atoms in the same order.
        defect: Where the defect is [Å], shape ``(3,)``.

    Returns:
        The largest displacement of an atom that is far from the defect [Å].

    Raises:
        CalculationError: One moved by more than 0.5 Å (reason ``restructured``).
    """
    from ase.geometry import get_distances

    far = get_distances(defect[None, :], start.positions, cell=start.cell, pbc=True)[1][0] > FAR
    moved = np.linalg.norm(relaxed.positions - start.positions, axis=1)[far]
    most = float(moved.max()) if len(moved) else 0.0
    if most > STILL:
        raise CalculationError(
            "restructured",
            f"an atom more than {FAR:g} Å from the defect moved by {most:.2f} Å: the boundary is no minimum, or changes",
        )
    return most
