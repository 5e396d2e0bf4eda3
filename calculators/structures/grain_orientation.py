"""Checks whether the grains of a relaxed cell still have their initial orientation and lattice.

The neighbours of every atom in the middle of a grain are compared with those that it had in the crystal: the affine map that
takes these to those, by least squares, is its deformation gradient F (Falk, Langer, Phys. Rev. E 57, 7192 (1998),
doi:10.1103/PhysRevE.57.7192). Their median over the middle of a grain, split into rotation and stretch (F = R U), says how far
the grain has turned and how much it is strained. Not their mean: a periodic grain can turn only where lattice planes slide
past each other, and the atoms there make the mean smaller than what the rest of the grain has turned by.

In cells with thin grains a grain can turn to a neighbouring misorientation: both boundaries stay equal, and their energy is
that of another boundary.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from ase import Atoms
from ase.neighborlist import neighbor_list

from tansaku.calculators.structures.crystal import CubicCrystal, cross, reduced
from tansaku.calculators.structures.perfect_crystal import Crystal
from tansaku.models.domain.pool import FloatArray, IntArray

ORIENTATIONS = "orientations"
"""Key of a structure's ``info`` with the axes of both grains, where one is not the mirror image of the other."""

_MARGIN = {"fcc": 1.25, "bcc": 1.25, "diamond": 1.25}
_NEIGHBOURS = 1.25 * math.sqrt(2)

LARGEST_RESIDUAL = 0.15
"""Neighbours further from where the affine map puts them are not a crystal's: root mean square [neighbour distances]."""

_MOST_ORIENTATIONS = 4
"""So many orientations are looked for in the middle of a grain: more have less than a quarter of it each."""

# Cut-offs between two shells of neighbours, in lattice parameters; bcc and diamond take the second shell too.
_REACH = {
    "fcc": (math.sqrt(1 / 2) + 1) / 2,
    "bcc": (1 + math.sqrt(2)) / 2,
    "diamond": (math.sqrt(1 / 2) + math.sqrt(11) / 4) / 2,
    "hcp": (1 + math.sqrt(2)) / 2,
}
_FEWEST, _MOST = 8, 20


def margin(crystal: Crystal) -> float:
    """Atoms nearer to a boundary than this are not in the middle of a grain [Å]: 1.25 edges of a cubic crystal, or as much."""
    if isinstance(crystal, CubicCrystal):
        return _MARGIN[crystal.structure] * crystal.lattice_parameter
    return _NEIGHBOURS * (crystal.lattice_parameter if crystal.structure == "hcp" else crystal.neighbour_distance)


def neighbour_reach(crystal: Crystal) -> float:
    """Distance up to which an atom's near neighbours are counted [Å].

    Of a tetragonal or rhombohedral crystal, the middle of the widest gap between shells behind which there are 8 to 20 atoms.
    """
    if crystal.structure in _REACH:
        return _REACH[crystal.structure] * crystal.lattice_parameter
    points = np.array([c for c in itertools.product(range(-4, 5), repeat=3) if any(c)]) @ crystal.basis
    lengths = crystal.lattice_parameter * np.sort(np.linalg.norm(points, axis=1))
    counts = np.arange(_FEWEST, _MOST + 1)
    behind = int(counts[np.argmax(lengths[counts] - lengths[counts - 1])])
    return float(lengths[behind - 1] + lengths[behind]) / 2.0


@dataclass(frozen=True)
class GrainCore:
    """The middle of a grain.

    Attributes:
        indices: Its atoms; none: the grain is too thin to have a middle.
        fitted: How many of them have the neighbours of the crystal in about its first orientation.
        gradient: Their deformation gradient in the axes of the crystal, shape ``(3, 3)``, the median of each component; None
            where no atom was fitted.
        energy: Mean energy of all of them [eV/atom]; None without energies of atoms.
    """

    indices: IntArray
    fitted: int
    gradient: FloatArray | None
    energy: float | None

    @property
    def atoms(self) -> int:
        """Number of its atoms."""
        return len(self.indices)


