"""Molecular dynamics before a relaxation: its settings, and the protocol of calculators that support it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from tansaku.models.domain.ports import Calculator

if TYPE_CHECKING:
    from ase import Atoms

    from tansaku.models.domain.specs.relaxation import RelaxationSpec


COOLING_STEPS = 1000
"""Steps of 2 fs from the temperature of a run down to 50 K."""

RELAXATION_STEPS = 300
"""A relaxation takes as long as so many steps of molecular dynamics: 210 to 330 in copper, cells of 250 to 900 atoms."""


@dataclass(frozen=True)
class AnnealRun:
    """Molecular dynamics of one structure.

    Attributes:
        temperature: [K].
        steps: Steps of 2 fs at that temperature.
        seed: Of velocities and thermostat, from 1.
    """

    temperature: float
    steps: int
    seed: int

    @property
    def work(self) -> float:
        """Factor by which this run before a relaxation lengthens it, about."""
        return 1.0 + (self.steps + COOLING_STEPS) / RELAXATION_STEPS


@runtime_checkable
class AnnealingCalculator(Calculator, Protocol):
    """A calculator with molecular dynamics; its spec's facts say so (``dynamics``)."""

    def anneal(self, structure: Atoms, run: AnnealRun, relaxation: RelaxationSpec) -> Atoms:
        """Heats a structure, holds it at a temperature, and cools it to 50 K.

        Args:
            structure: Is left untouched. Its rigid blocks move as wholes.
            run: Temperature, steps and seed; the same seed gives bitwise the same result.
            relaxation: Says whether atoms are held.

        Returns:
            The structure at the end, continuous with the start.

        Raises:
            CalculationError: The atoms went astray.
        """
        ...
