"""Candidate binding sites of an ion on a molecule."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tansaku.calculators.structures.conformers import Conformers
from tansaku.models.domain.pool import FloatArray

DONOR_DISTANCES = {"N": 1.95, "O": 1.85, "F": 1.85, "P": 2.5, "S": 2.4, "Cl": 2.3}
"""Elements that bind a cation, and the distance at which Li⁺ is placed [Å]."""

LARGER = {"Li": 0.0, "Na": 0.4, "K": 0.78}
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
        conformers: Of the molecule.
        charges: Of its atoms, (n_atoms,) [e].
        number: Most places.
        ion: A key of ``LARGER``.
    """
    found = []
    for place, (positions, strain) in enumerate(zip(conformers.positions, conformers.energies, strict=True)):
        for point in _points(conformers.symbols, positions, LARGER[ion]):
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