def grain_axes(crystal: Crystal, axis: Sequence[int], plane: Sequence[int]) -> FloatArray:
    """Unit vectors of a cell's x, y and z in the axes of grain 0, as rows, shape ``(3, 3)``.

    Args:
        axis: Tilt axis, along y.
        plane: Normal of the boundary, along z.
    """
    if not isinstance(crystal, CubicCrystal):
        along, normal = crystal.direction(axis), crystal.normal(plane)
        rows = np.array([np.cross(along, normal), along, normal])
    else:
        (u, v, w), (h, k, l) = axis, plane  # noqa: E741 - the indices' usual names
        rows = np.array([reduced(cross((u, v, w), (h, k, l))), axis, plane], dtype=np.float64)
    return np.asarray(rows / np.linalg.norm(rows, axis=1)[:, None], dtype=np.float64)


def grain_frames(info: Mapping[str, Any], crystal: Crystal) -> FloatArray:
    """Unit vectors of a cell's x, y and z in the axes of both grains, as rows, shape ``(2, 3, 3)``.

    Args:
        info: Of a structure as the space built it: says both orientations, or axis and plane of a grain and its mirror image.
    """
    if ORIENTATIONS in info:
        return np.asarray(info[ORIENTATIONS], dtype=np.float64).reshape(2, 3, 3)
    axis, plane = ([int(index) for index in info[key]] for key in ("axis", "plane"))
    lower = grain_axes(crystal, axis, plane)
    return np.array([lower, lower * np.array([[1.0], [1.0], [-1.0]])])


def neighbour_vectors(crystal: Crystal) -> tuple[FloatArray, int]:
    """Vectors from any atom of a crystal to its near neighbours, in the crystal's axes.

    Returns:
        The vectors [Å], shape ``(n, 3)``, of all kinds of atoms together; and how many of them one atom has.
    """
    edge = crystal.lattice_parameter
    points = [np.array(c) @ crystal.basis for c in itertools.product(range(-3, 4), repeat=3)]
    motif = crystal.atoms
    vectors = np.array([[point + to - start for point in points for to in motif] for start in motif])
    lengths = np.linalg.norm(vectors, axis=-1)
    near = (lengths > 1e-9) & (lengths < neighbour_reach(crystal) / edge)
    distinct = np.unique(vectors[near].round(9), axis=0)
    return edge * distinct, int(near[0].sum())


def deformation_gradients(
    atoms: Atoms, indices: IntArray, reference: FloatArray, coordination: int, cutoff: float
) -> tuple[FloatArray, IntArray]:
    """Affine maps of the neighbours of some atoms.

    Args:
        atoms: Periodic.
        reference: Vectors to the neighbours before [Å], shape ``(n, 3)``.
        coordination: How many of them an atom has.
        cutoff: Neighbours are counted up to here [Å].

    Returns:
        Maps of the atoms that have the crystal's neighbours, shape ``(n, 3, 3)``, and these atoms' indices. A rotation by up
        to 25 degrees is followed; beyond, an atom's neighbours can no longer be distinguished.
    """
    first, vectors = neighbor_list("iD", atoms, cutoff)
    spacing = float(np.linalg.norm(reference, axis=1).min())
    found: list[FloatArray] = []
    of: list[int] = []
    for index in indices:
        after = vectors[first == index]
        if len(after) != coordination:
            continue
        nearest = np.linalg.norm(after[:, None, :] - reference[None, :, :], axis=-1).argmin(axis=1)
        if len(set(nearest.tolist())) != coordination:
            continue
        before = reference[nearest]
        gradient = np.linalg.lstsq(before, after, rcond=None)[0].T
        residual = float(np.sqrt(((after - before @ gradient.T) ** 2).sum(axis=1).mean()))
        if residual <= LARGEST_RESIDUAL * spacing:
            found.append(gradient)
            of.append(int(index))
    return np.array(found).reshape(-1, 3, 3), np.array(of, dtype=np.intp)


def rotation_and_strain(gradient: FloatArray) -> tuple[float, float]:
    """Angle of the rotation in a deformation gradient [degrees], and its largest stretch less one, either way."""
    left, stretches, right = np.linalg.svd(gradient)
    rotation = left @ right
    # The sine too: the cosine alone loses small angles.
    sine = np.linalg.norm([rotation[2, 1] - rotation[1, 2], rotation[0, 2] - rotation[2, 0], rotation[1, 0] - rotation[0, 1]])
    angle = math.degrees(math.atan2(float(sine) / 2.0, (float(np.trace(rotation)) - 1.0) / 2.0))
    return angle, float(np.abs(stretches - 1.0).max())


