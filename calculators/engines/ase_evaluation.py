"""Evaluation with any ASE calculator, shared by EMT, the universal potentials and the DFT codes."""

from __future__ import annotations

import os
import time
from collections.abc import Collection
from typing import Any

import numpy as np
from ase import Atoms
from ase.calculators.calculator import BaseCalculator
from ase.constraints import FixCartesian
from ase.filters import FrechetCellFilter
from ase.optimize import BFGS, LBFGS

from tansaku.calculators.engines.motion import Motion, motion_of
from tansaku.calculators.engines.relaxation import Relaxed, check_cell_change, is_converged, relax
from tansaku.calculators.engines.step_log import StepLog
from tansaku.models.domain.errors import CalculationError, ConfigurationError
from tansaku.models.domain.pool import FloatArray
from tansaku.models.domain.ports import CalculationResult
from tansaku.models.domain.records import Provenance
from tansaku.models.domain.specs.relaxation import RelaxationSpec

_CELL_STEP = 0.1
"""Longest step where the cell is free: an atom's, or the strain times the number of atoms [Å]."""


def evaluate_with_ase(
    structure: Atoms, relaxation: RelaxationSpec | None, calculator: BaseCalculator, provenance: Provenance
) -> CalculationResult:
    """Computes a structure that has been checked, relaxed by L-BFGS first if asked for.

    Args:
        structure: Is left untouched.
        relaxation: None: as it is.
        calculator: Gives energy, forces, stress and perhaps energies of atoms; a fresh one, so that nothing is remembered.

    Raises:
        CalculationError: ``not_converged``, ``exploded`` or ``nan``.
    """
    started = time.perf_counter()
    atoms = structure.copy()
    atoms.set_constraint()
    atoms.calc = calculator
    motion = motion_of(structure, relaxation)
    steps, converged, log = 0, True, StepLog()
    if relaxation is not None:
        steps, converged = relax(_InAse(atoms, motion, relaxation, log), relaxation, motion)
    energy = float(atoms.get_potential_energy())
    energies = stress = charges = None
    if gives(calculator, "energies"):
        energies = np.asarray(atoms.get_potential_energies(), dtype=np.float64)
    forces = np.asarray(atoms.get_forces(apply_constraint=False), dtype=np.float64)
    if gives(calculator, "stress") and structure.pbc.any():
        stress = np.asarray(atoms.get_stress(apply_constraint=False), dtype=np.float64)
    if gives(calculator, "charges") and not structure.pbc.any():
        charges = np.asarray(atoms.get_charges(), dtype=np.float64)
    arrays = [array for array in (energies, forces, stress, charges) if array is not None]
    if not (np.isfinite(energy) and all(np.isfinite(array).all() for array in arrays)):
        raise CalculationError("nan", f"{provenance.code} gave a number that is not finite after {steps} steps")
    if structure.pbc.any():
        check_cell_change(structure.cell.array, atoms.cell.array)
    atoms.set_constraint()
    atoms.calc = None
    return CalculationResult(
        atoms=atoms,
        energy=energy,
        energies=energies,
        forces=forces,
        stress=stress,
        charges=charges,
        converged=converged,
        steps=steps,
        wall_time=time.perf_counter() - started,
        provenance=provenance,
        kept_steps=log.steps(),
    )


def gives(calculator: BaseCalculator, name: str) -> bool:
    """Returns whether a calculator of ASE gives a property; one that knows this only of its last result says so in ``given``.

    Args:
        name: As ASE calls it.
    """
    given: Collection[str] = getattr(calculator, "given", calculator.implemented_properties)
    return name in given


class _Together:
    """Constraint of ASE on atoms that move together: by one displacement in a rigid block, by opposite ones under inversion."""

    def __init__(self, motion: Motion) -> None:
        self._motion = Motion(blocks=motion.blocks, images=motion.images)

    def adjust_positions(self, atoms: Atoms, new: FloatArray) -> None:
        """Puts positions that an optimiser asks for where they are allowed."""
        new[:] = atoms.positions + self._motion.project(new - atoms.positions)

    def adjust_forces(self, _atoms: Atoms, forces: FloatArray) -> None:
        """Projects forces onto the displacements that are allowed."""
        forces[:] = self._motion.project(forces)


class _InAse:
    """Atoms with a calculator of ASE, as :func:`relax` sees them."""

    def __init__(self, atoms: Atoms, motion: Motion, relaxation: RelaxationSpec, log: StepLog) -> None:
        self._atoms = atoms
        self._log = log
        self._motion = motion
        self._relaxation = relaxation
        self._moving: Any = FrechetCellFilter(atoms) if relaxation.cell == "full" else atoms
        constraints: list[Any] = []
        if len(motion.held):
            constraints.append(FixCartesian(motion.held.tolist(), mask=(True, True, False)))
        if motion.blocks or len(motion.images):
            constraints.append(_Together(motion))
        atoms.set_constraint(constraints)

    def settle(self, steps: int) -> Relaxed:
        """L-BFGS; with a cell free in all directions BFGS over atoms and cell at once, until the stress is low enough."""
        # ASE's own threshold knows neither the stress nor the net force on a block.
        ours = self._relaxation.cell == "full" or bool(self._motion.blocks)
        with self._optimizer() as optimizer:
            for _ in optimizer.irun(fmax=0.0 if ours else self._relaxation.fmax, steps=steps):
                if not np.isfinite(self._atoms.positions).all():
                    raise CalculationError("exploded", f"positions are no longer finite after {optimizer.nsteps} steps")
                # Only what the last forces came with: asking for the energy may start another calculation.
                known = getattr(self._atoms.calc, "results", {}).get("energy")
                self._log.note(self._atoms.positions, self._atoms.cell.array, known)
                if ours and is_converged(self._state(0), self._relaxation, self._motion):
                    break
        return self._state(int(optimizer.nsteps))

    def _optimizer(self) -> LBFGS | BFGS:
        # L-BFGS takes a curvature that is negative as it is, and soft shears of plane-wave codes then run away.
        if self._relaxation.cell == "full":
            return BFGS(self._moving, logfile=os.devnull, maxstep=_CELL_STEP)
        return LBFGS(self._moving, logfile=os.devnull)

    def _state(self, steps: int) -> Relaxed:
        forces = np.asarray(self._atoms.get_forces(apply_constraint=False))
        if gives(self._atoms.calc, "stress") and self._atoms.pbc.any():
            stress = np.asarray(self._atoms.get_stress(voigt=False, apply_constraint=False))
        elif self._relaxation.cell == "fixed":
            stress = np.zeros((3, 3))
        else:
            raise ConfigurationError(
                f"calculator.relaxation.cell: {self._relaxation.cell} needs the stress, which this calculator does not give"
            )
        return Relaxed(steps, forces, stress, self._atoms.cell.array.copy())

    def stretch(self, factor: float) -> None:
        """Multiplies the cell's height, and every z, by ``factor``."""
        self._atoms.set_cell(self._atoms.cell.array * np.array([1.0, 1.0, factor]), scale_atoms=True)
