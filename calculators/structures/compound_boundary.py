"""Symmetric boundaries of a crystal of any elements: periodic cells with two equal boundaries.

The upper grain is the lower one turned by 180 degrees about the normal of the boundary, which in a crystal with a centre of
inversion is its mirror image, so both have the same planar lattice and no strain is needed. Each grain is a slab that is its
own image under inversion; with the upper one shifted by t, the third vector of the cell is 2 t, so that the inversion takes
each boundary to the other.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from scipy.spatial import cKDTree

from tansaku.calculators.structures.compound_crystal import ONE_PLANE, LatticePlanes, Slab
from tansaku.models.domain.pool import FloatArray, IntArray

if TYPE_CHECKING:
    from ase import Atoms

OPENING = 0.05
"""Step by which grains are moved apart until no two atoms are too near [Å]."""

_SAME_PLACE = 1e-3
"""Two positions of the same crystal that are nearer are one [Å]."""

_TURNED = np.array([-1.0, -1.0, 1.0])


@dataclass(frozen=True, eq=False)
class TwinnedSlabs:
    """Two slabs that meet in two equal boundaries; the upper one is turned by 180 degrees about the normal.

    Attributes:
        lower: The lower grain.
        upper: The upper one, before it is turned.
        repeats: Of the planar cell along its two vectors.
    """

    lower: Slab
    upper: Slab
    repeats: tuple[int, int] = (1, 1)

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
    def alike(self) -> bool:
        """Whether both slabs are the same but for the turn."""
        return self.lower.odd == self.upper.odd and math.isclose(self.lower.thickness, self.upper.thickness)

    def equivalents(self) -> tuple[tuple[FloatArray, FloatArray], ...]:
        """Maps between shifts of the upper grain that make the same boundary.

        Returns:
            A matrix and a shift in parts of the planar cell, for shifts as columns, shapes ``(2, 2)`` and ``(2,)``.
        """
        into = self.planes.vectors[:2, :2]
        back = np.linalg.inv(into)
        lower, upper = (slab.planes.planar_operations(slab.odd) for slab in (self.lower, self.upper))
        found = []
        for matrix, shift in lower:
            for other, further in upper:
                if np.abs(matrix - other).max() < 1e-3:
                    # The turn takes the upper slab's shift to its opposite.
                    found.append((back.T @ matrix @ into.T, (-further - shift) @ back))
        if self.alike:
            found += [(-matrix, -shift) for matrix, shift in found]
        return tuple(found)

    def thicker(self, by: float) -> TwinnedSlabs:
        """The same surfaces on grains that are at least so much thicker [Å], by pairs of lattice planes, half on each side."""
        grown = 2 * math.ceil(by / (2.0 * self.planes.spacing) - 1e-9) * self.planes.spacing
        lower, upper = (replace(slab, thickness=slab.thickness + grown) for slab in (self.lower, self.upper))
        return TwinnedSlabs(lower, upper, self.repeats)

    def bulk(self, steps: int) -> Atoms:
        """The crystal of the lower grain, in a cell of the same planar vectors and so many lattice planes."""
        from ase import Atoms as Cell

        planes, up = self.planes, self.planes.vectors[2]
        places = planes.places[None] + (np.arange(steps)[:, None, None] - 0.5 * self.lower.odd) * up
        cell = np.array([*planes.vectors[:2], self._upright(steps * up)])
        atoms = Cell(np.tile(planes.crystal.numbers, steps), positions=places.reshape(-1, 3), cell=cell, pbc=True)
        repeated: Atoms = atoms.repeat((*self.repeats, 1))
        return repeated

    def thickened(self, thick: TwinnedSlabs, shift: FloatArray, start: Atoms, relaxed: Atoms) -> tuple[Atoms, Atoms]:
        """Puts crystal into the middle of both grains of a relaxed cell.

        Args:
            thick: Slabs with the same surfaces, which are thicker by pairs of lattice planes.
            shift: Of the upper grain in parts of the planar cell, shape ``(2,)``.
            start: The cell as it was built, perhaps with atoms taken away.
            relaxed: The same after its relaxation, atoms in the same order.

        Returns:
            The thicker cell as it would have been built, and with the displacements of the relaxation.
        """
        thin, whole = (slabs.cell(shift, 0.0, start.info["opening"]) for slabs in (self, thick))
        grains, heights = thin.arrays["grain"], _heights(thin)
        sides = np.where(np.abs(heights) < _SAME_PLACE, 0.0, np.sign(heights))
        grown = np.array([(new.thickness - old.thickness) / (2.0 * self.planes.spacing) for new, old in self._with(thick)])
        up = np.array([self.planes.vectors[2], self.planes.vectors[2] * _TURNED]) * np.rint(grown)[:, None]
        moved = thin.positions + sides[:, None] * up[grains]
        moved[:, 2] += 0.5 * grains * (whole.cell[2, 2] - thin.cell[2, 2])
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

    def _upright(self, vector: FloatArray) -> FloatArray:
        """The same vector but for planar ones, as short as it gets [Å], shape ``(3,)``."""
        planar, found = self.planes.vectors[:2, :2], vector.copy()
        found[:2] -= np.round(vector[:2] @ np.linalg.inv(planar)) @ planar
        return found

    def _with(self, other: TwinnedSlabs) -> tuple[tuple[Slab, Slab], tuple[Slab, Slab]]:
        return (other.lower, self.lower), (other.upper, self.upper)

    def cell(self, shift: FloatArray, closest: float, opening: float = 0.0) -> Atoms:
        """The periodic cell; its grains are moved apart until no two atoms of different grains are too near.

        Args:
            shift: Of the upper grain in parts of the planar cell, shape ``(2,)``.
            closest: Shortest distance that is allowed [Å].
            opening: Of each boundary beyond the distance of planes in the crystal, at least [Å].

        Returns:
            With the array ``grain`` (0 and 1) and, in ``info``, ``opening``.
        """
        from ase import Atoms as Cell

        vectors = self.planes.vectors
        offset = np.append(shift @ vectors[:2, :2], (self.lower.thickness + self.upper.thickness) / 2.0)
        lower, upper = self.lower.positions, self.upper.positions * _TURNED + offset
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
    apart = (positions[:, None] - atoms.positions[None]) @ np.linalg.inv(atoms.cell.array)
    lengths = np.linalg.norm((apart - np.round(apart)) @ atoms.cell.array, axis=2)
    found = lengths.argmin(axis=1)
    if len(found) and lengths[np.arange(len(found)), found].max() > _SAME_PLACE:
        raise ValueError(f"no atom within {_SAME_PLACE:g} Å of a position; expected the same crystal")
    return np.asarray(found)


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


def fewest_near(slabs: TwinnedSlabs, layer: float) -> dict[int, int]:
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


def without_atoms(atoms: Atoms, slabs: TwinnedSlabs, removed: Mapping[int, int], layer: float, seed: int) -> Atoms:
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
        excess: Formula units of the other phase beyond these.
    """

    bulk: int
    excess: int


