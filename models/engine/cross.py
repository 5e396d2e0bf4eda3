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

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scipy.linalg import solve_triangular
from scipy.sparse import csr_array
from scipy.spatial.distance import cdist

from tansaku.models.domain.pool import CandidatePool, FloatArray, IntArray
from tansaku.models.engine.device import Device, DeviceRows
from tansaku.models.engine.kernels import (
    Factor,
    Parameters,
    Stationary,
    Term,
    correlation,
    covariance,
    factor_codes,
    factor_group,
    factor_matrix,
    scaled_coordinates,
)

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
        return _explained_variance(self.blocks(), lower, len(self._pool))

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


_FIRST_ROWS = 64
_SPARSE_GRID = 3
_MOST_SURFACE_PAIRS = 2**24


@dataclass(frozen=True)
class GridLayout:
    """Layout of a pool whose surfaces share a grid.

    Attributes:
        slots: ``surface * n_grid + grid point`` of each candidate, shape ``(n_candidates,)``; None where it is the position.
        grid_codes: Grid point of each candidate, shape ``(n_candidates,)``.
        surface_members: One candidate of each surface, shape ``(n_surfaces,)``.
        grid_members: One candidate of each grid point, shape ``(n_grid,)``.
        order: Candidates by surface, and where each surface begins, as ``(positions, starts)``.
    """

    slots: IntArray | None
    grid_codes: IntArray
    surface_members: IntArray
    grid_members: IntArray
    order: tuple[IntArray, IntArray]


def surface_level(pool: CandidatePool, group: str) -> bool:
    """Returns whether a feature group is the same for all candidates of each surface."""
    index = pool.group(group).index
    return bool((index == index[_members(pool.surface_codes, len(pool.surfaces))][pool.surface_codes]).all())


def _members(codes: IntArray, count: int) -> IntArray:
    """First candidate of each code (0 for a code nobody has)."""
    members = np.zeros(count, dtype=np.intp)
    members[codes[::-1]] = np.arange(len(codes) - 1, -1, -1)
    return members


def grid_layout(pool: CandidatePool, terms: tuple[Term, ...]) -> GridLayout | None:
    """Finds the (surface x surface) ∘ (grid x grid) factorisation; None when the pool's surfaces share no grid."""
    names = {factor_group(factor) for term in terms for factor in term.factors}
    codes = np.zeros(len(pool), dtype=np.intp)
    for name in sorted(name for name in names if name is not None):
        if not surface_level(pool, name):
            group = pool.group(name)
            codes = np.unique(codes * len(group.values) + group.index, return_inverse=True)[1].reshape(-1)
    n_grid = int(codes.max()) + 1
    n_surfaces = len(pool.surfaces)
    if n_surfaces * n_grid > _SPARSE_GRID * len(pool) or n_surfaces**2 > _MOST_SURFACE_PAIRS:
        return None
    slots = pool.surface_codes * n_grid + codes
    order = np.argsort(pool.surface_codes, kind="stable")
    starts = np.searchsorted(pool.surface_codes[order], np.arange(len(pool.surfaces) + 1))
    return GridLayout(
        slots=None if np.array_equal(slots, np.arange(len(pool.surfaces) * n_grid)) else slots,
        grid_codes=codes,
        surface_members=_members(pool.surface_codes, len(pool.surfaces)),
        grid_members=_members(codes, n_grid),
        order=(order, starts),
    )


class GrowingRows:
    """A matrix that grows by rows, its memory doubling.

    Args:
        width: Columns.
    """

    def __init__(self, width: int) -> None:
        self._data = np.empty((_FIRST_ROWS, width))
        self._count = 0

    def append(self, row: FloatArray) -> None:
        """Adds a row of shape ``(width,)``."""
        if self._count == len(self._data):
            self._data = np.concatenate([self._data, np.empty_like(self._data)])
        self._data[self._count] = row
        self._count += 1

    def truncate(self, count: int) -> None:
        """Forgets all rows but the first ``count``."""
        self._count = min(self._count, count)

    def view(self) -> FloatArray:
        """The rows so far, shape ``(n, width)``; valid until the next append."""
        return self._data[: self._count]


