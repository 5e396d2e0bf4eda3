"""Relaxations of the workflow: any calculator, a guess of the curvature, a symmetry that is kept."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol, runtime_checkable

import numpy as np
from ase import Atoms
from ase.constraints import FixSymmetry
from ase.filters import FrechetCellFilter
from ase.optimize import BFGS

from tansaku.calculators.engines.own_calculator import OwnCalculator
from tansaku.calculators.workflows.migration.springs import springs
from tansaku.calculators.workflows.migration.supercell import Mapping
from tansaku.models.domain.errors import CalculationError
from tansaku.models.domain.pool import FloatArray
from tansaku.models.domain.ports import CalculationResult, Calculator

_MAX_STEP = 0.15
_CHUNK = 15
"""Steps after which a relaxation from a guess of the curvature starts again with the guess."""

_CELL_STIFFNESS = 0.5
"""Guess of the elastic constants of a crystal [eV/Å^3]."""

_VOLUME_CHANGE = (0.7, 1.5)


@runtime_checkable
class BandCalculator(Calculator, Protocol):
    """A calculator whose code relaxes a band between two states by itself, all images at once."""

    def band(self, images: Sequence[Atoms], fmax: float, max_steps: int) -> tuple[CalculationResult, ...]:
        """Relaxes the images between the first and the last, the highest of them up to the saddle point.

        Args:
            images: The ends included, atoms in one order, no position wrapped.
            fmax: Largest force on an atom of the band at convergence [eV/Å].
            max_steps: Steps after which the band counts as not converged.

        Returns:
            Of the images between the ends.
        """
        ...


@dataclass
class Count:
    """Counter of evaluations of energy and forces."""

    evaluations: int = 0


class Through(OwnCalculator):
    """Our calculator as ASE's optimisers see one; remembers the last structure and counts what it computes.

    Args:
        count: Shared counter of evaluations; None: by itself.
    """

    implemented_properties = ["energy", "forces", "stress"]  # noqa: RUF012 - ASE's base class says so

    def __init__(self, calculator: Calculator, count: Count | None = None) -> None:
        super().__init__()
        self._calculator = calculator
        self._count = count if count is not None else Count()

    @property
    def evaluations(self) -> int:
        """Computed so far."""
        return self._count.evaluations

    def another(self) -> Through:
        """A second wrapper with its own cache and the same counter."""
        return Through(self._calculator, self._count)

    @property
    def has_bands(self) -> bool:
        """Whether the calculator's code relaxes bands by itself."""
        return isinstance(self._calculator, BandCalculator)

    def band(self, images: Sequence[Atoms], fmax: float, max_steps: int) -> tuple[CalculationResult, ...] | None:
        """Images of a band that the calculator's code has relaxed; None where it leaves that to ASE."""
        if not isinstance(self._calculator, BandCalculator):
            return None
        found = self._calculator.band(images, fmax, max_steps)
        self._count.evaluations += sum(1 + relaxed.steps for relaxed in found)
        return found

    def compute(self, atoms: Atoms, _properties: Sequence[str], _changes: Sequence[str]) -> None:
        """Energy, forces and stress of the atoms as they are."""
        atoms.set_constraint()
        found = self._calculator.evaluate(atoms)
        self._count.evaluations += 1
        self.results = {"energy": found.energy, "forces": found.forces, "stress": found.stress}


class KeepMapping:
    """A constraint of ASE: atoms move as a mapping of the supercell has them.

    Args:
        mapping: Of order two, on the atoms that are there.
    """

    def __init__(self, mapping: Mapping) -> None:
        self._mapping = mapping

    def adjust_positions(self, atoms: Atoms, new: FloatArray) -> None:
        """Keeps the even part of a step."""
        new[:] = atoms.positions + even_part(new - atoms.positions, self._mapping)

    def adjust_forces(self, atoms: Atoms, forces: FloatArray) -> None:  # noqa: ARG002 - ASE's signature
        """Keeps the even part of the forces."""
        forces[:] = even_part(forces, self._mapping)

    def get_removed_dof(self, atoms: Atoms) -> int:
        """About half of the degrees of freedom."""
        return 3 * len(atoms) // 2


def even_part(vectors: FloatArray, mapping: Mapping) -> FloatArray:
    """The part of a field that a mapping of order two leaves as it is, shape ``(n_atoms, 3)``."""
    return 0.5 * (vectors + mapping.turn(vectors))


def odd_part(vectors: FloatArray, mapping: Mapping) -> FloatArray:
    """The part of a field that a mapping of order two reverses, shape ``(n_atoms, 3)``."""
    return 0.5 * (vectors - mapping.turn(vectors))


@dataclass(frozen=True)
class State:
    """A stationary state.

    Attributes:
        positions: Not wrapped [Å], shape ``(n_atoms, 3)``.
        energy: [eV].
        forces: As far as they are free [eV/Å], shape ``(n_atoms, 3)``.
        steps: Steps of the optimiser.
    """

    positions: FloatArray
    energy: float
    forces: FloatArray
    steps: int

    def remaining(self, curvature: FloatArray | None) -> float:
        """Energy that remaining forces could still lower, in a quadratic approximation with the given curvature [eV]."""
        if curvature is None:
            return 0.0
        flat = self.forces.ravel()
        return 0.5 * float(flat @ np.linalg.solve(curvature, flat))


