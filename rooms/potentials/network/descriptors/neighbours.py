"""Neighbours of the atoms of many structures at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from tansaku.models.domain.errors import FitError
from tansaku.models.domain.pool import FloatArray, IntArray
from tansaku.models.features.neighbours import pairs_within

if TYPE_CHECKING:
    from ase import Atoms


@dataclass(frozen=True)
class Neighbours:
    """Pairs of atoms within a cutoff, of one structure or of several that are concatenated.

    A pair counts twice, once from each side. Pairs are ordered by ``centre``, atoms by structure.

    Attributes:
        species: Of each atom, its place in the list of elements, shape ``(n_atoms,)``.
        structure: To which each atom belongs, shape ``(n_atoms,)``.
        positions: [Å], shape ``(n_atoms, 3)``.
        cells: Cell vectors as rows [Å], shape ``(n_structures, 3, 3)``; zeros along directions that are not periodic and have
            none.
        centre: Atom whose surroundings the pair belongs to, shape ``(n_pairs,)``.
        neighbour: The other atom, shape ``(n_pairs,)``.
        shifts: How many cell vectors it lies away from where it is listed, shape ``(n_pairs, 3)``.
    """

    species: IntArray
    structure: IntArray
    positions: FloatArray
    cells: FloatArray
    centre: IntArray
    neighbour: IntArray
    shifts: IntArray

    @property
    def vectors(self) -> FloatArray:
        """Vectors from each centre to its neighbour [Å], shape ``(n_pairs, 3)``."""
        return self.vectors_at(self.positions, self.cells)

    def vectors_at(self, positions: FloatArray, cells: FloatArray) -> FloatArray:
        """Vectors of the same pairs for other positions and cells.

        Args:
            positions: [Å], shape ``(n_atoms, 3)``.
            cells: [Å], shape ``(n_structures, 3, 3)``.

        Returns:
            Shape ``(n_pairs, 3)``.
        """
        periodic = np.einsum("pa,pab->pb", self.shifts, cells[self.structure[self.centre]])
        return np.asarray(positions[self.neighbour] - positions[self.centre] + periodic)

    @property
    def volumes(self) -> FloatArray:
        """Volumes of the cells [Å^3], shape ``(n_structures,)``."""
        return np.asarray(np.abs(np.linalg.det(self.cells)))


def find_neighbours(structures: Sequence[Atoms], cutoff: float, species: Sequence[str]) -> Neighbours:
    """All pairs of atoms that are less than ``cutoff`` apart, periodic images included.

    Args:
        structures: Periodic or not, in any cell.
        cutoff: [Å].
        species: Elements, in the order of their numbers.

    Raises:
        FitError: An element that is none of ``species``.
        MissingComponentError: matscipy is not installed.
    """
    parts = []
    first = 0
    for atoms in structures:
        centre, neighbour, shifts = pairs_within(atoms, cutoff)
        parts.append((centre + first, neighbour + first, shifts))
        first += len(atoms)
    empty = (np.zeros(0, np.intp), np.zeros(0, np.intp), np.zeros((0, 3), np.intp))
    centre, neighbour, shifts = (np.concatenate(column) for column in zip(empty, *parts, strict=True))
    return Neighbours(
        species=np.concatenate([np.zeros(0, np.intp), *(species_codes(atoms, species) for atoms in structures)]),
        structure=np.repeat(np.arange(len(structures)), [len(atoms) for atoms in structures]),
        positions=np.concatenate([np.zeros((0, 3)), *(atoms.positions for atoms in structures)]),
        cells=np.array([atoms.cell.array for atoms in structures]).reshape(-1, 3, 3),
        centre=centre,
        neighbour=neighbour,
        shifts=shifts,
    )


def species_codes(structure: Atoms, species: Sequence[str]) -> IntArray:
    """Place of each atom's element in the list of elements, shape ``(n_atoms,)``.

    Raises:
        FitError: An element that is none of ``species``.
    """
    symbols = structure.get_chemical_symbols()
    unknown = sorted(set(symbols) - set(species))
    if unknown:
        raise FitError(f"{', '.join(unknown)} was not in the training data; this model knows {', '.join(species)}")
    return np.array([list(species).index(symbol) for symbol in symbols], dtype=np.intp)


class NeighbourMemory:
    """Neighbours of one structure whose atoms move a little from call to call.

    The search is repeated when an atom has moved by half the skin, or the cell or the elements have changed; otherwise only the
    vectors of the known pairs are computed.

    Args:
        cutoff: [Å].
        skin: Additional search distance [Å].
        species: Elements, in the order of their numbers.
    """

    def __init__(self, cutoff: float, skin: float, species: Sequence[str]) -> None:
        self._cutoff, self._skin, self._species = cutoff, skin, species
        self._found: Neighbours | None = None

    def of(self, atoms: Atoms) -> Neighbours:
        """Neighbours as the atoms are now, some of them beyond the cutoff.

        Raises:
            FitError: An element that is none of those known.
            MissingComponentError: matscipy is not installed.
        """
        found = self._found
        if found is None or not self._stands(atoms, found):
            found = find_neighbours([atoms], self._cutoff + self._skin, self._species)
            self._found = found
        return replace(found, positions=atoms.positions.copy())

    def _stands(self, atoms: Atoms, found: Neighbours) -> bool:
        if len(atoms) != len(found.positions) or not np.array_equal(atoms.cell.array, found.cells[0]):
            return False
        moved = ((atoms.positions - found.positions) ** 2).sum(axis=1).max(initial=0.0)
        return bool(4.0 * moved < self._skin**2) and np.array_equal(species_codes(atoms, self._species), found.species)