class SharedGrid:
    """Cross-covariances of a pool whose surfaces share a grid.

    Args:
        terms: Normal form of the kernel.
        parameters: Parameter values by name.
        layout: What :func:`grid_layout` found.
    """

    rounded = False

    def __init__(self, pool: CandidatePool, terms: tuple[Term, ...], parameters: Parameters, layout: GridLayout) -> None:
        self._pool, self._layout = pool, layout
        self._surfaces: list[int] = []
        self._grid: list[int] = []
        by_grid: dict[tuple[Factor, ...], FloatArray] = {}
        for term in terms:
            on_surface = tuple(factor for factor in term.factors if surface_factor(factor, pool))
            on_grid = tuple(sorted((factor for factor in term.factors if factor not in on_surface), key=repr))
            between = np.full((len(pool.surfaces),) * 2, term.variance(parameters))
            for factor in on_surface:
                codes = factor_codes(factor, pool)[layout.surface_members]
                between *= factor_matrix(factor, pool, parameters, codes, codes)
            by_grid[on_grid] = by_grid[on_grid] + between if on_grid in by_grid else between
        self._flat = by_grid.pop((), None)
        self._grid_factors = tuple(by_grid)
        self._factors = FactorRows((factor for factors in by_grid for factor in factors), pool, parameters)
        self._places = {factor: codes[layout.grid_members] for factor, codes in self._factors.codes.items()}
        n_surfaces, self._n_grid = len(pool.surfaces), len(layout.grid_members)
        self._between = np.stack(list(by_grid.values()), axis=2) if by_grid else np.empty((n_surfaces, n_surfaces, 0))
        self._rows = GrowingRows(len(by_grid) * self._n_grid)

    def append(self, position: int) -> FloatArray:
        """Adds a point; returns its covariances with the earlier ones, shape ``(n_points,)``."""
        surface, code = int(self._pool.surface_codes[position]), int(self._layout.grid_codes[position])
        member = self._layout.grid_members[code]
        row = np.array([self._grid_row(factors, member) for factors in self._grid_factors]).reshape(-1, self._n_grid)
        earlier, grid = np.asarray(self._surfaces, dtype=np.intp), np.asarray(self._grid, dtype=np.intp)
        covariances: FloatArray = np.einsum("it,ti->i", self._between[surface, earlier], row[:, grid])
        if self._flat is not None:
            covariances += self._flat[surface, earlier]
        self._surfaces.append(surface)
        self._grid.append(code)
        self._rows.append(row.reshape(-1))
        return covariances

    def truncate(self, count: int) -> None:
        """Forgets all points but the first ``count``."""
        del self._surfaces[count:], self._grid[count:]
        self._rows.truncate(count)

    def weighted(self, weights: FloatArray) -> FloatArray:
        """Σ_i w_ij k(point i, candidate)."""
        surfaces, at = np.unique(np.asarray(self._surfaces, dtype=np.intp), return_inverse=True)
        n_points, rows = len(self._surfaces), self._rows.view()
        left = self._between[:, surfaces].reshape(len(self._between), -1)
        result = np.empty((weights.shape[1], len(self._pool)))
        for j, column in enumerate(weights.T):
            gather = csr_array((column, (at, np.arange(n_points))), shape=(len(surfaces), n_points))
            total = left @ (gather @ rows).reshape(-1, self._n_grid)
            if self._flat is not None:
                total += (self._flat[:, surfaces] @ np.bincount(at, column, minlength=len(surfaces)))[:, None]
            flat = total.reshape(-1)
            result[j] = flat if self._layout.slots is None else flat[self._layout.slots]
        return result

    def explained(self, lower: FloatArray) -> FloatArray:
        """Variance that the points take from each candidate: squared length of the whitened covariances."""
        return _explained_variance(self.blocks(), lower, len(self._pool))

    def blocks(self) -> Iterator[tuple[slice | IntArray, FloatArray]]:
        """Covariances with all candidates, one block per surface."""
        surfaces = np.asarray(self._surfaces, dtype=np.intp)
        rows = self._rows.view().reshape(len(surfaces), len(self._grid_factors), self._n_grid)
        order, starts = self._layout.order
        for surface in range(len(self._layout.surface_members)):
            positions = order[starts[surface] : starts[surface + 1]]
            on_grid = np.einsum("it,itg->ig", self._between[surfaces, surface], rows)
            if self._flat is not None:
                on_grid += self._flat[surfaces, surface][:, None]
            yield positions, on_grid[:, self._layout.grid_codes[positions]]

    def _grid_row(self, factors: tuple[Factor, ...], position: np.intp) -> FloatArray:
        row = np.ones(len(self._layout.grid_members))
        for factor in factors:
            row *= self._factors.between(factor, int(position))[self._places[factor]]
        return row


