"""Energy that an ion gains by binding to a molecule, both alone in space."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from ase import Atoms
from ase.data import atomic_numbers, covalent_radii
from scipy.spatial.distance import pdist, squareform

from tansaku.calculators.engines.electronic import TOTAL_CHARGE
from tansaku.calculators.structures.conformers import Conformers, conformers_of
from tansaku.models.domain.errors import CalculationError, ConfigurationError
from tansaku.models.domain.pool import FloatArray
from tansaku.models.domain.ports import CalculationResult, Calculator
from tansaku.models.domain.specs.relaxation import RelaxationSpec
from tansaku.models.domain.specs.workflow import IonBindingSpec

_FREE = 2
"""Conformers of the molecule that are relaxed without the ion."""

_BONDED = 1.2
"""Atoms nearer than this times the sum of their covalent radii are bonded."""

_REACH, _FAR_REACH = 2.4, 2.8
"""Longest distances of Li⁺ from donors of the first and of later periods that count as coordinating [Å]."""


@dataclass(frozen=True, eq=False)
class IonBinding:
    """A bound ion.

    Attributes:
        energy: E(complex) - E(molecule) - E(ion), electronic, without zero-point energy [eV]; negative: bound.
        free: The relaxed molecule.
        bound: The relaxed complex; its last atom is the ion.
        coordination: Donor atoms that the ion touches.
        conformers: How many the molecule was found to have.
        failed: Relaxations that did not end, or ended in another molecule.
    """

    energy: float
    free: CalculationResult
    bound: CalculationResult
    coordination: int
    conformers: int
    failed: int


def ion_binding(calculator: Calculator, smiles: str, spec: IonBindingSpec) -> IonBinding:
    """Binds an ion at the best of several places.

    The best two conformers of the molecule are relaxed. Places of the ion on all conformers are ranked by strain and
    electrostatics, the best ones by their energy, and the best of these are relaxed.

    Args:
        calculator: Computes molecules with a charge, and charges of atoms.

    Raises:
        NotFoundError: RDKit cannot read the molecule.
        CalculationError: It has no coordinates (``no_coordinates``) or no place for the ion (``no_place``), or no relaxation
            ends (``not_converged``) in this molecule (``bonds_changed``).
        ConfigurationError: The calculator gives no charges of atoms.
    """
    conformers = conformers_of(smiles, spec.conformers)
    free, failed_free = free_molecule(calculator, conformers, spec)
    if free.charges is None:
        raise ConfigurationError(f"calculator: {free.provenance.code} gives no charges of atoms; expected one that does")
    tried = [
        (calculator.evaluate(complex_).energy, i, complex_)
        for i, complex_ in enumerate(
            _complexes(conformers, sites_of(conformers, free.charges, spec.places, spec.ion), spec.ion)
        )
    ]
    if not tried:
        raise CalculationError("no_place", f"{smiles}: no place for {spec.ion} is far enough from the other atoms")
    best = [complex_ for _, _, complex_ in sorted(tried)[: spec.relaxed]]
    bound, failed_bound = _relaxed(calculator, best, conformers, spec)
    ion = calculator.evaluate(_molecule((spec.ion,), np.zeros((1, 3)), charge=1))
    return IonBinding(
        energy=bound.energy - free.energy - ion.energy,
        free=free,
        bound=bound,
        coordination=coordination_of(bound.atoms),
        conformers=len(conformers.energies),
        failed=failed_free + failed_bound,
    )


def free_molecule(calculator: Calculator, conformers: Conformers, spec: IonBindingSpec) -> tuple[CalculationResult, int]:
    """The best two conformers relaxed without an ion.

    Returns:
        The lower one, and how many relaxations did not end or ended in another molecule.

    Raises:
        CalculationError: None ends (``not_converged``) in this molecule (``bonds_changed``).
    """
    alone = [_molecule(conformers.symbols, positions) for positions in conformers.positions[:_FREE]]
    return _relaxed(calculator, alone, conformers, spec)


def coordination_of(bound: Atoms) -> int:
    """Donor atoms that the ion, which is the last atom, touches."""
    distances = np.linalg.norm(bound.positions[:-1] - bound.positions[-1], axis=1)
    symbols = bound.get_chemical_symbols()
    larger = _LARGER[symbols[-1]]
    reach = {symbol: (_REACH if symbol in ("N", "O", "F") else _FAR_REACH) + larger for symbol in DONOR_DISTANCES}
    return sum(bool(d < reach.get(symbol, 0.0)) for symbol, d in zip(symbols, distances, strict=False))


def same_bonds(positions: FloatArray, conformers: Conformers) -> bool:
    """Returns whether the atoms of a molecule are bonded as its graph says, and no others.

    Args:
        positions: Of its atoms, (n_atoms, 3) [Å].
    """
    if len(positions) < 2:
        return True
    radii = covalent_radii[[atomic_numbers[symbol] for symbol in conformers.symbols]]
    near = squareform(pdist(positions)) < _BONDED * (radii[:, None] + radii)
    first, second = np.nonzero(np.triu(near, 1))
    return frozenset(zip(first.tolist(), second.tolist(), strict=True)) == conformers.bonds


def _molecule(symbols: Sequence[str], positions: FloatArray, charge: int = 0) -> Atoms:
    atoms = Atoms(symbols, positions)
    atoms.info[TOTAL_CHARGE] = charge
    return atoms


def _complexes(conformers: Conformers, sites: Sequence[Site], ion: str) -> list[Atoms]:
    symbols = (*conformers.symbols, ion)
    return [_molecule(symbols, np.vstack([conformers.positions[site.conformer], site.place]), charge=1) for site in sites]


def _relaxed(
    calculator: Calculator, starts: Sequence[Atoms], conformers: Conformers, spec: IonBindingSpec
) -> tuple[CalculationResult, int]:
    """The lowest end of several relaxations that is still the molecule, and how many were of no use."""
    relaxation = RelaxationSpec(fmax=spec.fmax, max_steps=spec.max_steps)
    ended: list[CalculationResult] = []
    problem: CalculationError | None = None
    for start in starts:
        try:
            result = calculator.evaluate(start, relaxation)
        except CalculationError as error:
            problem = error
            continue
        if same_bonds(result.atoms.positions[: len(conformers.symbols)], conformers):
            ended.append(result)
        else:
            problem = CalculationError("bonds_changed", f"{start.symbols} changed its bonds while it was relaxed")
    if not ended:
        raise problem or AssertionError("nothing was relaxed")
    return min(ended, key=lambda result: result.energy), len(starts) - len(ended)


DONOR_DISTANCES = {"N": 1.95, "O": 1.85, "F": 1.85, "P": 2.5, "S": 2.4, "Cl": 2.3}
"""Elements that bind a cation, and the distance at which Li⁺ is placed [Å]."""

_LARGER = {"Li": 0.0, "Na": 0.4, "K": 0.78}
"""By how much an ion is larger than Li⁺: differences of Shannon's radii at four neighbours [Å],
https://doi.org/10.1107/S0567739476001551."""

