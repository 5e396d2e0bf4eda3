"""Atoms present during a hop, among which saddle points are searched."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from ase import Atoms

from tansaku.calculators.workflows.migration.crystal import Crystal
from tansaku.calculators.workflows.migration.curvature import guess
from tansaku.calculators.workflows.migration.modes import STEP
from tansaku.calculators.workflows.migration.network import Hop
from tansaku.calculators.workflows.migration.relaxing import State
from tansaku.models.domain.pool import FloatArray, IntArray


@dataclass(frozen=True)
class Passage:
    """A hop's atoms.

    Attributes:
        kept: Indices in the supercell of the atoms that are there.
        ion: Position of the hopping ion among them.
    """

    crystal: Crystal
    kept: IntArray
    ion: int

    @cached_property
    def curvature(self) -> FloatArray | None:
        """Guess of the second derivatives, positive definite [eV/Å^2], shape ``(3 n_atoms, 3 n_atoms)``."""
        return guess(self.crystal.curvature, self.kept, np.array([self.ion]))

    def atoms(self, positions: FloatArray | None = None) -> Atoms:
        """The atoms, on their sites or at given places."""
        return self.crystal.atoms(self.kept, positions)

    def forces(self, positions: FloatArray) -> tuple[float, FloatArray]:
        """Energy [eV] and forces [eV/Å], shape ``(n_atoms, 3)``."""
        atoms = self.atoms(positions)
        atoms.calc = self.crystal.relaxer.through
        return float(atoms.get_potential_energy()), np.asarray(atoms.get_forces())

    def bend(self, positions: FloatArray, direction: FloatArray, forces: FloatArray | None = None) -> FloatArray:
        """Product of the second derivatives at a point with a direction.

        Args:
            positions: The place [Å], shape ``(n_atoms, 3)``.
            direction: Shape ``(3 n_atoms,)``.
            forces: At the place [eV/Å]; None: the difference is taken to both sides of it.

        Returns:
            [eV/Å^2], shape ``(3 n_atoms,)``.
        """
        step = STEP / float(np.linalg.norm(direction.reshape(-1, 3), axis=1).max())
        moved = step * direction.reshape(-1, 3)
        _, ahead = self.forces(positions + moved)
        if forces is not None:
            return np.asarray((forces - ahead).ravel() / step)
        _, behind = self.forces(positions - moved)
        return np.asarray((behind - ahead).ravel() / (2.0 * step))

    def relax(self, positions: FloatArray) -> State:
        """Relaxes the atoms from given positions.

        Raises:
            CalculationError: ``not_converged``, ``exploded``, ``drift`` or ``framework``.
        """
        state = self.crystal.relaxer.at_fixed_cell(self.atoms(positions), self.curvature)
        self.check(state.positions)
        return state

    def check(self, positions: FloatArray) -> None:
        """Raises CalculationError unless every atom but the ion is where it belongs."""
        self.crystal.check(self.kept, positions, self.ion)


def open_passage(crystal: Crystal, hop: Hop) -> Passage:
    """The atoms of a hop."""
    kept = crystal.kept(crystal.carrier(hop))
    return Passage(crystal, kept, int(np.searchsorted(kept, crystal.supercell.index(hop.first, (0, 0, 0)))))