def surface_factor(factor: Factor, pool: CandidatePool) -> bool:
    """Returns whether a factor is the same for all candidates of each surface."""
    group = factor_group(factor)
    return group is None or surface_level(pool, group)


def _explained_variance(blocks: Iterable[tuple[slice | IntArray, FloatArray]], lower: FloatArray, count: int) -> FloatArray:
    """Squared length of the whitened covariances of each candidate.

    Args:
        blocks: Candidates and their covariances with the points, shape ``(n_points, block)``, which are overwritten.
        lower: Cholesky factor of the points' covariance matrix, shape ``(n_points, n_points)``.

    Returns:
        Shape ``(count,)``.
    """
    factor = np.asfortranarray(lower)
    total = np.empty(count)
    for block, rows in blocks:
        white = solve_triangular(factor, rows, lower=True, overwrite_b=True, check_finite=False)
        total[block] = np.einsum("ij,ij->j", white, white)
    return total


_COORDINATES = 2**28


class FactorRows:
    """Correlations between one candidate and every distinct row of a factor.

    Scaled coordinates are computed once, of as many factors as fit into 256 MB.

    Args:
        parameters: Parameter values by name.
    """

    def __init__(self, factors: Iterable[Factor], pool: CandidatePool, parameters: Parameters) -> None:
        self._pool, self._parameters = pool, parameters
        self.codes: dict[Factor, IntArray] = {factor: factor_codes(factor, pool) for factor in factors}
        self._counts = {factor: int(codes.max()) + 1 for factor, codes in self.codes.items()}
        self._scaled: dict[Factor, FloatArray] = {}
        left = _COORDINATES
        for factor in self.codes:
            if isinstance(factor, Stationary) and factor.metric != "overlap":
                left -= 8 * pool.groups[factor.group].values.size * (2 if factor.metric == "periodic" else 1)
                if left >= 0:
                    self._scaled[factor] = scaled_coordinates(factor, pool, parameters[factor.lengthscale], slice(None))

    def between(self, factor: Factor, position: int) -> FloatArray:
        """Correlations of a candidate; those of another one are at its place in ``codes``; shape ``(n_distinct,)``."""
        own, count = self.codes[factor][[position]], self._counts[factor]
        scaled = self._scaled.get(factor)
        if scaled is not None and isinstance(factor, Stationary):
            near: FloatArray = correlation(factor.profile, cdist(scaled[own], scaled, "sqeuclidean")[0])
            return near
        row = np.empty(count)
        for begin in range(0, count, _WIDEST):
            rows = np.arange(begin, min(begin + _WIDEST, count), dtype=np.intp)
            row[rows] = factor_matrix(factor, self._pool, self._parameters, own, rows)[0]
        return row
