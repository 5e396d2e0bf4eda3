"""Relaxation of a host around an ion that is pinned to a point.

The ion does not move, and the mean position of the host's atoms stays: else the host as a whole would slide until the ion is
at a minimum, whatever its point. The cell is fixed.
"""

from __future__ import annotations

from dataclasses import replace

from ase import Atoms
from ase.constraints import FixAtoms

from tansaku.calculators.workflows.migration.relaxing import Relaxer, Through
from tansaku.models.domain.pool import FloatArray
from tansaku.models.domain.ports import CalculationResult, Calculator
from tansaku.models.domain.specs.relaxation import RelaxationSpec


class KeepCentre:
    """A constraint of ASE: the mean position of all atoms but the last stays where it is."""

    def adjust_positions(self, atoms: Atoms, new: FloatArray) -> None:
        """Subtracts the mean displacement of all atoms but the last from a step."""
        new[:-1] -= (new[:-1] - atoms.positions[:-1]).mean(axis=0)

    def adjust_forces(self, _atoms: Atoms, forces: FloatArray) -> None:
        """Subtracts the mean force on all atoms but the last."""
        forces[:-1] -= forces[:-1].mean(axis=0)

    def get_removed_dof(self, _atoms: Atoms) -> int:
        """Returns 3: translations along x, y and z are removed."""
        return 3


def relax_around_ion(calculator: Calculator, structure: Atoms, relaxation: RelaxationSpec) -> CalculationResult:
    """Relaxes every atom but the last one.

    Args:
        calculator: Gives energies and forces.
        structure: The host, and the ion as its last atom; left untouched.
        relaxation: Its threshold and its steps are used.

    Raises:
        CalculationError: ``not_converged`` or ``exploded``.
    """
    atoms: Atoms = structure.copy()
    atoms.set_constraint([FixAtoms([len(atoms) - 1]), KeepCentre()])
    state = Relaxer(Through(calculator), relaxation.fmax, relaxation.max_steps).at_fixed_cell(atoms)
    if state is None:
        raise AssertionError("nothing stops this relaxation")
    relaxed: Atoms = structure.copy()
    relaxed.positions = state.positions
    return replace(calculator.evaluate(relaxed), steps=state.steps)
