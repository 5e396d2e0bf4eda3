"""Crystals of named structures: cells, deformations, compact supercells and displacements."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

import numpy as np
from ase import Atoms
from ase.build import bulk, make_supercell
from ase.cell import Cell
from ase.geometry import minkowski_reduce
from ase.neighborlist import neighbor_list

from tansaku.models.domain.errors import CalculationError, ConfigurationError
from tansaku.models.domain.pool import FloatArray
from tansaku.models.domain.specs.crystals import HEXAGONAL

if TYPE_CHECKING:
    from tansaku.models.domain.specs.crystals import PrototypeSpec

_CLOSE_PACKED = math.sqrt(8 / 3)
_CLOSE = 0.5
"""Atoms nearer than this share of the crystal's neighbour distance are hopelessly close."""

_LONGER = 1e-6
"""A period counts as longer by more than this share."""


def primitive_cell(spec: PrototypeSpec) -> Atoms:
    """The primitive cell, its axes along those of :func:`conventional_axes`."""
    # ASE would take the ratio of the element's own crystal.
    ratio = (spec.c_over_a or _CLOSE_PACKED) if _is_hexagonal(spec) else None
    return _plain(bulk(_formula(spec), spec.structure, a=spec.lattice_parameter, covera=ratio))


def conventional_cell(spec: PrototypeSpec) -> Atoms:
    """The cubic cell, or the primitive one of a hexagonal crystal."""
    if _is_hexagonal(spec):
        return primitive_cell(spec)
    return _plain(bulk(_formula(spec), spec.structure, a=spec.lattice_parameter, cubic=True))


def conventional_axes(spec: PrototypeSpec) -> FloatArray:
    """Lengths [Å] and angles [degrees] of the cubic cell or the hexagonal one, shape ``(6,)``."""
    if _is_hexagonal(spec):
        return np.asarray(primitive_cell(spec).cell.cellpar(), dtype=np.float64)
    return np.array([spec.lattice_parameter] * 3 + [90.0] * 3)


def sheared(spec: PrototypeSpec, axes: Literal["one", "all"], degrees: float) -> FloatArray:
    """Deformation that changes angles between the axes of the conventional cell and keeps their lengths.

    Args:
        axes: Whether the angle between the first two axes changes, or all three angles.

    Returns:
        Matrix ``M`` with which rows of positions and cell are multiplied from the right, shape ``(3, 3)``.

    Raises:
        ConfigurationError: No cell has such angles.
    """
    before = conventional_axes(spec)
    after = before.copy()
    after[5 if axes == "one" else slice(3, 6)] += degrees
    cosines = np.cos(np.radians(after[3:]))
    if 1.0 - cosines @ cosines + 2.0 * cosines.prod() <= 0.0:
        raise ConfigurationError(f"space.scans: a shear of {degrees:g} degrees leaves no cell of {spec.structure}")
    old, new = (
        Cell.fromcellpar(parameters, ab_normal=(0, 0, 1), a_direction=(1, 0, 0)).array for parameters in (before, after)
    )
    return np.asarray(np.linalg.solve(old, new))


def strained(kind: Literal["tetragonal", "orthorhombic"], percent: float) -> FloatArray:
    """Deformation of constant volume along the Cartesian axes, which a cubic cell's are.

    Args:
        kind: Whether the third axis changes against both others, or the first against the second.
        percent: Change of the axis that is named first.

    Returns:
        As :func:`sheared`.
    """
    stretch = 1.0 + percent / 100.0
    if kind == "tetragonal":
        return np.diag([stretch**-0.5, stretch**-0.5, stretch])
    return np.diag([stretch, 1.0 / stretch, 1.0])


def deformed(atoms: Atoms, gradient: FloatArray) -> Atoms:
    """A copy whose cell and positions are multiplied from the right by a matrix of shape ``(3, 3)``."""
    moved: Atoms = atoms.copy()
    moved.set_cell(atoms.cell.array @ gradient, scale_atoms=True)
    return moved


def supercell(spec: PrototypeSpec, atoms: int) -> Atoms:
    """The most compact supercell with a number of atoms: the one whose shortest period is longest.

    Raises:
        ConfigurationError: The number is not a multiple of the primitive cell's.
    """
    primitive = primitive_cell(spec)
    index, rest = divmod(atoms, len(primitive))
    if rest:
        raise ConfigurationError(
            f"space.scans.atoms: {atoms} is not a multiple of the {len(primitive)} atoms in a cell of {spec.structure}"
        )
    found: Atoms = make_supercell(primitive, np.array(_compact(tuple(primitive.cell.array.ravel().tolist()), index)))
    return found


def check_distances(atoms: Atoms, crystal: PrototypeSpec) -> None:
    """Raises CalculationError when two atoms are hopelessly close, measured by the neighbours of the perfect crystal."""
    nearest = _neighbour_distance(crystal)
    found = neighbor_list("d", atoms, _CLOSE * nearest)
    if len(found):
        raise CalculationError("overlap", f"two atoms are {found.min():.2f} Å apart, in the crystal {nearest:.2f} Å")


@lru_cache(maxsize=64)
def _neighbour_distance(crystal: PrototypeSpec) -> float:
    cell = primitive_cell(crystal)
    reach = 2.0 * float((cell.get_volume() / len(cell)) ** (1 / 3))
    return float(neighbor_list("d", cell, reach).min())


def _formula(spec: PrototypeSpec) -> str:
    return "".join(spec.elements) + ("2" if spec.structure == "fluorite" else "")


def _plain(atoms: Atoms) -> Atoms:
    """Atoms without the magnetic moments that ASE gives to some crystals."""
    return Atoms(numbers=atoms.numbers, positions=atoms.positions, cell=atoms.cell, pbc=True)


def _is_hexagonal(spec: PrototypeSpec) -> bool:
    return spec.structure in HEXAGONAL


@lru_cache(maxsize=128)
def _compact(cell: tuple[float, ...], index: int) -> tuple[tuple[int, ...], ...]:
    """Integer matrix of the supercell; of equally compact ones the first in a fixed order."""
    primitive = np.array(cell).reshape(3, 3)
    best, longest = np.eye(3, dtype=int), -1.0
    for matrix in _sublattices(index):
        reduced, steps = minkowski_reduce(matrix @ primitive)
        period = float(np.linalg.norm(reduced, axis=1).min())
        if period > longest * (1.0 + _LONGER):
            best, longest = steps @ matrix, period
    return tuple(tuple(map(int, row)) for row in best)


def _sublattices(index: int) -> Iterator[np.ndarray[tuple[int, int], np.dtype[np.int_]]]:
    """All sublattices of an index, each once, as Hermite normal forms."""
    for a in (divisor for divisor in range(1, index + 1) if index % divisor == 0):
        for b in (divisor for divisor in range(1, index // a + 1) if (index // a) % divisor == 0):
            c = index // (a * b)
            for x, y, z in itertools.product(range(b), range(c), range(c)):
                yield np.array([[a, x, y], [0, b, z], [0, 0, c]])