@dataclass(frozen=True)
class Relaxer:
    """Calculator and limits by which states are relaxed.

    Attributes:
        through: The calculator.
        fmax: Largest force at the end [eV/Å].
        max_steps: Steps after which it has failed.
        keep: Whether it ends after these steps instead.
    """

    through: Through
    fmax: float
    max_steps: int
    keep: bool = False

    def host(self, structure: Atoms, stress: float | None = None, guess: bool = False) -> Atoms:
        """Relaxes cell and atoms, keeping every symmetry.

        Args:
            structure: Left untouched.
            stress: It ends when no component of the stress times the volume per atom is larger, whatever the forces [eV]. None:
                it ends by the forces.
            guess: Whether steps begin from a guess of how stiff atoms and cell are, else from the same stiffness of all.

        Raises:
            CalculationError: ``not_converged`` or ``exploded``.
        """
        atoms: Atoms = structure.copy()
        atoms.set_constraint(FixSymmetry(atoms, symprec=1e-3))
        atoms.calc = self.through
        ended = None if stress is None else partial(_little_stress, stress)
        self._run(FrechetCellFilter(atoms), atoms, _guess_with_cell(atoms) if guess else None, ended)
        change = atoms.get_volume() / structure.get_volume()
        if not _VOLUME_CHANGE[0] <= change <= _VOLUME_CHANGE[1]:
            raise CalculationError("exploded", f"the crystal's volume changed by a factor of {change:.2f}")
        atoms.set_constraint()
        atoms.calc = None
        return atoms

    def at_fixed_cell(
        self,
        atoms: Atoms,
        curvature: FloatArray | None = None,
        mapping: Mapping | None = None,
    ) -> State:
        """Relaxes atoms.

        Args:
            atoms: Where they start; left untouched. Its own constraints hold where no symmetry is kept.
            curvature: Guess of the second derivatives, positive definite [eV/Å^2], shape ``(3 n_atoms, 3 n_atoms)``.
            mapping: Symmetry that is kept.

        Raises:
            CalculationError: ``not_converged`` or ``exploded``.
        """
        state = self.until(None, atoms, curvature, mapping)
        if state is None:
            raise AssertionError("nothing stops this relaxation")
        return state

    def until(
        self,
        stop: Callable[[Atoms], bool] | None,
        atoms: Atoms,
        curvature: FloatArray | None,
        mapping: Mapping | None = None,
    ) -> State | None:
        """Relaxes atoms as :meth:`at_fixed_cell`; None when it was stopped, because ``stop`` saw no use in going on."""
        moving = atoms.copy()
        if mapping is not None:
            moving.set_constraint(KeepMapping(mapping))
        moving.calc = self.through
        steps = self._run(moving, moving, curvature, stop)
        if steps is None:
            return None
        forces = np.asarray(moving.get_forces(apply_constraint=bool(moving.constraints)))
        return State(moving.positions.copy(), float(moving.get_potential_energy()), forces, steps)

    def _run(
        self,
        relaxed: Any,  # noqa: ANN401 - the atoms, or one of ASE's filters around them
        atoms: Atoms,
        curvature: FloatArray | None,
        stop: Callable[[Atoms], bool] | None,
    ) -> int | None:
        done, converged = 0, False
        while not converged and done < self.max_steps:
            # What BFGS learns on the way across a ridge holds it up behind it: it starts again from the guess.
            restarts = curvature is not None and relaxed is atoms
            chunk = min(_CHUNK, self.max_steps - done) if restarts else self.max_steps - done
            with BFGS(relaxed, logfile=os.devnull, maxstep=_MAX_STEP) as optimizer:
                if curvature is not None:
                    optimizer.H0 = curvature.copy()
                for converged in optimizer.irun(fmax=self.fmax, steps=chunk):
                    if not np.isfinite(atoms.positions).all():
                        raise CalculationError(
                            "exploded", f"positions are no longer finite after {done + optimizer.nsteps} steps"
                        )
                    if stop is not None and not converged and stop(atoms):
                        return None
                done += int(optimizer.nsteps)
        if not converged and not self.keep:
            largest = float(np.linalg.norm(np.asarray(atoms.get_forces()), axis=1).max())
            raise CalculationError(
                "not_converged", f"largest force {largest:.3g} eV/Å after {done} steps; expected below {self.fmax:g} eV/Å"
            )
        return done


def _guess_with_cell(atoms: Atoms) -> FloatArray:
    """A guess of a crystal's second derivatives as a filter of ASE has atoms and cell: by strain times atoms."""
    count = len(atoms)
    guess = _CELL_STIFFNESS * atoms.get_volume() / count**2 * np.eye(3 * count + 9)
    guess[: 3 * count, : 3 * count] = springs(atoms)
    return np.asarray(guess)


def _little_stress(most: float, atoms: Atoms) -> bool:
    return float(np.abs(atoms.get_stress()).max()) * float(atoms.get_volume()) / len(atoms) <= most