COULOMB = 14.3996454
"""e² / (4 π ε0) [eV Å]."""

_NO_DONOR = 2.2  # distance of Li+ from a heavy atom of a molecule without donors [Å]
_LEAST_HYDROGEN, _LEAST_HEAVY = 1.7, 2.1  # distances of Li+ from atoms that do not bind it [Å]


@dataclass(frozen=True, eq=False)
class Site:
    """A place for Li⁺.

    Attributes:
        conformer: Number of the conformer.
        place: Of the ion, (3,) [Å].
        estimate: Strain of the conformer and potential energy of the ion among atomic charges [eV].
    """

    conformer: int
    place: FloatArray
    estimate: float


def sites_of(conformers: Conformers, charges: FloatArray, number: int, ion: str = "Li") -> list[Site]:
    """The most promising places of a singly charged ion, no two of them alike.

    Args:
        charges: Of its atoms, (n_atoms,) [e].
        number: Most places.
        ion: A key of ``_LARGER``.
    """
    found = []
    for place, (positions, strain) in enumerate(zip(conformers.positions, conformers.energies, strict=True)):
        for point in _points(conformers.symbols, positions, _LARGER[ion]):
            energy = COULOMB * float((charges / np.linalg.norm(positions - point, axis=1)).sum())
            found.append(Site(place, point, energy + float(strain)))
    chosen: list[Site] = []
    for site in sorted(found, key=lambda site: site.estimate):
        if all(site.conformer != other.conformer or np.linalg.norm(site.place - other.place) > 1.0 for other in chosen):
            chosen.append(site)
        if len(chosen) == number:
            break
    return chosen


def _points(symbols: tuple[str, ...], positions: FloatArray, larger: float) -> list[FloatArray]:
    """Points on spheres about the donors and on the circle between two of them; without donors, about every heavy atom."""
    donors = [i for i, symbol in enumerate(symbols) if symbol in DONOR_DISTANCES]
    radii = {i: DONOR_DISTANCES[symbols[i]] + larger for i in donors}
    radii = radii or {i: _NO_DONOR + larger for i, symbol in enumerate(symbols) if symbol != "H"}
    points = [positions[i] + radius * direction for i, radius in radii.items() for direction in _directions(60)]
    for first in donors:
        for second in donors:
            if first < second:
                points += _between(positions[first], positions[second], 0.5 * (radii[first] + radii[second]) + 0.05)
    least = np.array([_LEAST_HYDROGEN if s == "H" else 1.6 if i in radii else _LEAST_HEAVY for i, s in enumerate(symbols)])
    return [point for point in points if (np.linalg.norm(positions - point, axis=1) >= least + larger).all()]


def _between(first: FloatArray, second: FloatArray, radius: float) -> list[FloatArray]:
    """Points at one distance from both, 16 on a circle."""
    axis, middle = second - first, 0.5 * (first + second)
    length = float(np.linalg.norm(axis))
    if not 2.0 < length < 2.0 * radius:
        return []
    axis = axis / length
    across = np.cross(axis, np.eye(3)[int(np.argmin(np.abs(axis)))])
    across /= np.linalg.norm(across)
    other, reach = np.cross(axis, across), np.sqrt(radius**2 - 0.25 * length**2)
    angles = 2.0 * np.pi * np.arange(16) / 16
    return [middle + reach * (np.cos(angle) * across + np.sin(angle) * other) for angle in angles]


def _directions(number: int) -> FloatArray:
    """Evenly spread directions (a Fibonacci lattice), (number, 3)."""
    steps = np.arange(number) + 0.5
    height = 1.0 - 2.0 * steps / number
    angle = np.pi * (1.0 + 5.0**0.5) * steps
    ring = np.sqrt(1.0 - height**2)
    return np.stack([ring * np.cos(angle), ring * np.sin(angle), height], axis=1)
