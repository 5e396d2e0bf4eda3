"""Least squares of a few units of modes: the loss of sparsity-promoting DMD, and the same with free shapes of modes.

A pair of conjugate modes with the amplitudes ``a + ib`` and ``a - ib`` is the real sum ``a c_1 + b c_2``, so that every unit
has two real columns; the second of a real mode is 0. All losses follow from the Gram matrix of the columns and their
products with the data.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tansaku.models.averaging.subsets import EMPTY, FloatArray, IntArray
from tansaku.sparse.models.modes.dynamics import ComplexArray, Modes, Snapshots

_DEPENDENT = 1e-12  # share of the largest eigenvalue below which columns count as dependent
_AT_ONCE = 4_000_000  # numbers held in memory for a list of supports


@dataclass(frozen=True, eq=False)
class Problem:
    """Least squares over units of two columns each.

    Attributes:
        gram: Of the columns, each of norm 1 or 0, (2 n_units, 2 n_units).
        products: Of the columns with the data, one column per output, (2 n_units, n_outputs).
        total: Square of the data.
        norms: Of the columns before they were scaled; 1 for columns that are 0, (2 n_units,).
    """

    gram: FloatArray
    products: FloatArray
    total: float
    norms: FloatArray

    @property
    def n_units(self) -> int:
        """Number of units."""
        return len(self.gram) // 2

    def spectra(self, supports: IntArray) -> tuple[FloatArray, FloatArray]:
        """Eigenvalues of the Gram matrices, 0 where columns depend on each other, and squares of the data along them.

        Args:
            supports: Of units, filled up with EMPTY, (n_supports, size).

        Returns:
            Both (n_supports, 2 size).
        """
        size = 2 * supports.shape[1]
        outer = self.products @ self.products.T
        values, squares = np.empty((len(supports), size)), np.empty((len(supports), size))
        at_once = max(1, _AT_ONCE // max(1, size * size))
        for start in range(0, len(supports), at_once):
            part = slice(start, start + at_once)
            columns = (2 * supports[part, :, None] + np.arange(2)).reshape(len(supports[part]), size)
            present = np.repeat(supports[part] != EMPTY, 2, axis=1)
            both = present[:, :, None] & present[:, None, :]
            rows, others = columns[:, :, None], columns[:, None, :]
            found, vectors = np.linalg.eigh(self.gram[rows, others] * both)
            sound = found > _DEPENDENT * found.max(axis=1, initial=1e-300)[:, None]
            values[part] = np.where(sound, found, 0.0)
            along = np.einsum("sij,sik,skj->sj", vectors, outer[rows, others] * both, vectors, optimize=True)
            squares[part] = np.divide(along, found, out=np.zeros_like(along), where=sound)
        return values, squares

    def losses(self, supports: IntArray) -> FloatArray:
        """Squares of what is left over, (n_supports,)."""
        return np.asarray(np.maximum(self.total - self.spectra(supports)[1].sum(axis=1), 0.0))

    def weights(self, support: IntArray) -> FloatArray:
        """Least-squares factors of a support's columns before they were scaled, (2 size, n_outputs)."""
        columns = (2 * support[:, None] + np.arange(2)).ravel()
        values, vectors = np.linalg.eigh(self.gram[np.ix_(columns, columns)])
        sound = values > _DEPENDENT * values.max(initial=1e-300)
        inverse = np.divide(1.0, values, out=np.zeros_like(values), where=sound)
        return np.asarray(vectors @ (inverse[:, None] * (vectors.T @ self.products[columns])) / self.norms[columns, None])


def amplitude_problem(modes: Modes) -> Problem:
    """One amplitude per mode: the loss of sparsity-promoting DMD (Jovanović et al., doi:10.1063/1.4863670)."""
    powers = vandermonde(modes.eigenvalues, modes.matrix.shape[1])
    every, other = _with_conjugates(modes.shapes.T), _with_conjugates(powers)
    gram = (every.conj() @ every.T) * (other.conj() @ other.T)
    products = np.einsum("ur,rt,ut->u", every.conj(), modes.matrix, other.conj(), optimize=True)
    return _real(gram, products[:, None], modes.oscillating, float(np.sum(modes.matrix**2)))


def shape_problem(eigenvalues: ComplexArray, snapshots: Snapshots) -> Problem:
    """One free amplitude per mode and channel: only the course in time is that of the modes."""
    powers = _with_conjugates(vandermonde(eigenvalues, snapshots.n_times))
    values = snapshots.compressed
    return _real(powers.conj() @ powers.T, powers.conj() @ values.T, eigenvalues.imag != 0.0, float(np.sum(values**2)))


def vandermonde(eigenvalues: ComplexArray, count: int) -> ComplexArray:
    """Powers 0 to ``count - 1``, each row scaled so that its largest is 1, (n_eigenvalues, count)."""
    with np.errstate(divide="ignore", invalid="ignore"):  # the first power of an eigenvalue 0 is 1, which the next line says
        logs = np.log(np.abs(eigenvalues))[:, None] * np.arange(count)
    logs[:, 0] = 0.0
    logs -= logs.max(axis=1, keepdims=True)
    return np.asarray(np.exp(logs + 1j * np.angle(eigenvalues)[:, None] * np.arange(count)))


def _with_conjugates(rows: ComplexArray) -> ComplexArray:
    return np.concatenate([rows, rows.conj()])


def _real(gram: ComplexArray, products: ComplexArray, oscillating: np.ndarray, total: float) -> Problem:
    """Replaces complex functions and their conjugates by two real columns per unit."""
    n = len(oscillating)
    turn = np.zeros((2 * n, 2 * n), dtype=np.complex128)
    first = np.arange(n)
    turn[first, 2 * first] = 1.0
    pairs = first[oscillating]
    turn[n + pairs, 2 * pairs] = 1.0
    turn[pairs, 2 * pairs + 1], turn[n + pairs, 2 * pairs + 1] = 1j, -1j
    real, projected = (turn.conj().T @ gram @ turn).real, (turn.conj().T @ products).real
    diagonal = np.diag(real)
    norms = np.sqrt(np.where(diagonal > 1e-300, diagonal, 1.0))
    return Problem(real / np.outer(norms, norms), projected / norms[:, None], total, norms)