def content_of(counts: Mapping[int, int], bulk: Mapping[int, int], unit: Mapping[int, int] | None, most: int) -> Content | None:
    """Writes a composition as formula units of the crystal and of a neutral unit; None where that is impossible.

    Args:
        counts: Atoms of each element.
        bulk: Those of the crystal's formula unit.
        unit: Those of the neutral unit's; None: there is none.
        most: Largest number of neutral units, more or fewer.
    """
    tries: Iterable[int] = sorted(range(-most, most + 1), key=abs) if unit else (0,)
    for excess in tries:
        left = {n: counts.get(n, 0) - excess * (unit or {}).get(n, 0) for n in {*counts, *bulk, *(unit or {})}}
        whole = {n: divmod(left[n], bulk[n]) if n in bulk else (0, left[n]) for n in left}
        numbers = {whole[n][0] for n in bulk}
        if len(numbers) == 1 and not any(rest for _, rest in whole.values()):
            return Content(numbers.pop(), excess)
    return None


def formula_unit(numbers: IntArray) -> dict[int, int]:
    """Atoms of each element in the smallest formula unit, by atomic number."""
    kinds, counts = np.unique(numbers, return_counts=True)
    common = math.gcd(*(int(count) for count in counts))
    return {int(kind): int(count) // common for kind, count in zip(kinds, counts, strict=True)}
