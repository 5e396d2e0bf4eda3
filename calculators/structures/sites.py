"""Sites of a defect in a structure of one element: atoms, or voids, with surroundings unlike the perfect crystal's.

Surroundings are the sorted distances to a fixed number of nearest atoms. Two lists are compared by their largest difference:
sorting moves no distance farther than the atoms moved.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import spglib

from tansaku.calculators.engines.motion import BLOCK
from tansaku.models.domain.pool import BoolArray, FloatArray, IntArray

if TYPE_CHECKING:
    from ase import Atoms

_SELF = 1e-3
_BEYOND = 1.5
"""Neighbours are looked for so much farther than in the crystal, where a boundary is less dense."""

_NEAR = 20
"""Neighbours among which the first gap of the distances is looked for."""

_MARGIN = 9.0
"""Images of atoms that voids are looked for between reach so far out of the cell [Å]."""

_MERGED = 0.4
"""Voids nearer to each other are one [Å]."""

_CORNERS = 4
"""Atoms that touch the empty sphere of a void."""


@dataclass(frozen=True)
class Surroundings:
    """Neighbours of the points of a crystal.

    Attributes:
        distances: Sorted distances to the nearest atoms, a row for each kind of point [Å], shape ``(n_kinds, n_neighbours)``.
        reach: Farthest neighbours that are looked for in a boundary [Å].
        shell: Distance within which neighbours count for the coordination number [Å].
    """

    distances: FloatArray
    reach: float
    shell: float

    def change(self, found: FloatArray) -> FloatArray:
        """Largest difference of each row of distances from the crystal's kind that it is most like [Å], shape ``(n,)``."""
        return np.asarray(np.abs(found[:, None, :] - self.distances[None, :, :]).max(axis=2).min(axis=1))


@dataclass(frozen=True)
class Site:
    """One kind of place for a defect.

    Attributes:
        place: Number of its first atom, or of its void, in the structure.
        position: Of that [Å], shape ``(3,)``.
        members: How many there are in the structure.
        distances: To the nearest atoms, sorted [Å].
        change: Largest difference of these from the crystal's [Å].
        coordination: Atoms within the shell.
    """

    place: int
    position: FloatArray
    members: int
    distances: FloatArray
    change: float
    coordination: int


def distances_around(atoms: Atoms, points: FloatArray, count: int, reach: float) -> FloatArray:
    """Sorted distances from points to the nearest atoms [Å], shape ``(n_points, count)``.

    Args:
        points: Positions [Å], shape ``(n_points, 3)``; an atom at a point is left out.
        count: Number of atoms.
        reach: Farthest of them [Å]; those that are not there count as so far.
    """
    from ase import Atoms as Structure
    from ase.neighborlist import neighbor_list

    both = atoms.copy() + Structure("X" * len(points), positions=points)
    first, second, lengths = neighbor_list("ijd", both, reach)
    kept = (first >= len(atoms)) & (second < len(atoms)) & (lengths > _SELF)
    rows, lengths = first[kept] - len(atoms), lengths[kept]
    found = np.full((len(points), count), reach)
    order = np.lexsort((lengths, rows))
    rows, lengths = rows[order], lengths[order]
    rank = np.arange(len(rows)) - np.searchsorted(rows, rows)
    near = rank < count
    found[rows[near], rank[near]] = lengths[near]
    return found


def shell_of(distances: FloatArray) -> float:
    """The middle of the widest gap between the nearest atoms of the crystal [Å]: 12, 14, 12 and 4 of fcc, bcc, hcp, diamond.

    Args:
        distances: Sorted, of an atom of the crystal to its neighbours [Å], shape ``(n,)``.
    """
    near = distances[:_NEAR]
    widest = int(np.argmax(np.diff(near)))
    return float(near[widest : widest + 2].mean())


def crystal_surroundings(crystal: Atoms, radius: float, *, voids: bool = False) -> Surroundings:
    """Surroundings of the atoms of a crystal, or of its voids.

    Args:
        crystal: Its unit cell; every atom has the same surroundings.
        radius: An atom has as many neighbours within this as are compared [Å].
    """
    wide = distances_around(crystal, crystal.positions[:1], 400, 2 * radius)[0]
    count = max(int((wide < radius).sum()), _NEAR)
    points = void_centres(crystal) if voids else crystal.positions[:1]
    rows = distances_around(crystal, points, count, 2 * radius)
    kept = leaders(rows, _SELF)[0]
    return Surroundings(rows[kept], max(_BEYOND * float(rows.max()), radius), shell_of(wide))


def leaders(rows: FloatArray, tolerance: float) -> tuple[IntArray, IntArray]:
    """Groups rows: the first of each group, and the group of each row; a row joins the first leader that it is like.

    Args:
        rows: Shape ``(n, d)``.
        tolerance: Largest difference within a group.
    """
    first: list[int] = []
    groups = np.empty(len(rows), dtype=np.intp)
    for number, row in enumerate(rows):
        near = np.flatnonzero(np.abs(rows[first] - row).max(axis=1) < tolerance) if first else np.array([], dtype=np.intp)
        if len(near):
            groups[number] = near[0]
        else:
            groups[number] = len(first)
            first.append(number)
    return np.array(first, dtype=np.intp), groups


def movable(atoms: Atoms) -> BoolArray:
    """Whether each atom is in no rigid block, shape ``(n_atoms,)``."""
    blocks = np.asarray(atoms.arrays.get(BLOCK, np.zeros(len(atoms), dtype=int)))
    return np.asarray(blocks == 0)


