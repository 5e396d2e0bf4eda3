"""Rigid ions with charges and Buckingham potentials, by LAMMPS: V(r) = A exp(-r/rho) - C/r^6 + q q' e²/(4πε₀ r).

R. A. Buckingham, Proc. R. Soc. A 168, 264 (1938), doi:10.1098/rspa.1938.0173. The charges are summed by Ewald's method, whose
energies are a sum over atoms; up to cells of 640 atoms it took no longer than LAMMPS's PPPM. Its splitting depends on the
cutoff and the accuracy alone, so that energies of different cells have the same small error.

Towards zero distance the energy falls to -∞, by C/r^6 or by the charges: ions that are nearer than its innermost maximum fall
together. No such structure has an energy here, nor has a slab in vacuum whose surfaces differ in their potential.
"""

from __future__ import annotations

import importlib.metadata
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.data import atomic_masses, atomic_numbers
from ase.neighborlist import neighbor_list

from tansaku.calculators.engine import Engine
from tansaku.calculators.engines.energy_partition import COULOMB
from tansaku.calculators.engines.lammps import MINIMIZER, LammpsCalculator
from tansaku.calculators.engines.lammps_session import load_lammps
from tansaku.models.domain.errors import CalculationError, ConfigurationError
from tansaku.models.domain.records import Provenance
from tansaku.models.domain.specs.calculators.buckingham import BuckinghamPair, BuckinghamSpec
from tansaku.models.domain.specs.calculators.contract import settings_of

_VACUUM = 6.0
"""Height without ions in a cell, from which on it is vacuum around a slab [Å]; the widest in boundaries was 1.9 Å."""

_STEP = 10.0
"""Difference of the potential between both surfaces of a slab from which on it is polar [V]. One pair of planes (1 1 1) of MgO
has 57 V, of (0 0 1) of SrTiO3 with charges 1.84, 2.36 and -1.4 10.3 V; ions that are shaken by 0.1 Å make some volts."""

_STYLE = "buck/coul/long/cs"
"""The same energy as ``buck/coul/long`` with a better erfc, by which energies are exact to 5e-7 and not to 1.5e-6."""

_NEAREST, _POINTS = 0.05, 20000
"""Distances at which maxima are looked for: the smallest [Å], which no structure falls short of, and their number."""


@dataclass(frozen=True)
class BuckinghamPotential:
    """Potential of a LAMMPS session.

    Attributes:
        closest: Distance of the innermost maximum of the energy of two ions, where there is one [Å].
    """

    spec: BuckinghamSpec
    closest: Mapping[tuple[str, str], float]

    @property
    def atom_style(self) -> str:
        """LAMMPS's name of the properties that an atom has."""
        return "charge"

    @property
    def bottomless(self) -> bool:
        """Whether some ions fall together."""
        return bool(self.closest)

    def check(self, structure: Atoms) -> None:
        """Refuses what has no energy, as a ``Potential`` of a session.

        Raises:
            ConfigurationError: An element has no charge.
            CalculationError: The structure is not neutral (``charged``), is a slab with a dipole (``dipole``), or ions fall
                together (``collapsed``).
        """
        charges, symbols = self.spec.charges, structure.get_chemical_symbols()
        for symbol in sorted(set(symbols) - set(charges)):
            raise ConfigurationError(f"calculator.charges: {symbol} is missing; given are {', '.join(charges)}")
        if total := self.spec.charge(symbols):
            raise CalculationError(
                "charged",
                f"{structure.get_chemical_formula()} has a charge of {total:+.6g} e by calculator.charges; expected none",
            )
        step = potential_step(structure, [charges[symbol] for symbol in symbols])
        if abs(step) > _STEP:
            raise CalculationError(
                "dipole",
                f"{structure.get_chemical_formula()} is a slab in vacuum with a dipole: the potential of its surfaces differs "
                f"by {abs(step):.3g} V, and the field of its images would count; expected a slab that is symmetric about its "
                "middle, or a cell without vacuum, such as those of a compound_boundary space",
            )
        if not self.closest:
            return
        first, second, distances = neighbor_list("ijd", structure, dict(self.closest))
        if len(distances):
            worst = int(distances.argmin())
            i, j = int(first[worst]), int(second[worst])
            a, b = sorted((symbols[i], symbols[j]))
            raise CalculationError(
                "collapsed",
                f"atoms {i} ({symbols[i]}) and {j} ({symbols[j]}) are {distances[worst]:.3g} Å apart; nearer than "
                f"{self.closest[a, b]:.3g} Å, the maximum of their energy, {a} and {b} fall together",
            )

    def commands(self, symbols: Sequence[str], _: Path) -> list[str]:
        """Commands that set interactions and masses, as a ``Potential`` of a session."""
        spec, number = self.spec, {symbol: index for index, symbol in enumerate(symbols, start=1)}
        rows = [pair for pair in spec.pairs if set(pair.between) <= set(symbols)]
        return [
            f"pair_style {_STYLE} {spec.cutoff!r}",
            *(_row(pair, *sorted(number[symbol] for symbol in pair.between)) for pair in rows),
            # Tables make steps in the energy, on which line searches end.
            "pair_modify shift yes table 0",
            f"kspace_style ewald {spec.accuracy!r}",
            # exp(-(g cutoff)²) is the accuracy.
            f"kspace_modify gewald {math.sqrt(-math.log(spec.accuracy)) / spec.cutoff!r}",
            *(f"mass {number[symbol]} {float(atomic_masses[atomic_numbers[symbol]])!r}" for symbol in symbols),
        ]

    def atom_commands(self, symbols: Sequence[str]) -> list[str]:
        """Commands that give the atoms their charges, as a ``Potential`` of a session."""
        return [f"set type {index} charge {self.spec.charges[symbol]!r}" for index, symbol in enumerate(symbols, start=1)]


