"""Eigenvalues of a crystal's Coulomb matrix, which are invariant under the order of atoms.

The sine matrix of Faber, Lindmaa, von Lilienfeld and Armiento 2015 (doi:10.1002/qua.24917). It depends on the choice of the
cell: a supercell has other eigenvalues.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tansaku.models.domain.errors import FitError
from tansaku.models.domain.pool import FloatArray

if TYPE_CHECKING:
    from ase import Atoms


def sine_matrix(structure: Atoms) -> FloatArray:
    """Z_i Z_j / |B sin²(π f_ij)|, where f_ij is the fractional distance and B has the cell's vectors in columns.

    The diagonal is Z^2.4 / 2.

    Returns:
        Shape ``(n_atoms, n_atoms)`` [1/Å, the diagonal a pure number].
    """
    fractions = structure.get_scaled_positions(wrap=False)
    apart = np.sin(np.pi * (fractions[:, None] - fractions[None])) ** 2 @ structure.cell.array
    distances = np.linalg.norm(apart, axis=2)
    charges = structure.numbers.astype(np.float64)
    np.fill_diagonal(distances, 1.0)
    found = np.outer(charges, charges) / distances
    np.fill_diagonal(found, 0.5 * charges**2.4)
    return np.asarray(found)


def coulomb_spectrum(structure: Atoms, size: int) -> FloatArray:
    """Eigenvalues of the sine matrix by falling size, zeros behind them, shape ``(size,)``.

    Raises:
        FitError: There are more atoms than ``size``.
    """
    if len(structure) > size:
        raise FitError(f"Coulomb matrix: {len(structure)} atoms; expected at most {size}, as in the training data")
    found = np.linalg.eigvalsh(sine_matrix(structure))
    return np.pad(found[np.argsort(-np.abs(found), kind="stable")], (0, size - len(found)))
