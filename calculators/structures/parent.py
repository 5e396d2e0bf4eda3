"""A parent structure whose sites are named, and the bonds between its cations and anions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import spglib
from ase import Atoms
from ase.geometry import get_distances
from ase.neighborlist import neighbor_list

from tansaku.models.domain.ions import Ion
from tansaku.models.domain.pool import FloatArray, IntArray

_TOO_FAR = 0.5

SHELL = 1.3
"""Anions within this factor of a cation's nearest one are bonded to it."""

REACH = 5.0
"""Ions of opposite sign that are further apart have nothing to do with each other [Å]."""


@dataclass(frozen=True)
class Bonds:
    """Bonds from cations to anions.

    Attributes:
        cations: Indices of the cations, shape ``(n,)``.
        anions: Indices of the anions, shape ``(n,)``.
        cells: Cell of the anion relative to the cation's, shape ``(n, 3)``.
    """

    cations: IntArray
    anions: IntArray
    cells: IntArray

    def lengths(self, atoms: Atoms) -> FloatArray:
        """Lengths in a structure whose atoms are these, not wrapped [Å], shape ``(n,)``."""
        vectors = atoms.positions[self.anions] + self.cells @ atoms.cell[:] - atoms.positions[self.cations]
        return np.asarray(np.linalg.norm(vectors, axis=1))


@dataclass(frozen=True)
class Parent:
    """A structure to be substituted.

    Attributes:
        name: Of the prototype, or of the file.
        cell: Cell vectors as rows [Å], shape ``(3, 3)``.
        fractions: Fractional coordinates, shape ``(n_atoms, 3)``.
        sites: Name of the site of each atom.
        ions: The ion on each site in the parent itself.
        mobile: Site of the mobile ion, None where nothing moves.
    """

    name: str
    cell: FloatArray
    fractions: FloatArray
    sites: tuple[str, ...]
    ions: Mapping[str, Ion]
    mobile: str | None = None

    @cached_property
    def multiplicity(self) -> dict[str, int]:
        """Atoms per cell of each site, in the order in which the sites first appear."""
        return {site: self.sites.count(site) for site in dict.fromkeys(self.sites)}

    def atoms(self) -> Atoms:
        """The parent itself."""
        symbols = [self.ions[site].element for site in self.sites]
        return Atoms(symbols, scaled_positions=self.fractions, cell=self.cell, pbc=True)

    @cached_property
    def bonds(self) -> Bonds:
        """Bonds of every cation to the anions of its first shell."""
        return first_shells(self.atoms(), np.array([self.ions[site].charge for site in self.sites]))

    @cached_property
    def opposite_distances(self) -> dict[tuple[str, str], FloatArray]:
        """Distances up to :data:`REACH` between cations and anions by their sites [Å]; a pair of atoms counts once."""
        names = list(self.multiplicity)
        codes = np.array([names.index(site) for site in self.sites])
        first, second, distances = neighbor_list("ijd", self.atoms(), REACH)
        pairs = [(a, b) for a in names for b in names if self.ions[a].charge > 0 > self.ions[b].charge]
        return {(a, b): distances[(codes[first] == names.index(a)) & (codes[second] == names.index(b))] for a, b in pairs}

    def coordination(self, site: str) -> int:
        """Mean number of bonds of the atoms on a site, rounded."""
        return self._coordinations[site]

    @cached_property
    def _coordinations(self) -> dict[str, int]:
        ends = [self.sites[atom] for atom in (*self.bonds.cations, *self.bonds.anions)]
        return {site: max(1, round(ends.count(site) / count)) for site, count in self.multiplicity.items()}


def first_shells(atoms: Atoms, charges: IntArray | FloatArray) -> Bonds:
    """Bonds of every cation to the anions within :data:`SHELL` times the distance of its nearest anion.

    Args:
        atoms: The structure, not wrapped.
        charges: Their signs say which atoms are cations and which anions, shape ``(n_atoms,)``.
    """
    first, second, lengths, cells = neighbor_list("ijdS", atoms, _reach(atoms, charges))
    opposite = (charges[first] > 0) & (charges[second] < 0)
    first, second, lengths, cells = first[opposite], second[opposite], lengths[opposite], cells[opposite]
    nearest = np.full(len(atoms), np.inf)
    np.minimum.at(nearest, first, lengths)
    bonded = lengths <= SHELL * nearest[first]
    order = np.lexsort((*cells[bonded].T[::-1], second[bonded], first[bonded]))
    return Bonds(
        first[bonded][order].astype(np.intp), second[bonded][order].astype(np.intp), cells[bonded][order].astype(np.intp)
    )


def _reach(atoms: Atoms, charges: IntArray | FloatArray) -> float:
    """A cutoff that holds the first shell of every cation [Å]."""
    cations, anions = charges > 0, charges < 0
    if not (cations.any() and anions.any()):
        return 0.1
    distances = get_distances(atoms.positions[cations], atoms.positions[anions], cell=atoms.cell, pbc=True)[1]
    return SHELL * float(distances.min(axis=1).max()) + 1e-6


def site_permutations(parent: Parent, tolerance: float) -> tuple[dict[str, str], ...]:
    """Permutations of the sites that an isometry of the parent's positions causes, the identity included.

    Two compositions are one structure, up to an isometry, when such a permutation maps the ions of one onto the other's.

    Args:
        parent: The parent; the ions on its sites do not matter.
        tolerance: Distance within which atoms count as equivalent [Å].

    Returns:
        Site to the site it is mapped onto, in lexicographic order.
    """
    names = list(parent.multiplicity)
    codes = np.array([names.index(site) for site in parent.sites])
    cell = (parent.cell.tolist(), parent.fractions.tolist(), [1] * len(codes))
    found = spglib.get_symmetry(cell, symprec=tolerance)
    operations = [] if found is None else list(zip(found["rotations"], found["translations"], strict=True))
    permutations = {tuple(range(len(names)))}
    for rotation, translation in operations:
        images = parent.fractions @ rotation.T + translation
        apart = images[:, None, :] - parent.fractions[None, :, :]
        apart -= np.rint(apart)
        distances = np.linalg.norm(apart @ parent.cell, axis=2)
        onto = codes[distances.argmin(axis=1)]
        targets = [np.unique(onto[codes == code]) for code in range(len(names))]
        if all(len(target) == 1 for target in targets) and distances.min(axis=1).max() < _TOO_FAR:
            permutations.add(tuple(int(target[0]) for target in targets))
    return tuple({names[i]: names[j] for i, j in enumerate(permutation)} for permutation in sorted(permutations))
