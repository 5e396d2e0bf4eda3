"""Molecular dynamics before a boundary is relaxed, where its candidate asks for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tansaku.calculators.engines.motion import BLOCK
from tansaku.models.domain.annealing import AnnealingCalculator, AnnealRun
from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.ports import Calculator
from tansaku.models.domain.specs.relaxation import RelaxationSpec

if TYPE_CHECKING:
    from ase import Atoms

_KEYS = ("anneal_temperature", "anneal_steps", "anneal_seed")


def annealed(start: Atoms, calculator: Calculator, relaxation: RelaxationSpec) -> Atoms:
    """The structure after its molecular dynamics; the same where none is asked for.

    Args:
        start: As the space built it; ``info`` says how it is annealed.
        calculator: Computes.
        relaxation: Of the candidate: says whether atoms are held.

    Raises:
        ConfigurationError: The calculator has no molecular dynamics.
        CalculationError: The atoms went astray.
    """
    if any(key not in start.info for key in _KEYS):
        return start
    if not isinstance(calculator, AnnealingCalculator):
        raise ConfigurationError(f"space.anneal: {calculator.provenance.code} has no molecular dynamics")
    temperature, steps, seed = (start.info[key] for key in _KEYS)
    atoms = calculator.anneal(start, AnnealRun(float(temperature), int(steps), int(seed)), relaxation)
    moved = atoms.positions - start.positions
    lower, upper = (moved[start.arrays[BLOCK] == number].mean(axis=0) for number in (1, 2))
    x, y, z = (float(part) for part in upper - lower)
    given = [float(value) for value in start.info["translation"]]
    atoms.info.update(final_translation=[given[0] + x, given[1] + y, given[2]], expansion=z)
    return atoms
