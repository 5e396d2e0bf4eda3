"""Effective-medium theory as ASE implements it: no extra package, slower, the cheap twin of every other engine.

Jacobsen, Stoltze, Nørskov, Surf. Sci. 366, 394 (1996), doi:10.1016/0039-6028(96)00816-3.
"""

from __future__ import annotations

import os
import time

import ase
import numpy as np
from ase import Atoms
from ase.calculators.emt import EMT, parameters
from ase.constraints import FixCartesian
from ase.optimize import LBFGS

from tansaku.calculators.engines.relaxation import (
    Relaxed,
    check_axes,
    check_cell_change,
    check_input,
    held_indices,
    relax,
)
from tansaku.models.domain.errors import CalculationError, ConfigurationError
from tansaku.models.domain.pool import IntArray
from tansaku.models.domain.ports import CalculationResult
from tansaku.models.domain.records import Provenance
from tansaku.models.domain.specs.calculator import RelaxationSpec


class EmtCalculator:
    """``Calculator`` on ASE's EMT; relaxes with L-BFGS. Holds no state."""

    @property
    def provenance(self) -> Provenance:
        """Version of ASE."""
        return Provenance(code="ase-emt", code_version=ase.__version__, model="EMT", settings={"minimizer": "lbfgs"})

    def evaluate(self, structure: Atoms, relaxation: RelaxationSpec | None = None) -> CalculationResult:
        """See :class:`tansaku.models.domain.ports.Calculator`."""
        started = time.perf_counter()
        check_input(structure)
        check_axes(structure, relaxation)
        unknown = set(structure.get_chemical_symbols()) - set(parameters)
        if unknown:
            raise ConfigurationError(f"calculator type emt has no {min(unknown)}; it describes {', '.join(sorted(parameters))}")
        atoms = structure.copy()
        atoms.set_constraint()
        atoms.calc = EMT()
        held = held_indices(structure, relaxation)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            steps = 0
            if relaxation is not None:
                steps = relax(_InEmt(atoms, held, relaxation.fmax), relaxation, held)
            energy = float(atoms.get_potential_energy())
            energies = np.asarray(atoms.get_potential_energies(), dtype=np.float64)
            forces = np.asarray(atoms.get_forces(apply_constraint=False), dtype=np.float64)
            stress = np.asarray(atoms.get_stress(apply_constraint=False), dtype=np.float64)
        if not (np.isfinite(energy) and all(np.isfinite(array).all() for array in (energies, forces, stress))):
            raise CalculationError("nan", f"EMT gave a number that is not finite after {steps} steps")
        check_cell_change(structure.cell.array, atoms.cell.array)
        atoms.set_constraint()
        atoms.calc = None
        return CalculationResult(
            atoms=atoms,
            energy=energy,
            energies=energies,
            forces=forces,
            stress=stress,
            converged=True,
            steps=steps,
            wall_time=time.perf_counter() - started,
            provenance=self.provenance,
        )

    def close(self) -> None:
        """Nothing is held."""


class _InEmt:
    """Atoms with ASE's calculator, as :func:`relax` sees them."""

    def __init__(self, atoms: Atoms, held: IntArray, fmax: float) -> None:
        self._atoms = atoms
        self._fmax = fmax
        if len(held):
            atoms.set_constraint(FixCartesian(held.tolist(), mask=(True, True, False)))

    def settle(self, steps: int) -> Relaxed:
        """L-BFGS at fixed cell."""
        with LBFGS(self._atoms, logfile=os.devnull) as optimizer:
            for _ in optimizer.irun(fmax=self._fmax, steps=steps):
                if not np.isfinite(self._atoms.positions).all():
                    raise CalculationError("exploded", f"positions are no longer finite after {optimizer.nsteps} steps")
        forces = np.asarray(self._atoms.get_forces(apply_constraint=False))
        stress = np.asarray(self._atoms.get_stress(voigt=False, apply_constraint=False))
        return Relaxed(int(optimizer.nsteps), forces, stress, self._atoms.cell.array.copy())

    def stretch(self, factor: float) -> None:
        """See :class:`Relaxable`."""
        self._atoms.set_cell(self._atoms.cell.array * np.array([1.0, 1.0, factor]), scale_atoms=True)
