"""Effective-medium theory as ASE implements it: no extra package, slower, the cheap twin of every other engine.

Jacobsen, Stoltze, Nørskov, Surf. Sci. 366, 394 (1996), doi:10.1016/0039-6028(96)00816-3.
"""

from __future__ import annotations

import os
import time
from typing import Any

import ase
import numpy as np
from ase import Atoms
from ase.calculators.emt import EMT, parameters
from ase.constraints import FixCartesian
from ase.filters import FrechetCellFilter
from ase.optimize import LBFGS
from ase.stress import voigt_6_to_full_3x3_stress

from tansaku.calculators.engines.relaxation import (
    check_axes,
    check_cell_change,
    check_input,
    free_fmax,
    held_indices,
    is_converged,
)
from tansaku.models.domain.errors import CalculationError, ConfigurationError
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
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            steps = 0 if relaxation is None else _relax(atoms, relaxation)
            energy = float(atoms.get_potential_energy())
            energies = np.asarray(atoms.get_potential_energies(), dtype=np.float64)
            forces = np.asarray(atoms.get_forces(apply_constraint=False), dtype=np.float64)
            stress = np.asarray(atoms.get_stress(apply_constraint=False), dtype=np.float64)
        if not (np.isfinite(energy) and all(np.isfinite(array).all() for array in (energies, forces, stress))):
            raise CalculationError("nan", f"EMT gave a number that is not finite after {steps} steps")
        if relaxation is not None:
            held = held_indices(structure, relaxation)
            if not is_converged(forces, voigt_6_to_full_3x3_stress(stress), atoms.cell.array, held, relaxation):
                raise CalculationError(
                    "not_converged",
                    f"largest force {free_fmax(forces, held):.3g} eV/Å after {steps} steps, expected {relaxation.fmax:g}",
                )
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


def _relax(atoms: Atoms, relaxation: RelaxationSpec) -> int:
    held = held_indices(atoms, relaxation)
    if len(held):
        atoms.set_constraint(FixCartesian(held.tolist(), mask=(True, True, False)))
    system: Any = FrechetCellFilter(atoms, mask=[0, 0, 1, 0, 0, 0]) if relaxation.cell == "normal" else atoms
    with LBFGS(system, logfile=os.devnull) as optimizer:
        for converged in optimizer.irun(fmax=relaxation.fmax, steps=relaxation.max_steps):
            if not np.isfinite(atoms.positions).all():
                raise CalculationError("exploded", f"positions are no longer finite after {optimizer.nsteps} steps")
            if converged:
                break
        return int(optimizer.nsteps)