def potential_step(structure: Atoms, charges: Sequence[float]) -> float:
    """Difference of the electrostatic potential between both surfaces of a slab in vacuum, from its dipole [V].

    Args:
        charges: Of the atoms [e].

    Returns:
        0 where not exactly one direction of the cell has vacuum.
    """
    fractions = structure.get_scaled_positions()
    ordered = np.sort(fractions, axis=0)
    gaps = np.diff(ordered, axis=0, append=ordered[:1] + 1.0)
    heights = 1.0 / np.linalg.norm(structure.cell.reciprocal(), axis=1)
    open_ways = np.flatnonzero(gaps.max(axis=0) * heights > _VACUUM)
    if len(open_ways) != 1:
        return 0.0
    across = open_ways[0]
    below = gaps[:, across].argmax()
    middle = ordered[below, across] + 0.5 * gaps[below, across]
    moment = np.dot(charges, (fractions[:, across] - middle) % 1.0) * heights[across]
    return float(4.0 * math.pi * COULOMB * moment * heights[across] / structure.get_volume())


def _row(pair: BuckinghamPair, first: int, second: int) -> str:
    return f"pair_coeff {first} {second} {pair.A!r} {pair.rho or 1.0!r} {pair.C!r}"


def potential_of(spec: BuckinghamSpec) -> BuckinghamPotential:
    """The potential that a spec describes.

    Raises:
        ConfigurationError: A symbol is no element, or ions of two elements attract each other at every distance.
    """
    for symbol in spec.charges:
        if symbol not in atomic_numbers:
            raise ConfigurationError(f"calculator.charges: {symbol}; expected symbols of elements")
    found = {pair.between: _closest(pair, spec) for pair in spec.pairs}
    return BuckinghamPotential(spec, {between: distance for between, distance in found.items() if distance})


def _closest(pair: BuckinghamPair, spec: BuckinghamSpec) -> float:
    """Distance at which the energy of two ions has its innermost maximum [Å]; 0 where they repel each other down to contact.

    Raises:
        ConfigurationError: They attract each other at every distance.
    """
    product = math.prod(spec.charges[symbol] for symbol in pair.between)
    r = np.geomspace(_NEAREST, spec.cutoff, _POINTS)
    force = COULOMB * product / r**2 - 6.0 * pair.C / r**7
    if pair.rho is not None:
        force += pair.A / pair.rho * np.exp(-r / pair.rho)
    if force[0] >= 0.0:
        return 0.0
    repelled = np.flatnonzero(force > 0.0)
    if not len(repelled):
        first, second = pair.between
        raise ConfigurationError(
            f"calculator.pairs: {first} and {second} attract each other everywhere (A {pair.A:g}, rho {pair.rho or 0:g}, "
            f"C {pair.C:g}, charges {spec.charges[first]:+g} and {spec.charges[second]:+g}); expected an A that parts them"
        )
    return float(r[repelled[0]])


def _open(spec: BuckinghamSpec) -> LammpsCalculator:
    load_lammps()
    provenance = Provenance(
        code="buckingham",
        code_version=importlib.metadata.version("lammps"),
        model=f"Buckingham {'-'.join(spec.charges)}",
        settings=settings_of(spec) | {"minimizer": MINIMIZER},
    )
    return LammpsCalculator(potential_of(spec), provenance)


ENGINE = Engine[BuckinghamSpec](
    open=lambda spec, *_: _open(spec),
    elements=lambda spec, _: frozenset(potential_of(spec).spec.charges),
)
