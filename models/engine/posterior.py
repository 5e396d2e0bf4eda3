"""Gaussian-process posterior over a whole pool, updated point by point.

With the Cholesky factor of K + σ²I known for n points, a further point x adds one row to it and one column

    v(·) = [k(x, ·) − k(X, ·)ᵀ (K + σ²I)⁻¹ k(X, x)] / d,   d² = k(x, x) + σ² − |L⁻¹ k(X, x)|²

to the whitened cross-covariances of the pool, so that the variance falls by v². v is a weighted sum of cross-covariances,
which :class:`~tansaku.models.engine.cross.CrossCovariance` evaluates without ever holding the (n x N) whitened matrix.
Rasmussen & Williams (2006), ch. 2 and A.3, https://doi.org/10.7551/mitpress/3206.001.0001.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import sqrt

import numpy as np
from scipy.linalg import blas, cho_solve, lapack, solve_triangular

from tansaku.models.domain.pool import BoolArray, CandidatePool, FloatArray, IntArray
from tansaku.models.engine.cross import MEMORY_LIMIT, cross_covariance
from tansaku.models.engine.device import Device
from tansaku.models.engine.kernels import Parameters, Term, covariance, prior_mean, prior_variance
from tansaku.models.engine.pathwise import FREQUENCIES, PriorSamples
from tansaku.models.engine.threads import in_threads

_FIRST_CAPACITY = 64
_COLUMNS_AT_ONCE = 8
_CANDIDATES_AT_ONCE = 8192


class AppendedCholesky:
    """Cholesky factor of a matrix that grows by one row and column at a time.

    The rows of the lower factor lie one after the other in one array (LAPACK's packed upper storage of its transpose), so that
    a new one is appended without moving the others.

    Args:
        floor: Smallest squared pivot. A point that the others determine up to rounding gets this much extra variance, so
            that the factor always exists.
    """

    def __init__(self, floor: float) -> None:
        self._floor = floor
        self._packed = np.empty(_FIRST_CAPACITY * (_FIRST_CAPACITY + 1) // 2)
        self._count = 0

    def __len__(self) -> int:
        return self._count

    @property
    def lower(self) -> FloatArray:
        """A copy of the factor, shape ``(n, n)``."""
        full = np.zeros((self._count, self._count))
        full[np.tril_indices(self._count)] = self._packed[: self._size(self._count)]
        return full

    def start(self, matrix: FloatArray) -> None:
        """Factorises a whole matrix, shape ``(n, n)``, in place of what was there."""
        factor, failed = lapack.dpotrf(matrix, lower=1)
        self._count = 0
        if failed or np.square(np.diagonal(factor)).min() < self._floor:
            for i in range(len(matrix)):
                self.append(matrix[i, :i], float(matrix[i, i]))
            return
        self._reserve(len(matrix))
        self._count = len(matrix)
        self._packed[: self._size(self._count)] = factor[np.tril_indices(self._count)]

    def append(self, row: FloatArray, diagonal: float) -> FloatArray:
        """Adds a row and returns the weights of its whitened column.

        Args:
            row: Covariances with the earlier points, shape ``(n,)``.
            diagonal: Variance of the new point, noise included.

        Returns:
            Shape ``(n + 1,)``: [−(K⁻¹ row), 1] / d.
        """
        n = self._count
        left = self._solve_lower(row)
        pivot = sqrt(max(diagonal - float(left @ left), self._floor))
        weights = np.ones(n + 1)
        weights[:n] = -self._solve_upper(left)
        self._reserve(n + 1)
        begin = self._size(n)
        self._packed[begin : begin + n] = left
        self._packed[begin + n] = pivot
        self._count += 1
        return weights / pivot

    def truncate(self, count: int) -> None:
        """Forgets all points but the first ``count``."""
        self._count = min(self._count, count)

    def solve(self, right: FloatArray) -> FloatArray:
        """K⁻¹ · right, shape ``(n,)``."""
        return self._solve_upper(self._solve_lower(right))

    def _solve_lower(self, right: FloatArray) -> FloatArray:
        return self._substitute(right, transposed=1)

    def _solve_upper(self, right: FloatArray) -> FloatArray:
        return self._substitute(right, transposed=0)

    def _substitute(self, right: FloatArray, transposed: int) -> FloatArray:
        if not self._count:
            return np.zeros(0)
        packed = self._packed[: self._size(self._count)]
        return np.asarray(blas.dtpsv(self._count, packed, right, lower=0, trans=transposed))

    def _reserve(self, count: int) -> None:
        if self._size(count) > len(self._packed):
            grown = np.empty(max(self._size(count), 2 * len(self._packed)))
            grown[: self._size(self._count)] = self._packed[: self._size(self._count)]
            self._packed = grown

    @staticmethod
    def _size(count: int) -> int:
        return count * (count + 1) // 2


class PoolPosterior:
    """Posterior mean and variance of all candidates of a pool.

    Args:
        terms: Normal form of the kernel.
        parameters: Parameter values by name.
        noise: Variance of an observation about the latent function; must be positive (a jitter where there is no noise).
        memory_limit: Bytes that cached cross-covariances may take.
        device: Where they are computed.
    """

    def __init__(
        self,
        pool: CandidatePool,
        terms: tuple[Term, ...],
        parameters: Parameters,
        noise: float,
        memory_limit: int = MEMORY_LIMIT,
        device: Device = "numpy",
    ) -> None:
        self._pool, self._terms, self._parameters, self._noise = pool, terms, parameters, noise
        self._extra: dict[int, float] = {}
        self._prior = prior_variance(terms, pool, parameters)
        self._cross = cross_covariance(pool, terms, parameters, memory_limit, device)
        self._factor = AppendedCholesky(noise)
        self._points: list[int] = []
        self._alpha: FloatArray = np.empty(0)
        self._expected: FloatArray | float = 0.0
        self._variance = self._prior.copy()

    @property
    def points(self) -> tuple[int, ...]:
        """Positions conditioned on, in order of arrival."""
        return tuple(self._points)

    @property
    def noise(self) -> float:
        """Variance of an observation about the latent function."""
        return self._noise

    def add_variances(self, extra: Mapping[int, float]) -> bool:
        """Sets additional noise variances of some points, such as those of predicted values.

        Args:
            extra: By point.

        Returns:
            False if a point that is already held has a different variance; then nothing is changed.
        """
        if any(extra.get(point, 0.0) != self._extra.get(point, 0.0) for point in self._points):
            return False
        self._extra = dict(extra)
        return True

    def start(self, points: Sequence[int]) -> None:
        """Conditions an empty posterior on many points at once, by triangular solves over blocks of candidates."""
        if not points:
            return
        here = np.asarray(points, dtype=np.intp)
        matrix = covariance(self._terms, self._pool, self._parameters, here, here)
        matrix[np.diag_indices(len(here))] += self._noise
        if self._extra:
            matrix[np.diag_indices(len(here))] += [self._extra.get(point, 0.0) for point in points]
        self._factor.start(matrix)
        self._points = list(points)
        for point in points:
            self._cross.append(point)
        self._variance -= self._cross.explained(self._factor.lower)

    def predict(
        self, points: Sequence[int], fantasies: Sequence[int], targets: FloatArray, known: BoolArray
    ) -> tuple[FloatArray, FloatArray]:
        """Adds points permanently and pending points for this call, and predicts the whole pool.

        A point without a value, pending or failed, counts as measured at the mean that the others predict (kriging believer):
        it lowers the variance and leaves the mean as it is. Ginsbourger, Le Riche & Carraro (2010),
        https://doi.org/10.1007/978-3-642-10701-6_6.

        Args:
            points: New points.
            fantasies: Pending points, removed after the call.
            targets: Values of all points held after this call, in order of arrival, shape ``(n,)``.
            known: Which of them are real; other targets are ignored.

        Returns:
            Latent mean and variance of every candidate, shapes ``(n_candidates,)``.
        """
        columns = [self._append(point) for point in points]
        count, kept = len(columns), len(self._points)
        held = np.asarray(self._points, dtype=np.intp)
        self._expected = prior_mean(self._terms, self._pool, held[known])
        if isinstance(self._expected, np.ndarray):
            targets = targets - self._expected[held]
        alpha = self._alpha = self._believed(targets, known)
        columns += [self._append(point) for point in fantasies]
        weights = np.zeros((len(self._points), len(columns) + 1))
        for j, column in enumerate([*columns, alpha]):
            weights[: len(column), j] = column
        mean = np.zeros(len(self._pool))
        reduced = self._variance
        for begin in range(0, weights.shape[1], _COLUMNS_AT_ONCE):
            part = self._cross.weighted(weights[:, begin : begin + _COLUMNS_AT_ONCE])
            for j, column in enumerate(part, start=begin):
                if j == len(columns):
                    mean = column
                elif j < count:
                    self._variance -= np.square(column)
                else:
                    reduced = reduced - np.square(column)
        self._forget(kept)
        return mean + self._expected, np.maximum(reduced, 0.0)

    @property
    def rounded(self) -> bool:
        """Whether the pool is predicted from covariances in single precision."""
        return self._cross.rounded

    def exactly(self, candidates: IntArray, fantasies: Sequence[int]) -> tuple[FloatArray, FloatArray]:
        """Predicts some candidates in full precision, for the targets of the last :meth:`predict`.

        Args:
            candidates: Positions, shape ``(m,)``.
            fantasies: Pending points, as given to :meth:`predict`.

        Returns:
            Latent mean and variance, shapes ``(m,)``.
        """
        kept = len(self._points)
        for point in fantasies:
            self._append(point)
        points = np.asarray(self._points, dtype=np.intp)
        rows = covariance(self._terms, self._pool, self._parameters, points, candidates)
        mean = self._alpha @ rows[: len(self._alpha)]
        if isinstance(self._expected, np.ndarray):
            mean += self._expected[candidates]
        white = solve_triangular(self._factor.lower, rows, lower=True, check_finite=False)
        self._forget(kept)
        return mean, np.maximum(self._prior[candidates] - np.square(white).sum(axis=0), 0.0)

    def sample_deviation(self, candidates: IntArray, fantasies: Sequence[int], rng: np.random.Generator) -> FloatArray:
        """Returns a joint posterior sample of some candidates, minus their mean.

        Args:
            candidates: Positions, shape ``(m,)``.
            fantasies: Pending points.

        Returns:
            Shape ``(m,)``.
        """
        kept = len(self._points)
        for point in fantasies:
            self._append(point)
        points = np.asarray(self._points, dtype=np.intp)
        rows = covariance(self._terms, self._pool, self._parameters, points, candidates)
        white = solve_triangular(self._factor.lower, rows, lower=True, check_finite=False) if len(points) else rows
        spread = covariance(self._terms, self._pool, self._parameters, candidates, candidates) - white.T @ white
        self._forget(kept)
        values, vectors = np.linalg.eigh(spread)
        return np.asarray(vectors @ (np.sqrt(np.maximum(values, 0.0)) * rng.standard_normal(len(candidates))))

    def covariance_between(self, left: IntArray, right: IntArray, fantasies: Sequence[int] = ()) -> FloatArray:
        """Posterior covariance of the latent function between candidates.

        Args:
            left: Positions, shape ``(n_left,)``.
            right: Positions, shape ``(n_right,)``.
            fantasies: Pending points.

        Returns:
            Shape ``(n_left, n_right)``.
        """
        kept = len(self._points)
        for point in fantasies:
            self._append(point)
        points = np.asarray(self._points, dtype=np.intp)
        prior = covariance(self._terms, self._pool, self._parameters, left, right)
        if len(points):
            lower = self._factor.lower
            white = [
                solve_triangular(
                    lower, covariance(self._terms, self._pool, self._parameters, points, side), lower=True, check_finite=False
                )
                for side in ((left,) if right is left else (left, right))
            ]
            prior -= white[0].T @ white[-1]
        self._forget(kept)
        return prior

    def paths(
        self,
        candidates: IntArray,
        fantasies: Sequence[int],
        rng: np.random.Generator,
        count: int,
        frequencies: int = FREQUENCIES,
    ) -> FloatArray:
        """Posterior samples of many candidates minus their mean, by Matheron's rule (:mod:`~tansaku.models.engine.pathwise`).

        Args:
            candidates: Positions, shape ``(m,)``.
            fantasies: Pending points.
            count: Number of samples.
            frequencies: Of the prior's samples.

        Returns:
            Shape ``(count, m)``, in single precision.

        Raises:
            ConfigurationError: The kernel is not stationary.
        """
        kept = len(self._points)
        for point in fantasies:
            self._append(point)
        prior = PriorSamples(self._terms, self._pool, self._parameters, rng, count, frequencies)
        drawn = prior.at(candidates, np.float32)
        if self._points:
            points = np.asarray(self._points, dtype=np.intp)
            spread = np.sqrt(self._noise + np.array([self._extra.get(point, 0.0) for point in self._points]))
            seen = prior.at(points).T + spread[:, None] * rng.standard_normal((len(points), count))
            weights = cho_solve((self._factor.lower, True), seen, check_finite=False)

            def correct(begin: int) -> None:
                here = slice(begin, begin + _CANDIDATES_AT_ONCE)
                near = covariance(self._terms, self._pool, self._parameters, points, candidates[here])
                drawn[:, here] -= weights.T @ near

            in_threads(correct, range(0, len(candidates), _CANDIDATES_AT_ONCE), len(candidates))
        self._forget(kept)
        return np.asarray(drawn)

    def _append(self, point: int) -> FloatArray:
        diagonal = float(self._prior[point]) + self._noise + self._extra.get(point, 0.0)
        weights = self._factor.append(self._cross.append(point), diagonal)
        self._points.append(point)
        return weights

    def _forget(self, count: int) -> None:
        del self._points[count:]
        self._factor.truncate(count)
        self._cross.truncate(count)

    def _believed(self, targets: FloatArray, known: BoolArray) -> FloatArray:
        """K⁻¹·targets with unknown targets such that their own weight is zero, shape ``(n,)``."""
        if not len(targets):
            return np.zeros(0)
        alpha = self._factor.solve(np.where(known, targets, 0.0))
        if known.all():
            return alpha
        unknown = np.flatnonzero(~known)
        columns = np.stack([self._factor.solve(unit) for unit in np.eye(len(targets))[unknown]], axis=1)
        alpha -= columns @ np.linalg.solve(columns[unknown], alpha[unknown])
        alpha[unknown] = 0.0
        return alpha
