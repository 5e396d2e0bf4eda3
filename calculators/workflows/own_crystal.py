"""Equilibrium lattice parameter of a crystal by a calculator, and its stress at another lattice parameter."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from ase import units

from tansaku.calculators.engines.electronic import GRID_CELL
from tansaku.calculators.structures.crystal import CubicCrystal
from tansaku.calculators.structures.perfect_crystal import AxialCrystal, Crystal, crystal_of
from tansaku.models.domain.errors import CalculationError, ConfigurationError
from tansaku.models.domain.ports import Calculator
from tansaku.models.domain.specs.grain_boundary import CrystalSpec, LatticeParameter, misfit

TOLERANCE = 0.005
"""A lattice parameter that is further from the calculator's own belongs to another crystal [fraction]. At 0.5 % aluminium
is under 1 GPa."""

_STEP = 0.02
_STEPS = 25


@dataclass(frozen=True)
class OwnCrystal:
    """Equilibrium crystal of a calculator.

    Attributes:
        lattice_parameter: At the lowest energy [Å]; a and c where the crystal has a main axis.
        given: The lattice parameter that it was looked for from [Å], in the same form.
        stress: Mean normal stress there, positive when pulled [GPa]; None where the calculator gives none.
    """

    lattice_parameter: LatticeParameter
    given: LatticeParameter
    stress: float | None

    @property
    def misfit(self) -> float:
        """Relative difference of the given lattice parameter from the equilibrium one; of two the larger one."""
        return misfit(self.given, self.lattice_parameter)

    def lowers(self, thickness: float) -> float | None:
        """Estimates the error of a boundary's energy that comes out too low because its grains are strained [J/m^2].

        The plane of the boundary keeps the strain, while grains that relax along the normal give up stress times misfit by
        volume: exactly so if the crystal is isotropic, with a Poisson's ratio of 1/3.

        Args:
            thickness: Of the crystal that relaxes with the boundary [Å].

        Returns:
            None where the calculator gives no stress.
        """
        if self.stress is None:
            return None
        return abs(self.stress * self.misfit) * thickness * (1e9 * 1e-10)

    def describe(self) -> str:
        """The comparison in words."""
        stress = "" if self.stress is None else f"; bulk stress {self.stress:+.2f} GPa"
        given, own = written(self.given, "g"), written(self.lattice_parameter, ".5g")
        return f"{given}, {100 * self.misfit:+.2f} % off the calculator's own {own}{stress}"


def written(parameter: LatticeParameter, digits: str) -> str:
    """A lattice parameter as files have it: ``2.95 Å`` or ``[3.21, 5.21] Å``."""
    numbers = ", ".join(f"{number:{digits}}" for number in np.atleast_1d(parameter))
    return f"[{numbers}] Å" if isinstance(parameter, tuple) else f"{numbers} Å"


def own_crystal(calculator: Calculator, given: Crystal, precision: float = 1e-5) -> OwnCrystal:
    """Finds the minimum of the energy that is nearest to a given lattice parameter, and the stress there.

    Args:
        calculator: Computes the unit cell, about ten times; a crystal with a main axis about a hundred times.
        given: Where to begin.
        precision: Of the lattice parameter [fraction].

    Raises:
        ConfigurationError: The calculator has no such crystal, or cannot compute it.
    """
    stress: list[float] = []
    known: dict[Crystal, float] = {}
    grid_cell = given.unit_cell().cell.array

    def energy(crystal: Crystal) -> float:
        if crystal not in known:
            cell = crystal.unit_cell()
            cell.info[GRID_CELL] = grid_cell
            result = calculator.evaluate(cell)
            known[crystal] = result.energy
            if not stress and result.stress is not None:
                stress.append(float(np.mean(result.stress[:3])) / units.GPa)
        return known[crystal]

    found: LatticeParameter
    try:
        if isinstance(given, CubicCrystal):
            cubic = given
            found = _edge(lambda edge: energy(replace(cubic, lattice_parameter=edge)), given, precision)
        else:
            found = _axial(energy, given, precision)
    except CalculationError as error:
        raise ConfigurationError(
            f"space.crystal: {calculator.provenance.code} does not compute {given.structure} {given.element}: {error.message}"
        ) from error
    looked = given.lattice_parameter if isinstance(given, CubicCrystal) else given.parameters
    return OwnCrystal(found, looked, stress[0] if stress else None)


def _edge(energy: Callable[[float], float], given: Crystal, precision: float) -> float:
    from scipy.optimize import minimize_scalar

    return float(minimize_scalar(energy, bracket=_bracket(energy, given), method="brent", tol=precision).x)


def _axial(energy: Callable[[Crystal], float], given: AxialCrystal, precision: float) -> tuple[float, float]:
    """A and c of the lowest energy: along the volume at the given c/a first, then in both."""
    from scipy.optimize import minimize

    scale = _edge(lambda edge: energy(_axial_at(given, edge, given.height / given.lattice_parameter)), given, 1e-3)
    ratio = given.height / given.lattice_parameter
    # Strains, so that a and c are found to the same share.
    found = minimize(
        lambda x: energy(_axial_at(given, scale * math.exp(x[0]), ratio * math.exp(x[1]))),
        np.zeros(2),
        method="Nelder-Mead",
        options={"initial_simplex": [[0.0, 0.0], [_STEP / 4, 0.0], [0.0, _STEP / 4]], "xatol": precision / 10, "fatol": 1e-12},
    )
    if not found.success:
        raise ConfigurationError(
            f"space.crystal: the energy of {given.structure} {given.element} has no minimum near c/a {ratio:.4g} with this "
            "calculator",
            hint="is it made for this element and structure?",
        )
    a = scale * math.exp(found.x[0])
    return a, a * ratio * math.exp(found.x[1])


def _axial_at(given: AxialCrystal, edge: float, ratio: float) -> AxialCrystal:
    return replace(given, lattice_parameter=edge, height=ratio * edge)


def refuse_misfit(crystal: CrystalSpec, own: OwnCrystal, calculator: str) -> None:
    """Raises ConfigurationError if a crystal is not at the calculator's equilibrium and the spec does not set ``strained``.

    Args:
        crystal: As the campaign has it.
        calculator: What to call that.
    """
    if crystal.strained or abs(own.misfit) <= TOLERANCE:
        return
    stress = "" if own.stress is None else f" and under {own.stress:+.2g} GPa"
    raise ConfigurationError(
        f"space.crystal.lattice_parameter: {written(own.given, 'g')}; {calculator} has {crystal.structure} {crystal.element} "
        f"at {written(own.lattice_parameter, '.5g')}, the given one is {100 * own.misfit:+.2f} % off{stress}; expected at most "
        f"{100 * TOLERANCE:g} %",
        hint="write the calculator's own, or `lattice_parameter: auto`; or `strained: true` beside it if that is what you mean",
    )


def _bracket(energy: Callable[[float], float], given: Crystal) -> tuple[float, float, float]:
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


def likely_crystal(structure: str, element: str) -> Crystal:
    """A crystal of about the right density, to look for a calculator's own from.

    Raises:
        ConfigurationError: Nothing is known of the element's density.
    """
    from ase.build import bulk

    try:
        known = bulk(element)
    except (ValueError, KeyError, TypeError, NotImplementedError) as error:
        raise ConfigurationError(
            f"space.crystal.lattice_parameter: auto; nothing is known of the density of {element}, expected a number"
        ) from error
    ratio = math.sqrt(8.0 / 3.0)
    unit = crystal_of(structure, element, (1.0, ratio) if structure == "hcp" else 1.0)
    edge = float((unit.atoms_per_volume * known.get_volume() / len(known)) ** (1 / 3))
    return crystal_of(structure, element, (edge, ratio * edge) if structure == "hcp" else edge)
