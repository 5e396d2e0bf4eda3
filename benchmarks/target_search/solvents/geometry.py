"""Conformers of a molecule, and where on each of them a Li⁺ may bind."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from rdkit import Chem
from rdkit.Chem import AllChem

FloatArray = NDArray[np.float64]

DONORS = {"N": 1.95, "O": 1.85, "F": 1.85, "P": 2.5, "S": 2.4, "Cl": 2.3}
"""Elements that bind Li⁺, and the distance at which it is placed [Å]."""

COULOMB = 14.3996454
"""e² / (4 π ε0) [eV Å]."""

KCAL_PER_MOL = 0.0433641
"""[eV]"""

_CONFORMERS = 24
_LEAST_HYDROGEN, _LEAST_HEAVY = 1.7, 2.1  # distances of Li+ from atoms that do not bind it [Å]


@dataclass(frozen=True, eq=False)
class Conformers:
    """A molecule with its conformers, the best first.

    Attributes:
        molecule: With explicit hydrogens.
        symbols: Elements of the atoms.
        positions: (n_conformers, n_atoms, 3) [Å].
        energies: Above the best, by the force field [eV].
    """

    molecule: Chem.Mol
    symbols: tuple[str, ...]
    positions: FloatArray
    energies: FloatArray


@dataclass(frozen=True, eq=False)
class Site:
    """A place for Li⁺.

    Attributes:
        conformer: Number of the conformer.
        place: Of Li⁺ [Å].
        estimate: Strain of the conformer and potential energy of Li⁺ among atomic charges [eV].
    """

    conformer: int
    place: FloatArray
    estimate: float


def conformers_of(smiles: str, seed: int = 7) -> Conformers:
    """Conformers by distance geometry (ETKDG, doi:10.1021/acs.jcim.5b00654), relaxed by the force field MMFF94.

    Args:
        smiles: The molecule.
        seed: Of the distance geometry.

    Raises:
        ValueError: RDKit cannot read or embed it.
    """
    read = Chem.MolFromSmiles(smiles)
    if read is None:
        raise ValueError(f"smiles: {smiles!r}; expected a molecule")
    molecule = Chem.AddHs(read)
    options = AllChem.ETKDGv3()
    options.randomSeed, options.pruneRmsThresh = seed, 0.2
    found = list(AllChem.EmbedMultipleConfs(molecule, _CONFORMERS, options))
    if not found:
        raise ValueError(f"smiles: {smiles!r}; RDKit finds no coordinates")
    field = (
        AllChem.MMFFOptimizeMoleculeConfs if AllChem.MMFFHasAllMoleculeParams(molecule) else AllChem.UFFOptimizeMoleculeConfs
    )
    energies = np.array([energy for _, energy in field(molecule, maxIters=2000)]) * KCAL_PER_MOL
    order = np.argsort(energies, kind="stable")
    positions = np.array([molecule.GetConformer(int(found[i])).GetPositions() for i in order])
    symbols = tuple(atom.GetSymbol() for atom in molecule.GetAtoms())
    return Conformers(molecule, symbols, positions, energies[order] - energies.min())


def sites_of(conformers: Conformers, charges: FloatArray, number: int) -> list[Site]:
    """The most promising places of Li⁺, no two of them alike.

    Args:
        conformers: Of the molecule.
        charges: Of its atoms, (n_atoms,) [e].
        number: Most places.
    """
    found = []
    for place, (positions, strain) in enumerate(zip(conformers.positions, conformers.energies, strict=True)):
        for point in _points(conformers.symbols, positions):
            energy = COULOMB * float((charges / np.linalg.norm(positions - point, axis=1)).sum())
            found.append(Site(place, point, energy + float(strain)))
    chosen: list[Site] = []
    for site in sorted(found, key=lambda site: site.estimate):
        if all(site.conformer != other.conformer or np.linalg.norm(site.place - other.place) > 1.0 for other in chosen):
            chosen.append(site)
        if len(chosen) == number:
            break
    return chosen


def _points(symbols: tuple[str, ...], positions: FloatArray) -> list[FloatArray]:
    """Points on spheres about the donors and on the circle between two of them; without donors, about every heavy atom."""
    donors = [i for i, symbol in enumerate(symbols) if symbol in DONORS]
    radii = {i: DONORS[symbols[i]] for i in donors} or {i: 2.2 for i, symbol in enumerate(symbols) if symbol != "H"}
    points = [positions[i] + radius * direction for i, radius in radii.items() for direction in _directions(60)]
    for first in donors:
        for second in donors:
            if first < second:
                points += _between(positions[first], positions[second], 0.5 * (radii[first] + radii[second]) + 0.05)
    least = np.array([_LEAST_HYDROGEN if s == "H" else 1.6 if i in radii else _LEAST_HEAVY for i, s in enumerate(symbols)])
    return [point for point in points if (np.linalg.norm(positions - point, axis=1) >= least).all()]


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
