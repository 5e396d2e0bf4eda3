"""Covariance between the pool and the conditioning points: the only part that handles all candidates.

There are two implementations of the protocol :class:`CrossCovariance`, where other devices can be added:

* :class:`SharedGrid`, where surfaces share one grid of candidate-level features (translations): every term of the kernel
  is then (surface x surface) ∘ (grid x grid), and a weighted sum of cross-covariances over the whole pool is one product of
  a (surfaces x observed surfaces) with an (observed surfaces x grid) matrix per grid factor.
* :class:`CachedRows` for any kernel: one row of cross-covariances per point, kept up to a memory limit and computed again
  above it. In a pool so large that 500 rows would pass the limit they are kept in single precision.

:class:`~tansaku.models.engine.device.DeviceRows` is the same as the second with torch, on the processor or a GPU.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import numpy as np

from tansaku.models.domain.pool import CandidatePool, FloatArray, IntArray
from tansaku.models.engine.device import Device, DeviceRows
from tansaku.models.engine.factor_rows import FactorRows
from tansaku.models.engine.kernels import Factor, Parameters, Term, covariance
from tansaku.models.engine.shared_grid import GridLayout, SharedGrid, grid_layout, surface_factor, surface_level
from tansaku.models.engine.whitening import explained_variance

__all__ = [
    "MEMORY_LIMIT",
    "CachedRows",
    "CrossCovariance",
    "GridLayout",
    "SharedGrid",
    "cross_covariance",
    "grid_layout",
    "surface_factor",
    "surface_level",
]


MEMORY_LIMIT = 5 * 2**29
"""Memory limit of cached cross-covariances [bytes]; rows beyond it are recomputed."""

_BLOCK = 4096
_ROWS_PER_CHUNK = 64
_ROWS_WANTED = 500
_WIDEST = 2**16


class CrossCovariance(Protocol):
    """Covariances k(point, candidate) of a growing list of points with all candidates of a pool."""

    @property
    def rounded(self) -> bool:
        """Whether covariances with the pool are kept in single precision."""
        ...

    def append(self, position: int) -> FloatArray:
        """Adds a point; returns its covariances with the earlier ones, shape ``(n_points,)``."""
        ...

    def truncate(self, count: int) -> None:
        """Forgets all points but the first ``count``."""
        ...

    def weighted(self, weights: FloatArray) -> FloatArray:
        """Σ_i w_ij k(point i, candidate).

        Args:
            weights: Shape ``(n_points, m)``.

        Returns:
            Shape ``(m, n_candidates)``.
        """
        ...

    def explained(self, lower: FloatArray) -> FloatArray:
        """Variance that the points take from each candidate: squared length of the whitened covariances.

        Args:
            lower: Cholesky factor of the points' covariance matrix, shape ``(n_points, n_points)``.

        Returns:
            Shape ``(n_candidates,)``.
        """
        ...


class CachedRows:
    """Cross-covariances for any kernel: one row per point, cached up to a memory limit.

    Whether rows are kept in single precision depends on pool and limit alone, so that a resumed campaign computes the same.

    Args:
        pool: The pool.
        terms: Normal form of the kernel.
        parameters: Parameter values by name.
        memory_limit: Bytes of cached rows; rows beyond it are computed again at every use.
    """

    def __init__(
        self, pool: CandidatePool, terms: tuple[Term, ...], parameters: Parameters, memory_limit: int = MEMORY_LIMIT
    ) -> None:
        self._pool, self._terms, self._parameters = pool, terms, parameters
        self._points: list[int] = []
        self._chunks: list[FloatArray] = []
        single = _ROWS_WANTED * 4 * len(pool) <= memory_limit < _ROWS_WANTED * 8 * len(pool)
        self.rounded = single
        self._kept = np.dtype(np.float32 if single else np.float64)
        self._n_cacheable = memory_limit // (self._kept.itemsize * len(pool))
        self._factors = FactorRows((factor for term in terms for factor in term.factors), pool, parameters)

    @property
    def cached_bytes(self) -> int:
        """Memory used by cached rows [bytes]."""
        return sum(chunk.nbytes for chunk in self._chunks)

    def append(self, position: int) -> FloatArray:
        """Adds a point; returns its covariances with the earlier ones, shape ``(n_points,)``."""
        at = len(self._points)
        row = self._row(position)
        covariances = row[self._points]
        self._points.append(position)
        if at >= self._n_cacheable:
            return covariances
        chunk, offset = divmod(at, _ROWS_PER_CHUNK)
        if chunk == len(self._chunks):
            rows = min(_ROWS_PER_CHUNK, self._n_cacheable - chunk * _ROWS_PER_CHUNK)
            self._chunks.append(np.empty((rows, len(self._pool)), dtype=self._kept))
        self._chunks[chunk][offset] = row
        return covariances

    def truncate(self, count: int) -> None:
        """Forgets all points but the first ``count``."""
        del self._points[count:]
        del self._chunks[-(-min(count, self._n_cacheable) // _ROWS_PER_CHUNK) :]

    def weighted(self, weights: FloatArray) -> FloatArray:
        """Σ_i w_ij k(point i, candidate)."""
        total = np.zeros((weights.shape[1], len(self._pool)))
        for start, rows in self._row_blocks():
            part = weights[start : start + len(rows)].T
            if not self.rounded:
                total += part @ rows
                continue
            for begin in range(0, len(self._pool), _WIDEST):
                block = slice(begin, begin + _WIDEST)
                total[:, block] += part @ rows[:, block].astype(np.float64)
        return total

    def explained(self, lower: FloatArray) -> FloatArray:
        """Variance that the points take from each candidate: squared length of the whitened covariances."""
        return explained_variance(self.blocks(), lower, len(self._pool))

    def blocks(self) -> Iterator[tuple[slice | IntArray, FloatArray]]:
        """Covariances with all candidates, in blocks of a few thousand."""
        points = np.asarray(self._points, dtype=np.intp)
        n_cached = min(len(points), self._n_cacheable)
        for begin in range(0, len(self._pool), _BLOCK):
            block = slice(begin, min(begin + _BLOCK, len(self._pool)))
            rows = [
                chunk[: n_cached - i * _ROWS_PER_CHUNK, block].astype(np.float64, copy=False)
                for i, chunk in enumerate(self._chunks)
            ]
            if n_cached < len(points):
                here = np.arange(block.start, block.stop, dtype=np.intp)
                rows.append(covariance(self._terms, self._pool, self._parameters, points[n_cached:], here))
            yield block, np.concatenate(rows) if rows else np.empty((0, block.stop - block.start))

    def _row_blocks(self) -> Iterator[tuple[int, FloatArray]]:
        n_cached = min(len(self._points), self._n_cacheable)
        for i, chunk in enumerate(self._chunks):
            yield i * _ROWS_PER_CHUNK, chunk[: n_cached - i * _ROWS_PER_CHUNK]
        for at in range(n_cached, len(self._points)):
            yield at, self._row(self._points[at])[None, :]

    def _row(self, position: int) -> FloatArray:
        done: dict[Factor, FloatArray] = {}
        total = np.zeros(len(self._pool))
        for term in self._terms:
            product: FloatArray | float = term.variance(self._parameters)
            for factor in term.factors:
                if factor not in done:
                    done[factor] = self._factors.between(factor, position)[self._factors.codes[factor]]
                product = product * done[factor]
            total += product
        return total


def cross_covariance(
    pool: CandidatePool,
    terms: tuple[Term, ...],
    parameters: Parameters,
    memory_limit: int = MEMORY_LIMIT,
    device: Device = "numpy",
) -> CrossCovariance:
    """The cheapest way for this pool and kernel."""
    if device != "numpy":
        return DeviceRows(pool, terms, parameters, device, memory_limit)
    layout = grid_layout(pool, terms)
    if layout is not None:
        return SharedGrid(pool, terms, parameters, layout)
    return CachedRows(pool, terms, parameters, memory_limit)
