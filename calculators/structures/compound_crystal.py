"""Crystals of any elements with a centre of inversion, and slabs of them that are their own images under inversion.

A slab is cut between two lattice planes of atoms and has an inversion centre in its middle, so its two surfaces are equal. Two
such slabs, one on the other, make a periodic cell with two equal boundaries, whatever lies between them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from tansaku.calculators.structures.coincidence import coincidence_sigma
from tansaku.calculators.structures.crystal import Vector, reduced, unimodular
from tansaku.calculators.structures.general_boundary import lattice_points, shortest_basis
from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.pool import BoolArray, FloatArray, IntArray

if TYPE_CHECKING:
    from ase import Atoms

SYMMETRY = 1e-3
"""Distance within which two atoms count as symmetric [Å]."""

_ROUGH = 0.05

ONE_PLANE = 0.1
"""Atoms whose heights differ by less lie in one plane [Å]."""

_SAME = 1e-4

_FLAT = 1e-3
"""Largest sine of an angle by which an operation may tilt the normal."""

_CUBIC = 1e-3
"""Largest share by which the scalar products of a cube's edges differ from those of a cube."""


@dataclass(frozen=True, eq=False)
class CompoundCrystal:
    """A crystal with a centre of inversion, in the axes of its file.

    Attributes:
        cell: Vectors of a primitive cell as rows [Å], shape ``(3, 3)``.
        fractions: Fractional coordinates of its atoms, shape ``(n_atoms, 3)``.
        numbers: Their atomic numbers, shape ``(n_atoms,)``.
        edges: The file's cell vectors in units of the primitive ones, shape ``(3, 3)``: Miller indices refer to them.
        centre: A centre of inversion in fractional coordinates, shape ``(3,)``.
        operations: Rotations of the space group in fractional coordinates, shape ``(n_operations, 3, 3)``.
        shifts: Their translations, shape ``(n_operations, 3)``.
        given: The crystal as its file has it, which planes and their names follow; None: it is this one.
    """

    cell: FloatArray
    fractions: FloatArray
    numbers: IntArray
    edges: IntArray
    centre: FloatArray
    operations: IntArray
    shifts: FloatArray
    given: CompoundCrystal | None = None

    def atoms(self) -> Atoms:
        """The primitive cell."""
        from ase import Atoms as Cell

        return Cell(self.numbers, scaled_positions=self.fractions, cell=self.cell, pbc=True)

    def moved(self, atoms: Atoms) -> CompoundCrystal:
        """The same crystal after its primitive cell was relaxed.

        Args:
            atoms: The relaxed cell, with the atoms in the same order.
        """
        # The centre stays where the atoms keep their symmetry; a drift of all of them together moves it.
        moved = atoms.get_scaled_positions(wrap=False) - self.fractions
        moved -= np.round(moved)  # A calculator may give an atom in another cell.
        return CompoundCrystal(
            cell=np.array(atoms.cell.array),
            fractions=self.fractions + moved - moved.mean(axis=0),
            numbers=self.numbers,
            edges=self.edges,
            centre=self.centre,
            operations=self.operations,
            shifts=self.shifts,
            given=self.given or self,
        )

    @cached_property
    def nearest(self) -> float:
        """Shortest distance of two atoms [Å]."""
        from ase.neighborlist import neighbor_list

        reach = 2.0 * (abs(np.linalg.det(self.cell)) / len(self.numbers)) ** (1 / 3)
        return float(neighbor_list("d", self.atoms(), reach).min())

    def primitive_indices(self, indices: Vector) -> Vector:
        """Miller indices by the primitive cell, without common divisors, of those by the file's cell."""
        # The inverse of the edges times their determinant has whole numbers.
        first, second, third = self.edges
        adjugate = np.array([np.cross(second, third), np.cross(third, first), np.cross(first, second)]).T
        found = np.sign(np.linalg.det(self.edges)).astype(np.intp) * (adjugate @ np.array(indices, dtype=np.intp))
        a, b, c = (int(index) for index in found // np.gcd.reduce(found))
        return a, b, c

    def sigma(self, indices: Vector) -> int | None:
        """Σ of the symmetric boundary on a plane; None where the file's cell, to which the indices refer, is not a cube."""
        return coincidence_sigma(reduced(indices)) if self.cubic else None

    @property
    def cubic(self) -> bool:
        """Whether the file's cell is a cube."""
        return bool(np.abs(self._products - np.eye(3)).max() <= _CUBIC)

    @property
    def square(self) -> bool:
        """Whether the file's cell stands upright on a square."""
        upright = self._products / self._products[0, 0]
        upright[2, 2] = 1.0
        return bool(np.abs(upright - np.eye(3)).max() <= _CUBIC)

    @property
    def _products(self) -> FloatArray:
        """Scalar products of the file's edges, in units of their mean square."""
        cell = self.edges @ self.cell
        return np.asarray(cell @ cell.T / np.mean(np.sum(cell**2, axis=1)))

    @cached_property
    def rotations(self) -> FloatArray:
        """Rotations of the space group in the axes of the file, without improper ones, shape ``(n, 3, 3)``."""
        back = np.linalg.inv(self.cell)
        found = np.array([(back @ rotation.T @ self.cell).T for rotation in self.operations])
        return np.asarray(found[np.linalg.det(found) > 0.0])

    def equal_planes(self, indices: Vector) -> frozenset[Vector]:
        """Miller indices by the primitive cell of all planes that symmetry makes equal to some of the file's cell."""
        given = np.array(self.primitive_indices(indices))
        images = {tuple(int(index) for index in sign * given @ rotation) for rotation in self.operations for sign in (1, -1)}
        return frozenset((a, b, c) for a, b, c in images)

    def half_turn_is_symmetry(self, indices: Vector) -> bool:
        """Whether half a turn about the normal of a plane of the file's cell leaves the crystal's orientation as it is."""
        normal = np.linalg.inv(self.edges @ self.cell) @ np.array(indices)
        turn = 2.0 * np.outer(normal, normal) / (normal @ normal) - np.eye(3)
        return bool((np.abs(self.rotations - turn).max(axis=(1, 2)) <= _CUBIC).any())

    def planes(self, indices: Vector) -> LatticePlanes:
        """The lattice planes of some Miller indices, which refer to the file's cell."""
        if self.given is not None:
            return self.given.planes(indices).of(self)
        _, vectors = unimodular(self.primitive_indices(indices))
        basis = np.array(vectors, dtype=np.intp)
        basis[:2] = shortest_basis(basis[:2] @ self.cell @ self.frame(basis)[:2].T) @ basis[:2]
        return LatticePlanes(self, basis, self.frame(basis))

    def frame(self, basis: IntArray) -> FloatArray:
        """Unit vectors of x, along the first vector of a basis, of y, and of z, the normal on the side of the third."""
        first, second, up = basis @ self.cell
        normal = np.cross(first, second)
        normal *= np.sign(normal @ up) / np.linalg.norm(normal)
        x = first / np.linalg.norm(first)
        return np.array([x, np.cross(normal, x), normal])


def _rows(basis: IntArray, period: IntArray) -> IntArray:
    """A planar cell and the step to the next plane in primitive vectors, shape ``(3, 3)``."""
    return np.concatenate((period @ basis[:2], basis[2:]))


@dataclass(frozen=True, eq=False)
class LatticePlanes:
    """A crystal turned so that some lattice planes are normal to z.

    Attributes:
        basis: Two vectors that span the planar lattice, and one that leads to the next plane, in primitive vectors, shape
            ``(3, 3)``.
        frame: Unit vectors of x, y and z in the crystal's axes as rows, x along the first vector of the period, shape
            ``(3, 3)``.
        given: Those of the crystal as its file has it; None: these.
        period: Vectors of the planar cell in the basis, rows, shape ``(2, 2)``.
    """

    crystal: CompoundCrystal
    basis: IntArray
    frame: FloatArray
    given: LatticePlanes | None = None
    period: IntArray = field(default_factory=lambda: np.eye(2, dtype=np.intp))

    def of(self, crystal: CompoundCrystal) -> LatticePlanes:
        """The same planes of the crystal in another state."""
        return LatticePlanes(
            crystal, self.basis, crystal.frame(_rows(self.basis, self.period)), self.given or self, self.period
        )

    def over(self, period: IntArray) -> LatticePlanes:
        """The same planes, of the crystal as its file has it, with another planar cell."""
        return LatticePlanes(self.crystal, self.basis, self.crystal.frame(_rows(self.basis, period)), None, period)

    @cached_property
    def vectors(self) -> FloatArray:
        """The planar cell and the step to the next plane along x, y and z [Å], rows, shape ``(3, 3)``."""
        found = _rows(self.basis, self.period) @ self.crystal.cell @ self.frame.T
        found[np.abs(found) < 1e-9] = 0.0
        return np.asarray(found)

    @property
    def spacing(self) -> float:
        """Distance of lattice planes [Å]."""
        return float(self.vectors[2, 2])

    @property
    def area(self) -> float:
        """Area of the planar cell [Å^2]."""
        return float(abs(np.linalg.det(self.vectors[:2, :2])))

    @cached_property
    def places(self) -> FloatArray:
        """Atoms of a step over the planar cell along x, y and z from the centre of inversion [Å], shape ``(n_atoms, 3)``."""
        motif = (self.crystal.fractions - self.crystal.centre) @ self.crystal.cell @ self.frame.T
        points = lattice_points(self.period) @ self.vectors[:2]
        return np.asarray(motif[None] + points[:, None]).reshape(-1, 3)

    @property
    def numbers(self) -> IntArray:
        """Their atomic numbers, shape ``(n_atoms,)``."""
        return np.tile(self.crystal.numbers, len(self.places) // len(self.crystal.numbers))

    @cached_property
    def cuts(self) -> tuple[float, ...]:
        """Heights above the centre at which the crystal can be cut, in the middle between planes of atoms [Å]."""
        steps, order, chosen, turns, middle = (self.given or self)._gaps
        heights = (self.places[:, 2] - steps * self.spacing)[order]
        found = heights[chosen] + 0.5 * np.diff(np.append(heights, heights[0] + self.spacing))[chosen]
        return tuple(float(cut) for cut in np.where(middle, 0.0, found - turns * self.spacing))

    @cached_property
    def _gaps(self) -> tuple[IntArray, IntArray, IntArray, IntArray, BoolArray]:
        """Gaps between planes of atoms, at which the crystal can be cut.

        Returns:
            The lattice plane of each atom, and their order above these; of each cut, by rising height, the place in that order
            below which it is, its lattice plane, and whether it goes through the centre.
        """
        steps = np.floor(self.places[:, 2] / self.spacing)
        heights = self.places[:, 2] - steps * self.spacing
        order = np.argsort(heights, kind="stable")
        gaps = np.diff(np.append(heights[order], heights[order[0]] + self.spacing))
        wide = np.flatnonzero(gaps > ONE_PLANE)
        parts = (heights[order] + 0.5 * gaps)[wide] / self.spacing
        # A gap around the centre is symmetric about it; rounding must not make it the highest.
        middle = np.abs(parts - np.rint(parts)) * self.spacing < 0.5 * ONE_PLANE
        turns = np.where(middle, np.rint(parts), np.floor(parts))
        rising = np.argsort(np.where(middle, 0.0, parts - turns), kind="stable")
        return steps.astype(np.intp), order, wide[rising], turns[rising].astype(np.intp), middle[rising]

    def steps_for(self, cut: int, thickness: float) -> int:
        """Steps of the thinnest slab with the surfaces of a cut that is at least so thick [Å]."""
        return math.ceil((thickness - 2.0 * self.cuts[cut]) / self.spacing - 1e-9)

    def slab(self, cut: int, steps: int) -> Slab:
        """A slab with two equal surfaces.

        Args:
            cut: Which of ``cuts`` is its upper surface; the lower one is its image.
            steps: How many times the distance of lattice planes is added to the thinnest slab.
        """
        return Slab(self, steps % 2, 2.0 * self.cuts[cut] + steps * self.spacing)

    def operations_onto(self, odd: int, other: LatticePlanes, other_odd: int) -> tuple[tuple[FloatArray, FloatArray], ...]:
        """Operations that take a slab to one of other planes of the same crystal, both about their centres.

        Args:
            odd: Whether the slab's centre is half a step from the crystal's.
            other: Those planes; ``self`` gives the symmetry of the slab.
            other_odd: The same of the other slab.

        Returns:
            A matrix and a shift [Å] of each in the plane, shapes ``(2, 2)`` and ``(2,)``, those that turn the slab over times
            the inversion.
        """
        into, to = (planes.crystal.cell @ planes.frame.T for planes in (self, other))
        back = np.linalg.inv(into)
        start, end = (
            planes.crystal.centre + 0.5 * shifted * planes.basis[2] for planes, shifted in ((self, odd), (other, other_odd))
        )
        found = []
        for rotation, shift in zip(self.crystal.operations, self.crystal.shifts, strict=True):
            matrix = (back @ rotation.T @ to).T
            if abs(abs(matrix[2, 2]) - 1.0) > _SAME or np.abs(matrix[2, :2]).max() > _FLAT:
                continue
            moved = (rotation @ start + shift - end) @ to
            steps = np.round(moved[2] / other.spacing)
            if abs(moved[2] - steps * other.spacing) > _SAME * 10:
                continue
            sign = float(np.sign(matrix[2, 2]))
            found.append((sign * matrix[:2, :2], sign * (moved - steps * other.vectors[2])[:2]))
        return tuple(found)


@dataclass(frozen=True, eq=False)
class Slab:
    """Whole lattice planes of a crystal around a centre of inversion.

    Attributes:
        odd: Whether its centre is half a step to the next lattice plane away from the crystal's.
        thickness: From cut to cut [Å].
    """

    planes: LatticePlanes
    odd: int
    thickness: float

    @cached_property
    def _members(self) -> tuple[FloatArray, IntArray]:
        planes, half = self.planes, self.thickness / 2.0
        up, places = planes.vectors[2], planes.places - 0.5 * self.odd * planes.vectors[2]
        most = math.ceil((half + np.abs(places[:, 2]).max()) / planes.spacing) + 1
        steps = np.arange(-most, most + 1)
        every = places[None] + steps[:, None, None] * up
        inside = np.abs(every[..., 2]) < half
        kinds = np.broadcast_to(np.arange(len(places)), inside.shape)[inside]
        order = np.argsort(every[inside][:, 2], kind="stable")
        return every[inside][order], kinds[order]

    @property
    def positions(self) -> FloatArray:
        """Its atoms from its centre, from below [Å], shape ``(n_atoms, 3)``."""
        return self._members[0]

    @property
    def numbers(self) -> IntArray:
        """Their atomic numbers, shape ``(n_atoms,)``."""
        return np.asarray(self.planes.numbers[self._members[1]])


def _rounding(given: tuple[FloatArray, FloatArray, IntArray], number: int) -> str | None:
    """A hint where a crystal has more symmetry but for displacements such as those of rounded coordinates."""
    import spglib

    rough = spglib.get_symmetry_dataset(tuple(part.tolist() for part in given), symprec=_ROUGH)
    if rough is None or rough.number <= number:
        return None
    return f"within {_ROUGH:g} Å it is {rough.international}, and within {SYMMETRY:g} Å not: write coordinates with more digits"


def compound_crystal(atoms: Atoms, key: str) -> CompoundCrystal:
    """Finds the primitive cell, the symmetry and a centre of inversion of a crystal.

    Args:
        key: Of the file, for messages.

    Raises:
        ConfigurationError: It has no centre of inversion.
    """
    import spglib

    given = (atoms.cell.array, atoms.get_scaled_positions(), atoms.numbers)
    found = spglib.standardize_cell(given, to_primitive=True, no_idealize=True, symprec=SYMMETRY)
    if found is None:
        raise ConfigurationError(f"{key}: spglib finds no symmetry within {SYMMETRY:g} Å; expected a crystal")
    cell, fractions, numbers = (np.array(part) for part in found)
    if np.linalg.det(cell) < 0:
        cell, fractions = -cell, -fractions
    known = spglib.get_symmetry_dataset((cell.tolist(), fractions.tolist(), numbers.tolist()), symprec=SYMMETRY)
    if known is None:
        raise ConfigurationError(f"{key}: spglib finds no space group within {SYMMETRY:g} Å; expected a crystal")
    inversions = [i for i, rotation in enumerate(known.rotations) if np.array_equal(rotation, -np.eye(3, dtype=int))]
    if not inversions:
        raise ConfigurationError(
            f"{key}: the crystal ({known.international}) has no centre of inversion; expected one, since the two boundaries of "
            "a periodic cell are equal only by it",
            hint=_rounding(given, known.number),
        )
    edges = np.rint(atoms.cell.array @ np.linalg.inv(cell)).astype(np.intp)
    return CompoundCrystal(
        cell=cell,
        fractions=fractions,
        numbers=numbers.astype(np.intp),
        edges=edges,
        centre=np.array(known.translations[inversions[0]]) / 2.0,
        operations=np.array(known.rotations, dtype=np.intp),
        shifts=np.array(known.translations),
    )
