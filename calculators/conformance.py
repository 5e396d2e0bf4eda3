"""Conformance checks for calculators, also for a plug-in's own tests; each raises AssertionError with the fault."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from ase import Atoms

from tansaku.calculators.calculator_registry import open_calculator, resolve_calculator
from tansaku.models.domain.errors import CalculationError
from tansaku.models.domain.level_of_theory import check_level
from tansaku.models.domain.ports import CalculationResult, Calculator
from tansaku.models.domain.specs.calculators.contract import CalculatorBase
from tansaku.models.domain.specs.relaxation import RelaxationSpec


@dataclass(frozen=True)
class Case:
    """A calculator and a crystal that it can compute.

    Attributes:
        crystal: Fully periodic, with a cell of at least two atoms.
        folder: In which relative paths start.
        step: Displacement for derivatives [Å]; larger where energies have few digits.
        forces: Tolerance of forces [eV/Å]; of stresses it is a tenth of it [eV/Å^3].
    """

    spec: CalculatorBase
    crystal: Atoms
    folder: Path
    step: float = 1e-3
    forces: float = 1e-3

    def opened(self) -> Calculator:
        """A new calculator, as a campaign opens it."""
        return open_calculator(resolve_calculator(self.spec, self.folder), self.folder)

    @property
    def rattled(self) -> Atoms:
        """The crystal with displaced atoms."""
        atoms: Atoms = self.crystal.copy()
        atoms.positions += np.random.default_rng(0).normal(scale=0.05, size=atoms.positions.shape)
        return atoms


def forces_are_gradients(case: Case) -> None:
    """Forces are the negative derivative of the energy."""
    calculator, atoms = case.opened(), case.rattled
    forces = calculator.evaluate(atoms).forces
    for axis in range(3):
        energies = []
        for sign in (1.0, -1.0):
            moved = atoms.copy()
            moved.positions[0, axis] += sign * case.step
            energies.append(calculator.evaluate(moved).energy)
        slope = -(energies[0] - energies[1]) / (2 * case.step)
        _expect(
            abs(forces[0, axis] - slope) < case.forces,
            f"force {forces[0, axis]:.6g} eV/Å, but the energy's slope is {slope:.6g}",
        )


def stress_is_a_gradient(case: Case) -> None:
    """The stress, where there is one, is the derivative of the energy with strain."""
    calculator, atoms = case.opened(), case.rattled
    stress = calculator.evaluate(atoms).stress
    if stress is None:
        return
    energies = []
    for sign in (1.0, -1.0):
        strained = atoms.copy()
        strain = np.eye(3)
        strain[2, 2] += sign * 1e-4
        strained.set_cell(atoms.cell.array @ strain, scale_atoms=True)
        energies.append(calculator.evaluate(strained).energy)
    slope = (energies[0] - energies[1]) / (2e-4 * atoms.get_volume())
    _expect(abs(stress[2] - slope) < case.forces / 10, f"stress {stress[2]:.6g} eV/Å^3, but the energy's slope is {slope:.6g}")


def atoms_are_left_untouched(case: Case) -> None:
    """The input atoms are not changed, and the returned atoms have no calculator attached."""
    atoms = case.rattled
    before = atoms.positions.copy()
    result = case.opened().evaluate(atoms, RelaxationSpec(fmax=0.1))
    _expect(np.array_equal(before, atoms.positions), "the given atoms were moved")
    _expect(atoms.calc is None and result.atoms.calc is None, "atoms carry a calculator")


def relaxations_converge(case: Case) -> None:
    """A relaxation lowers the energy and ends below its threshold."""
    calculator, atoms = case.opened(), case.rattled
    result = calculator.evaluate(atoms, RelaxationSpec(fmax=0.05))
    _expect(result.energy < calculator.evaluate(atoms).energy, "the relaxation did not lower the energy")
    largest = float(np.linalg.norm(result.forces, axis=1).max())
    _expect(largest <= 0.05, f"largest force {largest:.4g} eV/Å after a relaxation to 0.05")


def unconverged_relaxations_are_kept(case: Case) -> None:
    """A relaxation that may end unconverged ends after its steps, lower than it began, and says so."""
    if not case.spec.facts.keeps_unconverged:
        return
    calculator, atoms = case.opened(), case.rattled
    result = calculator.evaluate(atoms, RelaxationSpec(fmax=1e-9, max_steps=2, unconverged="keep"))
    _expect(not result.converged, "the result of a relaxation that was ended says that it converged")
    _expect(result.energy < calculator.evaluate(atoms).energy, "two steps of a relaxation did not lower the energy")


def warm_results_are_fresh_results(case: Case) -> None:
    """Earlier evaluations do not change a single bit of a result."""
    warm, atoms = case.opened(), case.rattled
    warm.evaluate(case.crystal)
    first, second = warm.evaluate(atoms), case.opened().evaluate(atoms)
    _expect(_bits(first) == _bits(second), "a calculator that has computed before gives other numbers than a new one")


def failures_have_reasons(case: Case) -> None:
    """A structure that cannot be computed raises CalculationError, and the calculator still computes the next one."""
    calculator = case.opened()
    broken = case.rattled
    broken.positions[0, 0] = np.nan
    for atoms, relaxation, reason in (
        (broken, None, "nan"),
        (case.rattled, RelaxationSpec(fmax=1e-9, max_steps=1), "not_converged"),
    ):
        try:
            calculator.evaluate(atoms, relaxation)
        except CalculationError as error:
            _expect(error.reason == reason, f"reason {error.reason!r}; expected {reason!r}")
        else:
            raise AssertionError(f"no CalculationError with reason {reason!r}")
    calculator.evaluate(case.crystal)


def provenance_is_the_level_of_theory(case: Case) -> None:
    """Provenance names the code, its version and every setting that affects the numbers, but not the machine or folder."""
    spec = resolve_calculator(case.spec, case.folder)
    found, data = case.opened().provenance, spec.model_dump(mode="json")
    check_level(data, found, "a result")
    _expect(bool(found.code_version), "code_version is empty")
    _expect(found.host == "", "the host is no part of a calculator's provenance")
    recorded = found.settings | ({} if spec.facts.model is None else {spec.facts.model: found.model})
    for key in spec.level_keys():
        _expect(recorded.get(key) == data[key], f"settings[{key!r}] is {recorded.get(key)!r}; expected {data[key]!r}")


CHECKS: tuple[Callable[[Case], None], ...] = (
    forces_are_gradients,
    stress_is_a_gradient,
    atoms_are_left_untouched,
    relaxations_converge,
    unconverged_relaxations_are_kept,
    warm_results_are_fresh_results,
    failures_have_reasons,
    provenance_is_the_level_of_theory,
)
"""All checks of a calculator."""


def _bits(result: CalculationResult) -> tuple[bytes, ...]:
    arrays = [result.forces, result.atoms.positions] + ([result.stress] if result.stress is not None else [])
    return (np.float64(result.energy).tobytes(), *(array.tobytes() for array in arrays))


def _expect(holds: object, message: str) -> None:
    if not holds:
        raise AssertionError(message)
