"""Relaxation of a host around an ion that is pinned to a point, or free in a plane.

The ion does not move, or not across its plane, and the mean position of the host's atoms stays: else the host as a whole would
slide until the ion is at a minimum, whatever its point. The cell is fixed.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from ase import Atoms
from ase.constraints import FixAtoms, FixedPlane

from tansaku.calculators.workflows.migration.relaxing import Relaxer, State, Through
from tansaku.models.domain.errors import CalculationError
from tansaku.models.domain.pool import FloatArray
from tansaku.models.domain.ports import CalculationResult, Calculator
from tansaku.models.domain.specs.relaxation import RelaxationSpec

ACROSS = "across"
"""Metadata of a structure: the direction that the ion's plane is perpendicular to."""

ASTRAY = 1.5
"""The ion goes no farther than this in its plane [Å]."""


class KeepCentre:
    """A constraint of ASE: the mean position of all atoms but the ion stays where it is.

    Args:
        ion: Its index; the last atom by default.
    """

    def __init__(self, ion: int = -1) -> None:
        self._ion = ion

    def adjust_positions(self, atoms: Atoms, new: FloatArray) -> None:
        """Subtracts the mean displacement of all atoms but the ion from a step."""
        self._centre(new, new - atoms.positions)

    def adjust_forces(self, _atoms: Atoms, forces: FloatArray) -> None:
        """Subtracts the mean force on all atoms but the ion."""
        self._centre(forces, forces)

    def get_removed_dof(self, _atoms: Atoms) -> int:
        """Returns 3: translations along x, y and z are removed."""
        return 3

    def _centre(self, vectors: FloatArray, of: FloatArray) -> None:
        host = np.delete(np.arange(len(vectors)), self._ion)
        vectors[host] -= of[host].mean(axis=0)


def relax_in_plane(relaxer: Relaxer, start: Atoms, positions: FloatArray, direction: FloatArray) -> State:
    """Relaxes the ion in the plane through its place that a direction is perpendicular to.

    The host's atoms move as far as their own constraints let them; where they are free, their mean position stays, so that the
    plane does not move against the host.

    Args:
        relaxer: Its threshold, steps and calculator are used.
        start: The host with its constraints, and the ion as its last atom.
        positions: Where the relaxation begins [Å], shape ``(n_atoms, 3)``.
        direction: Along which the ion does not move, shape ``(3,)``.

    Raises:
        CalculationError: ``not_converged`` or ``exploded``.
    """
    atoms = start.copy()
    atoms.positions = positions
    plane = FixedPlane(len(atoms) - 1, direction)
    held = list(start.constraints)
    atoms.set_constraint([*held, plane] if held else [plane, KeepCentre()])
    return relaxer.at_fixed_cell(atoms)


def relax_around_ion(calculator: Calculator, structure: Atoms, relaxation: RelaxationSpec) -> CalculationResult:
    """Relaxes every atom but the last one, or the last one in a plane and those that the structure's constraints let free.

    Args:
        calculator: Gives energies and forces.
        structure: The host, and the ion as its last atom; left untouched. Under :data:`ACROSS` its metadata have the direction
            that the ion's plane is perpendicular to; without it the ion is pinned.
        relaxation: Its threshold and steps are used, and what it says of one that does not converge.

    Returns:
        Of a relaxation in a plane ``details`` has ``ion_moved``, the distance that the ion went [Å], and ``force_along``, the
        force on it across its plane [eV/Å].

    Raises:
        CalculationError: ``not_converged``, ``exploded``, or ``strayed``: the ion left its part of the plane.
    """
    relaxer = Relaxer(Through(calculator), relaxation.fmax, relaxation.max_steps, keep=relaxation.unconverged == "keep")
    direction = structure.info.get(ACROSS)
    if direction is None:
        atoms: Atoms = structure.copy()
        atoms.set_constraint([FixAtoms([len(atoms) - 1]), KeepCentre()])
        state = relaxer.at_fixed_cell(atoms)
    else:
        state = relax_in_plane(relaxer, structure, structure.positions, np.asarray(direction))
    moved = float(np.linalg.norm(state.positions[-1] - structure.positions[-1]))
    if moved > ASTRAY:
        raise CalculationError("strayed", f"the ion went {moved:.1f} Å in its plane, to another place than that of the path")
    relaxed: Atoms = structure.copy()
    relaxed.set_constraint()
    relaxed.positions = state.positions
    converged = float(np.linalg.norm(state.forces, axis=1).max()) <= relaxation.fmax
    result = replace(calculator.evaluate(relaxed), steps=state.steps, converged=converged)
    if direction is None:
        return result
    along = float(np.asarray(result.forces)[-1] @ np.asarray(direction))
    return replace(result, details={**result.details, "ion_moved": moved, "force_along": along})