def grain_cores(
    atoms: Atoms, crystal: Crystal, frames: FloatArray, energies: FloatArray | None = None
) -> tuple[GrainCore, GrainCore]:
    """Looks at the middle of both grains of a cell.

    Args:
        atoms: With the array ``grain``; grain 0 fills the lower part of the cell, grain 1 the upper.
        crystal: What both are made of.
        frames: As :func:`grain_frames` gives them.
        energies: Of the atoms [eV], shape ``(n_atoms,)``, where they are known.
    """
    return _core(atoms, 0, crystal, frames[0], energies), _core(atoms, 1, crystal, frames[1], energies)


def largest_share(atoms: Atoms, indices: IntArray, crystal: Crystal) -> int:
    """Counts the atoms that have the crystal's neighbours in one common orientation, whichever that is.

    If no orientation has half of the atoms, they are faulted, as in the 9R phase at a twin boundary.

    Args:
        atoms: Periodic.
        indices: Of the atoms that may count.
    """
    vectors, coordination = neighbour_vectors(crystal)
    reach = neighbour_reach(crystal)
    first, found = neighbor_list("iD", atoms, reach)
    most = 0
    left = indices
    for _ in range(_MOST_ORIENTATIONS):
        turns = (_turn(found[first == index], vectors, coordination) for index in left)
        turn = next((turn for turn in turns if turn is not None), None)
        if turn is None:
            break
        fitted = deformation_gradients(atoms, indices, vectors @ turn.T, coordination, reach)[1]
        most = max(most, len(fitted))
        left = np.setdiff1d(left, fitted)
    return most


def _turn(after: FloatArray, reference: FloatArray, coordination: int) -> FloatArray | None:
    """Rotation that takes a crystal's neighbours to those of an atom, shape ``(3, 3)``; None if these are not a crystal's."""
    if len(after) != coordination:
        return None
    spacing = float(np.linalg.norm(reference, axis=1).min())
    pair = after[0], after[int(np.argmin(np.abs(after @ after[0])))]
    best, turn = LARGEST_RESIDUAL * spacing, None
    for before in itertools.permutations(reference, 2):
        if any(np.linalg.norm(b) - np.linalg.norm(a) > best for a, b in zip(pair, before, strict=True)):
            continue
        if abs(np.linalg.norm(before[0] - before[1]) - np.linalg.norm(pair[0] - pair[1])) > 2.0 * best:
            continue
        tried = _triad(*pair).T @ _triad(*before)
        off = np.linalg.norm(after[:, None] - reference @ tried.T, axis=-1)
        nearest = off.argmin(axis=1)
        residual = float(np.sqrt((off.min(axis=1) ** 2).mean()))
        if residual < best and len(set(nearest.tolist())) == coordination:
            best, turn = residual, tried
    return turn


def _triad(first: FloatArray, second: FloatArray) -> FloatArray:
    """Unit vectors along the first, across it towards the second, and normal to both, as rows, shape ``(3, 3)``."""
    along = first / np.linalg.norm(first)
    normal = np.cross(first, second)
    normal /= np.linalg.norm(normal)
    return np.array([along, np.cross(normal, along), normal])


def _core(atoms: Atoms, grain: int, crystal: Crystal, axes: FloatArray, energies: FloatArray | None) -> GrainCore:
    heights = atoms.positions[:, 2]
    mine = np.asarray(atoms.arrays["grain"]) == grain
    left = margin(crystal)
    low, high = float(heights[mine].min()) + left, float(heights[mine].max()) - left
    inside = np.flatnonzero(mine & (heights >= low) & (heights <= high))
    if not len(inside):
        return GrainCore(inside, 0, None, None)
    vectors, coordination = neighbour_vectors(crystal)
    reach = neighbour_reach(crystal)
    gradients, fitted = deformation_gradients(atoms, inside, vectors @ axes.T, coordination, reach)
    mean = axes.T @ np.median(gradients, axis=0) @ axes if len(fitted) else None
    energy = float(energies[inside].mean()) if energies is not None else None
    return GrainCore(inside, len(fitted), mean, energy)
