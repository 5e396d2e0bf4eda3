"""Boundaries of a crystal of any elements: periodic cells with two equal boundaries.

Each grain is a slab that is its own image under inversion; with the upper one shifted by t, the third vector of the cell is
2 t, so that the inversion takes each boundary to the other, however the grains are turned against each other.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
from scipy.spatial import cKDTree

from tansaku.calculators.structures.compound_crystal import ONE_PLANE, LatticePlanes, Slab
from tansaku.models.domain.pool import FloatArray, IntArray

if TYPE_CHECKING:
    from ase import Atoms

OPENING = 0.05
"""Step by which grains are moved apart until no two atoms are too near [Å]."""

_SAME_TURN = 1e-3

_SAME_PLACE = 1e-3
"""Two positions of the same crystal that are nearer are one [Å]."""


@dataclass(frozen=True, eq=False)
class SlabPair:
    """Two slabs that meet in two equal boundaries.

    Attributes:
        lower: The lower grain.
        upper: The upper one, whose planar cell is the lower one's.
        repeats: Of the planar cell along its two vectors.
        parts: Two vectors along which the upper grain is shifted, in parts of the planar cell, shape ``(2, 2)``.
        folds: Whether symmetry makes shifts equal; not in strained grains.
    """

    lower: Slab
    upper: Slab
    repeats: tuple[int, int] = (1, 1)
    parts: FloatArray = field(default_factory=lambda: np.eye(2))
    folds: bool = True

    @property
    def planes(self) -> LatticePlanes:
        """The lattice planes of the lower grain."""
        return self.lower.planes

    @property
    def area(self) -> float:
        """Area of one boundary [Å^2]."""
        return self.planes.area * self.repeats[0] * self.repeats[1]

    @property
    def thinnest(self) -> float:
        """Thickness of the thinner grain [Å]."""
        return min(self.lower.thickness, self.upper.thickness)

    @property
    def count(self) -> int:
        """Atoms of a cell."""
        return (len(self.lower.numbers) + len(self.upper.numbers)) * self.repeats[0] * self.repeats[1]

    @property
    def counts(self) -> dict[int, int]:
        """Atoms of each element in a cell, by atomic number."""
        return _counted(np.concatenate((self.lower.numbers, self.upper.numbers)), self.repeats)

    @property
    def exchangeable(self) -> bool:
        """Whether symmetry makes the boundary of these surfaces the other way round the same."""
        if not self.folds:
            return False
        lower, upper = self.lower, self.upper
        onto = lower.planes.operations_onto(lower.odd, upper.planes, lower.odd)
        back = upper.planes.operations_onto(upper.odd, lower.planes, upper.odd)
        return any(np.abs(matrix - other).max() < _SAME_TURN for matrix, _ in onto for other, _ in back)

    @property
    def translations(self) -> FloatArray:
        """Vectors along which the upper grain is shifted [Å], rows, shape ``(2, 2)``."""
        return np.asarray(self.parts @ self.planes.vectors[:2, :2])

    @property
    def share(self) -> float:
        """Part of the crystal that the lower grain has."""
        return self.lower.thickness / (self.lower.thickness + self.upper.thickness)

    def equivalents(self) -> tuple[tuple[FloatArray, FloatArray], ...]:
        """Maps between shifts of the upper grain that make the same boundary.

        Returns:
            A matrix and a shift in parts of the translations, for shifts as columns, shapes ``(2, 2)`` and ``(2,)``.
        """
        if not self.folds:
            return ((np.eye(2), np.zeros(2)),)
        into = self.translations
        back = np.linalg.inv(into)
        ends = [(self.lower, self.lower, self.upper, self.upper)]
        if math.isclose(self.lower.thickness, self.upper.thickness):
            ends.append((self.lower, self.upper, self.upper, self.lower))
        found = []
        for slabs in ends:
            first, second = (
                start.planes.operations_onto(start.odd, end.planes, end.odd) for start, end in (slabs[:2], slabs[2:])
            )
            for matrix, shift in first:
                for other, further in second:
                    if np.abs(matrix - other).max() < _SAME_TURN:
                        found.append((back.T @ matrix @ into.T, (shift - further) @ back))
        return tuple(found)

    def thicker(self, by: float) -> SlabPair:
        """The same surfaces on grains that are at least so much thicker [Å], by pairs of lattice planes, half on each side."""

        def grown(slab: Slab) -> Slab:
            more = 2 * math.ceil(by / (2.0 * slab.planes.spacing) - 1e-9) * slab.planes.spacing
            return replace(slab, thickness=slab.thickness + more)

        return replace(self, lower=grown(self.lower), upper=grown(self.upper))

    def thinner(self, most: int, least: float) -> SlabPair | None:
        """The same surfaces on grains of which a cell has at most so many atoms, as thick as can be.

        Args:
            most: Atoms in the cell.
            least: Thickness of each grain [Å].

        Returns:
            None: grains of ``least`` have more atoms.
        """

        def shrunk(slab: Slab, by: float) -> Slab:
            less = 2 * math.floor(by / (2.0 * slab.planes.spacing) + 1e-9) * slab.planes.spacing
            return replace(slab, thickness=slab.thickness - less)

        found, by = self, 0.0
        while found.thinnest > least - 1e-9:
            if found.count <= most:
                return found
            by += 2.0 * min(self.lower.planes.spacing, self.upper.planes.spacing)
            found = replace(self, lower=shrunk(self.lower, by), upper=shrunk(self.upper, by))
        return None

    def bulk(self, steps: int) -> Atoms:
        """The crystal of the lower grain, in a cell of the same planar vectors and so many lattice planes."""
        from ase import Atoms as Cell

        planes, up = self.planes, self.planes.vectors[2]
        places = planes.places[None] + (np.arange(steps)[:, None, None] - 0.5 * self.lower.odd) * up
        cell = np.array([*planes.vectors[:2], self._upright(steps * up)])
        atoms = Cell(np.tile(planes.numbers, steps), positions=places.reshape(-1, 3), cell=cell, pbc=True)
        repeated: Atoms = atoms.repeat((*self.repeats, 1))
        return repeated

    def thickened(self, thick: SlabPair, shift: FloatArray, start: Atoms, relaxed: Atoms) -> tuple[Atoms, Atoms]:
        """Puts crystal into the middle of both grains of a relaxed cell.

        Args:
            thick: Slabs with the same surfaces, which are thicker by pairs of lattice planes.
            shift: Of the upper grain in parts of the translations, shape ``(2,)``.
            start: The cell as it was built, perhaps with atoms taken away.
            relaxed: The same after its relaxation, atoms in the same order.

        Returns:
            The thicker cell as it would have been built, and with the displacements of the relaxation.
        """
        thin, whole = (slabs.cell(shift, 0.0, start.info["opening"]) for slabs in (self, thick))
        moved = self.onto(thick, thin, float(whole.cell[2, 2]))
        twins, left = nearest_in(whole, moved), cKDTree(start.positions).query(thin.positions)
        there = left[0] < _SAME_PLACE
        ways = displacements(start, relaxed)
        every = np.array([ways[middle_of_grain(start, grain)].mean(axis=0) for grain in (0, 1)])[whole.arrays["grain"]]
        every[twins[there]] = ways[left[1][there]]
        kept = np.ones(len(whole), dtype=bool)
        kept[twins[~there]] = False
        after = whole.copy()
        after.positions += every
        after.cell[2] += relaxed.cell[2] - start.cell[2]
        return whole[kept], after[kept]

    def thinned(self, thin: SlabPair, shift: FloatArray, start: Atoms, relaxed: Atoms) -> Atoms:
        """Cuts both boundaries with their surroundings out of a relaxed cell: the middle of both grains is left out.

        Args:
            thin: Slabs with the same surfaces, of which these are ``thin.thicker(...)``.
            shift: Of the upper grain in parts of the translations, shape ``(2,)``.
            start: The cell as it was built, perhaps with atoms taken away.
            relaxed: The same after its relaxation, atoms in the same order.

        Returns:
            The thinner cell with the displacements of the relaxation.
        """
        whole = thin.cell(shift, 0.0, start.info["opening"])
        moved = thin.onto(self, whole, float(start.cell[2, 2]))
        apart, there = nearest_atoms(start, moved)
        kept = apart < _SAME_PLACE
        after = whole.copy()
        after.positions[kept] += displacements(start, relaxed)[there[kept]]
        after.cell[2] += relaxed.cell[2] - start.cell[2]
        found: Atoms = after[kept]
        return found

    def onto(self, thick: SlabPair, cell: Atoms, height: float) -> FloatArray:
        """Places that atoms of a cell of these slabs have in one of thicker slabs with the same surfaces [Å], shape ``(n, 3)``.

        Args:
            thick: Thicker by pairs of lattice planes.
            cell: Of these slabs, as it is built.
            height: Of the thick cell [Å].
        """
        grains, heights = cell.arrays["grain"], _heights(cell)
        sides = np.where(np.abs(heights) < _SAME_PLACE, 0.0, np.sign(heights))
        pairs = ((self.lower, thick.lower), (self.upper, thick.upper))
        up = np.array(
            [
                old.planes.vectors[2] * np.rint((new.thickness - old.thickness) / (2.0 * old.planes.spacing))
                for old, new in pairs
            ]
        )
        moved = np.asarray(cell.positions + sides[:, None] * up[grains])
        moved[:, 2] += 0.5 * grains * (height - cell.cell[2, 2])
        return moved

    def _upright(self, vector: FloatArray) -> FloatArray:
        """The same vector but for planar ones, as short as it gets [Å], shape ``(3,)``."""
        planar, found = self.planes.vectors[:2, :2], vector.copy()
        found[:2] -= np.round(vector[:2] @ np.linalg.inv(planar)) @ planar
        return found

    def cell(self, shift: FloatArray, closest: float, opening: float = 0.0) -> Atoms:
        """The periodic cell; its grains are moved apart until no two atoms of different grains are too near.

        Args:
            shift: Of the upper grain in parts of the translations, shape ``(2,)``.
            closest: Shortest distance that is allowed [Å].
            opening: Of each boundary beyond the distance of planes in the crystal, at least [Å].

        Returns:
            With the array ``grain`` (0 and 1) and, in ``info``, ``opening``.
        """
        from ase import Atoms as Cell

        vectors = self.planes.vectors
        offset = np.append(shift @ self.translations, (self.lower.thickness + self.upper.thickness) / 2.0)
        lower, upper = self.lower.positions, self.upper.positions + offset
        while _nearest(lower, upper + np.array([0.0, 0.0, opening]), vectors[:2, :2]) < closest:
            opening += OPENING
        offset[2] += opening
        upper[:, 2] += opening
        third = self._upright(2.0 * offset)
        atoms = Cell(
            np.concatenate((self.lower.numbers, self.upper.numbers)),
            positions=np.concatenate((lower, upper)),
            cell=np.array([vectors[0], vectors[1], third]),
            pbc=True,
        )
        atoms.set_array("grain", np.repeat([0, 1], [len(lower), len(upper)]))
        atoms.info["opening"] = opening
        return atoms.repeat((*self.repeats, 1)) if self.repeats != (1, 1) else atoms


def _heights(atoms: Atoms) -> FloatArray:
    """Heights of the atoms of a cell as it is built above the centres of their grains [Å], shape ``(n_atoms,)``."""
    return np.asarray(atoms.positions[:, 2] - 0.5 * atoms.arrays["grain"] * atoms.cell[2, 2])


def nearest_in(atoms: Atoms, positions: FloatArray) -> IntArray:
    """Indices of the atoms of a cell at given positions [Å], shape ``(n,)``.

    Raises:
        ValueError: There is none at one of them.
    """
    lengths, found = nearest_atoms(atoms, positions)
    if len(found) and lengths.max() > _SAME_PLACE:
        raise ValueError(f"no atom within {_SAME_PLACE:g} Å of a position; expected the same crystal")
    return found


def nearest_atoms(atoms: Atoms, positions: FloatArray) -> tuple[FloatArray, IntArray]:
    """Distances of positions [Å] from the nearest atom of a periodic cell, and its index, shapes ``(n,)``."""
    apart = (positions[:, None] - atoms.positions[None]) @ np.linalg.inv(atoms.cell.array)
    lengths = np.linalg.norm((apart - np.round(apart)) @ atoms.cell.array, axis=2)
    found = lengths.argmin(axis=1)
    return np.asarray(lengths[np.arange(len(found)), found]), np.asarray(found)


def displacements(start: Atoms, relaxed: Atoms) -> FloatArray:
    """Displacements of the atoms of a relaxed cell [Å], shape ``(n_atoms, 3)``; the calculator may give one in another cell.

    Args:
        relaxed: With the atoms in the same order.
    """
    fractions = start.get_scaled_positions(wrap=False)
    moved = relaxed.get_scaled_positions(wrap=False) - fractions
    return np.asarray((fractions + moved - np.round(moved)) @ relaxed.cell.array - start.positions)


def middle_of_grain(start: Atoms, grain: int) -> IntArray:
    """Indices of the atoms in the middle third of a grain of a cell as it was built."""
    own = np.flatnonzero(start.arrays["grain"] == grain)
    heights = start.positions[own, 2]
    off = np.abs(heights - 0.5 * (heights.min() + heights.max()))
    return np.asarray(own[off <= max(np.ptp(heights) / 6.0, off.min() + ONE_PLANE)])


def fewest_near(slabs: SlabPair, layer: float) -> dict[int, int]:
    """Atoms of each element next to one boundary, by atomic number.

    Args:
        layer: Distance from the boundary within which they lie [Å].
    """
    lower, upper = slabs.lower, slabs.upper
    near = (
        lower.numbers[lower.positions[:, 2] > lower.thickness / 2.0 - layer],
        upper.numbers[upper.positions[:, 2] < layer - upper.thickness / 2.0],
    )
    return _counted(np.concatenate(near), slabs.repeats)


def _counted(numbers: IntArray, repeats: tuple[int, int]) -> dict[int, int]:
    kinds, counts = np.unique(numbers, return_counts=True)
    return {int(kind): int(count) * math.prod(repeats) for kind, count in zip(kinds, counts, strict=True)}


def without_atoms(atoms: Atoms, slabs: SlabPair, removed: Mapping[int, int], layer: float, seed: int) -> Atoms:
    """Takes random atoms next to one boundary away, and their images next to the other.

    Args:
        atoms: A cell of these slabs.
        removed: How many of each element at each boundary, by atomic number.
        layer: Distance from the boundary within which they lie [Å].
        seed: Of the choice.
    """
    random = np.random.default_rng(seed)
    half, grain, heights = slabs.lower.thickness / 2.0, atoms.arrays["grain"], atoms.positions[:, 2]
    top = half + atoms.info["opening"]
    near = np.where(grain == 0, heights > half - layer, heights < top + layer)
    chosen = [
        index
        for number, count in removed.items()
        for index in random.permutation(np.flatnonzero(near & (atoms.numbers == number)))[:count]
    ]
    left = np.ones(len(atoms), dtype=bool)
    left[chosen] = left[inversion_images(atoms, chosen)] = False
    kept: Atoms = atoms[left]
    return kept


def inversion_images(atoms: Atoms, chosen: Sequence[int] | None = None) -> IntArray:
    """Indices of the images of atoms under the inversion that takes each boundary of a cell to the other.

    Args:
        atoms: A cell as it is built: the centre is at the origin.
        chosen: Indices of the atoms; None: all.
    """
    fractions = atoms.get_scaled_positions(wrap=False)
    apart = -(fractions if chosen is None else fractions[list(chosen)])[:, None] - fractions[None]
    return np.asarray(np.linalg.norm((apart - np.round(apart)) @ atoms.cell.array, axis=2).argmin(axis=1))


def _nearest(lower: FloatArray, upper: FloatArray, vectors: FloatArray) -> float:
    """Shortest distance between atoms of two grains across the boundary between them [Å]."""
    reach = 4.0
    low, high = lower[lower[:, 2] > lower[:, 2].max() - reach], upper[upper[:, 2] < upper[:, 2].min() + reach]
    lengths = np.linalg.inv(vectors)
    most = np.ceil(reach * np.linalg.norm(lengths, axis=0)).astype(int) + 1
    steps = np.array([(i, j) for i in range(-most[0], most[0] + 1) for j in range(-most[1], most[1] + 1)]) @ vectors
    inside = high.copy()
    inside[:, :2] -= np.floor(inside[:, :2] @ lengths) @ vectors
    home = low.copy()
    home[:, :2] -= np.floor(home[:, :2] @ lengths) @ vectors
    images = (inside[None] + np.append(steps, np.zeros((len(steps), 1)), axis=1)[:, None]).reshape(-1, 3)
    return float(cKDTree(home).query(images)[0].min())


@dataclass(frozen=True)
class Content:
    """A cell's atoms as units of the crystal and of another phase.

    Attributes:
        bulk: Formula units of the crystal.
        excess: Units of another phase beyond these.
        second: Units of a second one.
    """

    bulk: int
    excess: int
    second: int = 0


def content_of(counts: Mapping[int, int], bulk: Mapping[int, int], *units: tuple[Mapping[int, int], int]) -> Content | None:
    """Writes a composition as formula units of the crystal and of up to two other units; None where that is impossible.

    Args:
        counts: Atoms of each element.
        bulk: Those of the crystal's formula unit.
        units: Those of each other unit's, and the largest number of them, more or fewer.
    """
    tries = itertools.product(*(range(-most, most + 1) for _, most in units))
    for numbers in sorted(tries, key=lambda several: (sum(map(abs, several)), [abs(number) for number in several])):
        left = dict.fromkeys(bulk, 0) | dict(counts)
        for number, (unit, _) in zip(numbers, units, strict=True):
            for element, count in unit.items():
                left[element] = left.get(element, 0) - number * count
        whole = {n: divmod(left[n], bulk[n]) if n in bulk else (0, left[n]) for n in left}
        several = {whole[n][0] for n in bulk}
        if len(several) == 1 and not any(rest for _, rest in whole.values()):
            return Content(several.pop(), *numbers) if numbers else Content(several.pop(), 0)
    return None


def formula_unit(numbers: IntArray) -> dict[int, int]:
    """Atoms of each element in the smallest formula unit, by atomic number."""
    kinds, counts = np.unique(numbers, return_counts=True)
    common = math.gcd(*(int(count) for count in counts))
    return {int(kind): int(count) // common for kind, count in zip(kinds, counts, strict=True)}
