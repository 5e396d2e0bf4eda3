"""Equilibrium lattice parameter of a crystal by a calculator, and its stress at another lattice parameter."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from ase import units
from ase.build import bulk
from scipy.optimize import minimize_scalar

from tansaku.calculators.engines.kpoints import GRID_CELL
from tansaku.calculators.structures.crystal import CubicCrystal, Structure
from tansaku.models.domain.errors import CalculationError, ConfigurationError
from tansaku.models.domain.ports import Calculator
from tansaku.models.domain.specs.space import CrystalSpec

TOLERANCE = 0.005
"""A lattice parameter that is further from the calculator's own belongs to another crystal [fraction]. At 0.5 % aluminium
is under 1 GPa."""

_STEP = 0.02
_STEPS = 25


@dataclass(frozen=True)
class OwnCrystal:
    """Equilibrium crystal of a calculator.

    Attributes:
        lattice_parameter: At the lowest energy [Å].
        given: The lattice parameter that it was looked for from [Å].
        stress: Mean normal stress there, positive when pulled [GPa]; None where the calculator gives none.
    """

    lattice_parameter: float
    given: float
    stress: float | None

    @property
    def misfit(self) -> float:
        """Relative difference of the given lattice parameter from the equilibrium one."""
        return self.given / self.lattice_parameter - 1.0

    def describe(self) -> str:
        """The comparison in words."""
        stress = "" if self.stress is None else f"; bulk stress {self.stress:+.2f} GPa"
        return f"{self.given:g} Å, {100 * self.misfit:+.2f} % off the calculator's own {self.lattice_parameter:.5g} Å{stress}"


def own_crystal(calculator: Calculator, given: CubicCrystal, precision: float = 1e-5) -> OwnCrystal:
    """Finds the minimum of the energy that is nearest to a given lattice parameter, and the stress there.

    Args:
        calculator: Computes the cubic cell, about ten times.
        given: Where to begin.
        precision: Of the lattice parameter [fraction].

    Raises:
        ConfigurationError: The calculator has no such crystal, or cannot compute it.
    """
    stress: list[float] = []
    known: dict[float, float] = {}
    grid_cell = given.unit_cell().cell.array

    def energy(edge: float) -> float:
        if edge not in known:
            cell = CubicCrystal(given.structure, given.element, edge).unit_cell()
            cell.info[GRID_CELL] = grid_cell
            result = calculator.evaluate(cell)
            known[edge] = result.energy
            if not stress and result.stress is not None:
                stress.append(float(np.mean(result.stress[:3])) / units.GPa)
        return known[edge]

    try:
        bracket = _bracket(energy, given)
        found = float(minimize_scalar(energy, bracket=bracket, method="brent", tol=precision).x)
    except CalculationError as error:
        raise ConfigurationError(
            f"space.crystal: {calculator.provenance.code} does not compute {given.structure} {given.element}: {error.message}"
        ) from error
    return OwnCrystal(found, given.lattice_parameter, stress[0] if stress else None)


def refuse_misfit(crystal: CrystalSpec, own: OwnCrystal, calculator: str) -> None:
    """Raises ConfigurationError if a crystal is not at the calculator's equilibrium and the spec does not set ``strained``.

    Args:
        crystal: As the campaign has it.
        own: As the calculator has it.
        calculator: What to call that.
    """
    if crystal.strained or abs(own.misfit) <= TOLERANCE:
        return
    stress = "" if own.stress is None else f" and under {own.stress:+.2g} GPa"
    raise ConfigurationError(
        f"space.crystal.lattice_parameter: {own.given:g} Å; {calculator} has {crystal.structure} {crystal.element} at "
        f"{own.lattice_parameter:.5g} Å, the given one is {100 * own.misfit:+.2f} % off{stress}; expected at most "
        f"{100 * TOLERANCE:g} %",
        hint="write the calculator's own, or `lattice_parameter: auto`; or `strained: true` beside it if that is what you mean",
    )


def _bracket(energy: Callable[[float], float], given: CubicCrystal) -> tuple[float, float, float]:
    """Three lattice parameters of which the middle one has the lowest energy."""
    middle = given.lattice_parameter
    here = energy(middle)
    factor = 1.0 + _STEP if energy(middle * (1.0 + _STEP)) < here else 1.0 / (1.0 + _STEP)
    behind = middle / factor
    for _ in range(_STEPS):
        ahead = middle * factor
        if energy(ahead) >= energy(middle):
            # The other side of the start was not looked at where the first step went uphill.
            if energy(behind) >= energy(middle):
                return behind, middle, ahead
            factor, ahead = 1.0 / factor, behind
        behind, middle = middle, ahead
    raise ConfigurationError(
        f"space.crystal: the energy of {given.structure} {given.element} has no minimum between {given.lattice_parameter:g} "
        f"and {middle:.4g} Å with this calculator",
        hint="is it made for this element and structure?",
    )


def likely_crystal(structure: Structure, element: str) -> CubicCrystal:
    """A crystal of about the right density, to look for a calculator's own from.

    Raises:
        ConfigurationError: Nothing is known of the element's density.
    """
    try:
        known = bulk(element)
    except (ValueError, KeyError, TypeError, NotImplementedError) as error:
        raise ConfigurationError(
            f"space.crystal.lattice_parameter: auto; nothing is known of the density of {element}, expected a number"
        ) from error
    unit = CubicCrystal(structure, element, 1.0)
    return CubicCrystal(structure, element, float((unit.atoms_per_volume * known.get_volume() / len(known)) ** (1 / 3)))