def equivalent_atoms(atoms: Atoms, tolerance: float) -> IntArray:
    """The first atom that a symmetry of the structure carries each atom to, shape ``(n_atoms,)``.

    Args:
        tolerance: Distance within which atoms count as equivalent [Å].
    """
    cell = (atoms.cell.array, atoms.get_scaled_positions(), atoms.numbers)
    dataset = spglib.get_symmetry_dataset(cell, symprec=tolerance)
    return np.arange(len(atoms)) if dataset is None else np.asarray(dataset.equivalent_atoms, dtype=np.intp)


def atom_sites(atoms: Atoms, crystal: Surroundings, change: float, tolerance: float) -> list[Site]:
    """Kinds of atoms whose surroundings are not the crystal's.

    Args:
        change: Smallest difference of a site's surroundings from the crystal's [Å].
        tolerance: Largest difference between atoms of one kind [Å].
    """
    free = np.flatnonzero(movable(atoms))
    return _sites(atoms, atoms.positions[free], free, equivalent_atoms(atoms, tolerance)[free], crystal, (change, tolerance))


def void_sites(atoms: Atoms, crystal: Surroundings, change: float, tolerance: float) -> list[Site]:
    """Kinds of voids whose surroundings are not the crystal's; arguments as for :func:`atom_sites`."""
    centres = void_centres(atoms)
    numbers = np.arange(len(centres))
    return _sites(atoms, centres, numbers, numbers, crystal, (change, tolerance))


def _sites(
    atoms: Atoms, points: FloatArray, places: IntArray, orbits: IntArray, crystal: Surroundings, limits: tuple[float, float]
) -> list[Site]:
    change, tolerance = limits
    rows = distances_around(atoms, points, crystal.distances.shape[1], crystal.reach)
    changed = crystal.change(rows)
    kept = np.flatnonzero(changed > change)
    if not len(kept):
        return []
    _, first, orbit = np.unique(orbits[kept], return_index=True, return_inverse=True)
    order = np.argsort(first)
    rank = np.empty(len(order), dtype=np.intp)
    rank[order] = np.arange(len(order))
    heads = kept[first[order]]
    lead, groups = leaders(rows[heads], tolerance)
    members = np.bincount(groups[rank[orbit]], minlength=len(lead))
    return [
        Site(
            place=int(places[heads[leader]]),
            position=points[heads[leader]],
            members=int(members[number]),
            distances=rows[heads[leader]],
            change=float(changed[heads[leader]]),
            coordination=int((rows[heads[leader]] < crystal.shell).sum()),
        )
        for number, leader in enumerate(lead)
    ]


def void_centres(atoms: Atoms) -> FloatArray:
    """Centres of the empty spheres that touch four atoms or more, none of them in a rigid block [Å], shape ``(n, 3)``."""
    from scipy.spatial import Delaunay

    points, owners = _with_images(atoms)
    corners = Delaunay(points).simplices
    free = movable(atoms)
    corners = corners[free[owners[corners]].all(axis=1)]
    base = points[corners[:, 0]]
    edges = points[corners[:, 1:]] - base[:, None, :]
    volumes = np.abs(np.linalg.det(edges))
    edges, base = edges[volumes > _SELF], base[volumes > _SELF]
    centres = base + np.linalg.solve(edges, 0.5 * (edges**2).sum(axis=2)[..., None])[..., 0]
    fractions = centres @ np.linalg.inv(atoms.cell.array)
    inside = ((fractions > -_SELF) & (fractions < 1 - _SELF)).all(axis=1)
    return _merged(atoms, centres[inside])


def _with_images(atoms: Atoms) -> tuple[FloatArray, IntArray]:
    """Positions of all atoms in the cell and near it [Å], and the number of the atom that each one is."""
    heights = 1.0 / np.linalg.norm(np.linalg.inv(atoms.cell.array), axis=0)
    margins = _MARGIN / heights
    fractions = atoms.get_scaled_positions(wrap=True)
    shifts = np.array(list(np.ndindex(*(2 * np.ceil(margins).astype(int) + 1)))) - np.ceil(margins).astype(int)
    every = (fractions[None, :, :] + shifts[:, None, :]).reshape(-1, 3)
    near = ((every > -margins) & (every < 1 + margins)).all(axis=1)
    owners = np.tile(np.arange(len(atoms)), len(shifts))
    return every[near] @ atoms.cell.array, owners[near]


def _merged(atoms: Atoms, centres: FloatArray) -> FloatArray:
    """The first of centres that lie close to each other; those of a degenerate void are the same but for rounding."""
    _, first = np.unique(np.round(centres, 3), axis=0, return_index=True)
    inverse = np.linalg.inv(atoms.cell.array)
    left, kept = centres[first], []
    while len(left):
        kept.append(left[0])
        apart = (left - left[0]) @ inverse
        far = np.linalg.norm((apart - np.rint(apart)) @ atoms.cell.array, axis=1) > _MERGED
        left = left[far]
    return np.array(kept).reshape(-1, 3)


def repeats_for(cell: FloatArray, distance: float, axes: Sequence[int]) -> tuple[int, int, int]:
    """Repeats of a cell so that an atom is at least a distance from its images along some axes.

    Args:
        cell: Vectors as rows [Å].
        distance: [Å]
        axes: Numbers of these axes.
    """
    counts = [1, 1, 1]
    for axis in axes:
        others = [vector for number, vector in enumerate(cell) if number != axis and number in axes]
        counts[axis] = int(np.ceil(distance / _height(cell[axis], others) - 1e-9))
    return counts[0], counts[1], counts[2]


def _height(vector: FloatArray, others: Sequence[FloatArray]) -> float:
    """Length of the part of a vector that is perpendicular to others [Å]."""
    if not others:
        return float(np.linalg.norm(vector))
    basis, _ = np.linalg.qr(np.array(others).T)
    return float(np.linalg.norm(vector - basis @ (basis.T @ vector)))
