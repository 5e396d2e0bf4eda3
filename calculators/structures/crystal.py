"""Cubic crystals as integer lattices: no coordinate is compared as a float anywhere below the builder."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

import numpy as np

from tansaku.models.domain.pool import FloatArray

if TYPE_CHECKING:
    from ase import Atoms

Vector = tuple[int, int, int]
Rotation = tuple[Vector, Vector, Vector]
Structure = Literal["fcc", "bcc", "diamond"]

_PRIMITIVE: dict[str, Rotation] = {
    "fcc": ((0, 1, 1), (1, 0, 1), (1, 1, 0)),
    "bcc": ((-1, 1, 1), (1, -1, 1), (1, 1, -1)),
    "diamond": ((0, 1, 1), (1, 0, 1), (1, 1, 0)),
}
_MOTIF: dict[str, tuple[Vector, ...]] = {"fcc": ((0, 0, 0),), "bcc": ((0, 0, 0),), "diamond": ((-1, -1, -1), (1, 1, 1))}
_CUBIC: dict[str, tuple[Vector, ...]] = {
    "fcc": ((0, 0, 0), (0, 2, 2), (2, 0, 2), (2, 2, 0)),
    "bcc": ((0, 0, 0), (2, 2, 2)),
    "diamond": ((0, 0, 0), (1, 1, 1), (0, 2, 2), (1, 3, 3), (2, 0, 2), (3, 1, 3), (2, 2, 0), (3, 3, 1)),
}
"""Atoms of the cubic cell, in quarters of its edge."""

_NEIGHBOUR = {"fcc": math.sqrt(2) / 2, "bcc": math.sqrt(3) / 2, "diamond": math.sqrt(3) / 4}


@dataclass(frozen=True)
class CubicCrystal:
    """A cubic crystal whose lattice points are centres of inversion.

    For diamond the lattice points are therefore put on the middle of the [111] bond.

    Attributes:
        lattice_parameter: Edge of the cubic cell [Å].
    """

    structure: Structure
    element: str
    lattice_parameter: float

    @property
    def primitive(self) -> Rotation:
        """Primitive lattice vectors, in half cubic edges."""
        return _PRIMITIVE[self.structure]

    @property
    def motif(self) -> tuple[Vector, ...]:
        """Atoms of a lattice point, in eighths of the cubic edge."""
        return _MOTIF[self.structure]

    @property
    def parameters(self) -> tuple[float]:
        """The one number that makes the crystal [Å]."""
        return (self.lattice_parameter,)

    @property
    def atoms_per_point(self) -> int:
        """Atoms of a lattice point."""
        return len(self.motif)

    @property
    def basis(self) -> FloatArray:
        """Primitive lattice vectors as rows, in cubic edges, shape ``(3, 3)``."""
        return np.array(self.primitive) / 2.0

    @property
    def atoms(self) -> FloatArray:
        """Atoms of a lattice point, in cubic edges, shape ``(n_motif, 3)``."""
        return np.array(self.motif) / 8.0

    @property
    def neighbour_distance(self) -> float:
        """Distance of nearest neighbours [Å]."""
        return _NEIGHBOUR[self.structure] * self.lattice_parameter

    @property
    def atoms_per_volume(self) -> float:
        """[1/Å^3]."""
        per_cell = {"fcc": 4, "bcc": 2, "diamond": 8}[self.structure]
        return per_cell / self.lattice_parameter**3

    @property
    def site_symmetry(self) -> tuple[Rotation, ...]:
        """Operations of the crystal that keep a lattice point in place (all 48, or 12 for diamond)."""
        motif = set(self.motif)
        return tuple(g for g in cubic_operations() if {apply(g, atom) for atom in motif} == motif)

    def unit_cell(self) -> Atoms:
        """The perfect crystal's cubic cell."""
        return cubic_cell(self.element, self.structure, self.lattice_parameter)


def cubic_cell(element: str, structure: Structure, lattice_parameter: float) -> Atoms:
    """The cubic cell, the same as that of ``ase.build.bulk``, whose package imports half of SciPy."""
    from ase import Atoms as Cell
    from ase.data import atomic_numbers, reference_states

    points = np.array(_CUBIC[structure]) / 4
    atoms = Cell([element] * len(points), cell=[lattice_parameter] * 3, scaled_positions=points, pbc=True)
    own = reference_states[atomic_numbers[element]] or {}
    if own.get("symmetry") == structure and "magmom_per_atom" in own:
        atoms.set_initial_magnetic_moments([own["magmom_per_atom"]] * len(atoms))
    return atoms


@lru_cache(maxsize=1)
def cubic_operations() -> tuple[Rotation, ...]:
    """The 48 signed permutation matrices of the point group m-3m."""
    operations = []
    for order in itertools.permutations(range(3)):
        for signs in itertools.product((1, -1), repeat=3):
            rows = [
                tuple(sign if column == place else 0 for column in range(3)) for place, sign in zip(order, signs, strict=True)
            ]
            operations.append((rows[0], rows[1], rows[2]))
    return tuple(operations)  # type: ignore[arg-type]


def apply(operation: Rotation, vector: Vector) -> Vector:
    """Product of an integer matrix and a vector."""
    return (dot(operation[0], vector), dot(operation[1], vector), dot(operation[2], vector))


def dot(a: Vector, b: Vector) -> int:
    """Scalar product."""
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


def cross(a: Vector, b: Vector) -> Vector:
    """Vector product."""
    return (a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0])


def reduced(vector: Vector) -> Vector:
    """The vector divided by the greatest common divisor of its components."""
    divisor = math.gcd(*vector)
    return (vector[0] // divisor, vector[1] // divisor, vector[2] // divisor)


def unimodular(weights: Vector) -> tuple[int, Rotation]:
    """Integer solutions of ``weights · c = 0`` and ``weights · c = gcd``.

    Returns:
        The greatest common divisor, and three vectors that span all of Z^3: two solutions of the first equation and
        one of the second.

    Raises:
        ValueError: All weights are zero.
    """
    if not any(weights):
        raise ValueError("unimodular: all weights are zero")
    values = list(weights)
    columns = [[1, 0, 0], [0, 1, 0], [0, 0, 1]]
    while sum(value != 0 for value in values) > 1:
        small = min((i for i in range(3) if values[i]), key=lambda i: abs(values[i]))
        for i in range(3):
            if i != small and values[i]:
                factor = values[i] // values[small]
                values[i] -= factor * values[small]
                columns[i] = [x - factor * y for x, y in zip(columns[i], columns[small], strict=True)]
    last = next(i for i in range(3) if values[i])
    if values[last] < 0:
        values[last] = -values[last]
        columns[last] = [-x for x in columns[last]]
    ordered = [column for i, column in enumerate(columns) if i != last] + [columns[last]]
    first, second, third = ((c[0], c[1], c[2]) for c in ordered)
    return values[last], (first, second, third)


def combine(coefficients: Vector, vectors: Rotation) -> Vector:
    """Linear combination of three vectors."""
    a, b, c = coefficients
    x, y, z = vectors
    return (a * x[0] + b * y[0] + c * z[0], a * x[1] + b * y[1] + c * z[1], a * x[2] + b * y[2] + c * z[2])
