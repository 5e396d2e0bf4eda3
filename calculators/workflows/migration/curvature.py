"""Second derivatives of the perfect crystal by finite differences: where every relaxation of the supercell begins.

Only atoms that symmetry does not make equal are moved, so a tavorite takes 28 evaluations, and the relaxations after it take a
fraction of the steps they take from a diagonal guess.
"""

from __future__ import annotations

import numpy as np

from tansaku.calculators.workflows.migration.network import Operation
from tansaku.calculators.workflows.migration.relaxing import Through
from tansaku.calculators.workflows.migration.supercell import Supercell
from tansaku.models.domain.pool import FloatArray, IntArray

_STEP = 0.02
_MOST = 90
"""Evaluations beyond which a diagonal guess is cheaper."""

_SOFTEST = 1.0
"""Smaller eigenvalues count as this [eV/Å^2]: a soft mode must not make a step of its own."""

ION_STIFFNESS = 4.0
"""Guess for an ion that is not where it was in the crystal [eV/Å^2]."""


def crystal_curvature(supercell: Supercell, operations: tuple[Operation, ...], through: Through) -> FloatArray | None:
    """Second derivatives of the energy of the full supercell [eV/Å^2], shape ``(3 n, 3 n)``; None where it does not pay."""
    count = len(supercell.host)
    classes = {min(int(operation.onto[atom]) for operation in operations) for atom in range(count)}
    compatible = all(supercell.mapping(operation, (0, 0, 0)) is not None for operation in operations)
    if 3 * len(classes) > _MOST or not compatible:
        return None
    atoms = supercell.atoms
    atoms.calc = through
    rest = atoms.get_forces()
    total = len(atoms)
    known = np.zeros((total, 3, total, 3))
    done: set[int] = set()
    for atom in sorted(classes):
        rows = np.empty((3, total, 3))
        for axis in range(3):
            moved = atoms.copy()
            moved.calc = through
            moved.positions[atom, axis] += _STEP
            rows[axis] = -(moved.get_forces() - rest) / _STEP
        _spread(known, rows, atom, supercell, operations, done)
    matrix = known.reshape(3 * total, 3 * total)
    return 0.5 * (matrix + matrix.T)


def _spread(
    known: FloatArray, rows: FloatArray, atom: int, supercell: Supercell, operations: tuple[Operation, ...], done: set[int]
) -> None:
    """Copies the derivatives of one atom to all atoms that are equal by symmetry."""
    cells = np.array(list(np.ndindex(*supercell.repeats)))
    for operation in operations:
        for cell in cells:
            mapping = supercell.mapping(operation, cell)
            if mapping is None:
                continue
            onto = int(mapping.onto[atom])
            if onto in done:
                continue
            done.add(onto)
            turned = np.einsum("xa,aib,yb->xiy", mapping.rotation, rows, mapping.rotation)
            known[onto][:, mapping.onto, :] = turned


def with_voids(crystal: FloatArray, bare: Supercell, full: Supercell) -> FloatArray:
    """Second derivatives of a supercell [eV/Å^2], with a guess for the ions that may be in its voids.

    Args:
        crystal: Of the supercell without voids, shape ``(3 n, 3 n)``.
        full: The same with atoms on all voids, behind those of each cell.
    """
    count, more = len(bare.host), len(full.host)
    total = more * len(bare.atoms) // count
    atoms = np.flatnonzero(np.arange(total) % more < count)
    rows = (3 * atoms[:, None] + np.arange(3)).ravel()
    matrix = ION_STIFFNESS * np.eye(3 * total)
    matrix[np.ix_(rows, rows)] = crystal
    return matrix


def guess(crystal: FloatArray | None, kept: IntArray, displaced: IntArray) -> FloatArray | None:
    """A positive definite guess for a supercell with a vacancy or an ion more.

    Args:
        crystal: Of the full supercell, shape ``(3 n, 3 n)``.
        kept: Indices of the atoms that are there.
        displaced: Those of them at other positions, as indices into ``kept``.
    """
    if crystal is None:
        return None
    rows = (3 * kept[:, None] + np.arange(3)).ravel()
    matrix = crystal[np.ix_(rows, rows)]
    for atom in displaced:
        own = slice(3 * int(atom), 3 * int(atom) + 3)
        matrix[own, :] = 0.0
        matrix[:, own] = 0.0
        matrix[own, own] = ION_STIFFNESS * np.eye(3)
    values, vectors = np.linalg.eigh(matrix)
    return np.asarray((vectors * np.maximum(np.abs(values), _SOFTEST)) @ vectors.T)
