"""Tetragonal and rhombohedral crystals with one atom at each lattice point."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import numpy as np

from tansaku.calculators.structures.crystal import Rotation, Vector, cubic_operations, reduced
from tansaku.calculators.structures.hexagonal import three, turns_about_c
from tansaku.models.domain.pool import FloatArray

if TYPE_CHECKING:
    from ase import Atoms

UniaxialStructure = Literal["bct", "rhombohedral"]

_LATTICE: dict[str, tuple[Rotation, int]] = {
    "bct": (((-1, 1, 1), (1, -1, 1), (1, 1, -1)), 2),
    "rhombohedral": (((2, 1, 1), (-1, 1, 1), (-1, -2, 1)), 3),
}


@dataclass(frozen=True)
class UniaxialCrystal:
    """A body-centred tetragonal crystal (indium), or a rhombohedral one in hexagonal axes (mercury).

    Attributes:
        lattice_parameter: Edge of the conventional cell normal to its main axis, a [Å].
        height: Edge along the main axis, c [Å].
    """

    structure: UniaxialStructure
    element: str
    lattice_parameter: float
    height: float

    @property
    def parameters(self) -> tuple[float, float]:
        """The numbers that make the crystal, a and c [Å]."""
        return self.lattice_parameter, self.height

    @property
    def atoms_per_point(self) -> int:
        """Atoms of a lattice point."""
        return 1

    @property
    def lattice(self) -> tuple[Rotation, int]:
        """Primitive lattice vectors by their components along the conventional cell's edges, and what these are divided by."""
        return _LATTICE[self.structure]

    @cached_property
    def edges(self) -> FloatArray:
        """Edges of the conventional cell as rows, in units of a, shape ``(3, 3)``."""
        ratio = self.height / self.lattice_parameter
        if self.structure == "bct":
            return np.diag([1.0, 1.0, ratio])
        return np.array([[1.0, 0.0, 0.0], [-0.5, math.sqrt(0.75), 0.0], [0.0, 0.0, ratio]])

    @cached_property
    def basis(self) -> FloatArray:
        """Primitive lattice vectors as rows, in units of a, shape ``(3, 3)``."""
        vectors, parts = self.lattice
        return np.asarray(np.array(vectors) / parts @ self.edges)

    @property
    def atoms(self) -> FloatArray:
        """The one atom of a lattice point, shape ``(1, 3)``."""
        return np.zeros((1, 3))

    @cached_property
    def neighbour_distance(self) -> float:
        """Shortest distance of two atoms [Å]."""
        points = np.array([c for c in itertools.product((-1, 0, 1), repeat=3) if any(c)]) @ self.basis
        return float(self.lattice_parameter * np.linalg.norm(points, axis=1).min())

    @property
    def atoms_per_volume(self) -> float:
        """[1/Å^3]."""
        return float(1.0 / (self.lattice_parameter**3 * abs(np.linalg.det(self.basis))))

    @property
    def point_group(self) -> tuple[FloatArray, ...]:
        """Operations that take the crystal's directions to equivalent ones, in the axes of :attr:`edges`."""
        return self.site_symmetry

    @property
    def site_symmetry(self) -> tuple[FloatArray, ...]:
        """Operations of the crystal that keep a lattice point in place, in the axes of :attr:`edges`."""
        if self.structure == "bct":
            own = np.array(cubic_operations(), dtype=np.float64)
            return tuple(own[np.abs(own[:, 2, 2]) > 0.5])
        inverse = np.linalg.inv(self.basis)
        turned = ((g, self.basis @ g.T @ inverse) for g in turns_about_c())
        return tuple(g for g, numbers in turned if np.abs(numbers - np.rint(numbers)).max() < 1e-6)

    def components(self, indices: Sequence[int]) -> Vector:
        """A direction, [u v w] or [u v t w], by its components along the edges."""
        u, v, w = three(indices) if len(indices) == len("uvtw") else indices
        return reduced((u, v, w))

    def direction(self, indices: Sequence[int]) -> FloatArray:
        """A direction in the axes of :attr:`edges` [Å]."""
        return np.asarray(self.lattice_parameter * (np.array(self.components(indices), dtype=np.float64) @ self.edges))

    def normal(self, indices: Sequence[int]) -> FloatArray:
        """Normal of a plane, (h k l) or (h k i l), in the same axes [1/Å]."""
        plane = np.array([indices[0], indices[1], indices[-1]], dtype=np.float64)
        return np.asarray(np.linalg.inv(self.edges) @ plane / self.lattice_parameter)

    def unit_cell(self) -> Atoms:
        """The perfect crystal's conventional cell; a rhombohedral one's has three atoms."""
        from ase import Atoms

        vectors, parts = self.lattice
        numbers = np.array(list(itertools.product(range(parts), repeat=3)))
        places = np.unique(((numbers @ np.array(vectors)) % parts) / parts, axis=0)
        cell = self.lattice_parameter * self.edges
        return Atoms(f"{self.element}{len(places)}", scaled_positions=places, cell=cell, pbc=True)
