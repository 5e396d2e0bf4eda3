"""The Bayesian free energy of a linear model, with the noise and the size of the weights integrated over log grids.

The model is ``y = b + X_c w + e`` with standardised columns and target, a flat prior of the intercept b, independent normal
weights of deviation ``s_w`` and noise of deviation ``s``. Both deviations have priors proportional to 1/s on finite bounds,
the same for every support, the empty one included (after Igarashi 2018, doi:10.7566/JPSJ.87.044802; the bounds are our
choice).

The integral runs over ``s`` and ``r = (s_w / s)**2``: at fixed r the determinant and the quadratic form Q do not depend on s,
so the integral over s is a function of Q alone and is tabulated once per r.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

from tansaku.models.averaging.subsets import FloatArray

_NODES = 512
_AT_ONCE = 1_000_000  # numbers held in memory for a list of supports
_SMALLEST = 1e-6  # of Q, in units of the noise's lower bound: below it the integral does not change


@dataclass(frozen=True)
class NoiseGrid:
    """Bounds and steps of the deviations, in units of the target's deviation.

    Attributes:
        noise: Smallest and largest deviation of the noise.
        weight: Smallest and largest deviation of a weight.
        step: Step of ``s_w / s`` [decades].
    """

    noise: tuple[float, float] = (1e-3, 2.0)
    weight: tuple[float, float] = (0.03, 10.0)
    step: float = 0.125

    @cached_property
    def ratios(self) -> FloatArray:
        """Grid of ``(s_w / s)**2``, the midpoints of equal steps of its logarithm."""
        low, high = np.log10(self.weight[0] / self.noise[1]), np.log10(self.weight[1] / self.noise[0])
        count = max(1, round((high - low) / self.step))
        edges = np.linspace(low, high, count + 1)
        return np.asarray(10.0 ** (edges[1:] + edges[:-1]))

    @property
    def _log_step(self) -> float:
        low, high = np.log(self.weight[0] / self.noise[1]), np.log(self.weight[1] / self.noise[0])
        return float((high - low) / len(self.ratios))


class NoiseIntegral:
    """Logarithm of the integral over the noise, as a function of Q, one row per ratio.

    Args:
        grid: Bounds and steps.
        n_rows: Number of rows of the table.
    """

    def __init__(self, grid: NoiseGrid, n_rows: int) -> None:
        self.grid = grid
        self.n_rows = n_rows
        self._start = float(np.log(_SMALLEST * n_rows * grid.noise[0] ** 2))
        self._step = (np.log(1.001 * n_rows) - self._start) / (_NODES - 1)
        nodes = self._start + self._step * np.arange(_NODES)
        rows = [self._row(ratio, nodes) for ratio in grid.ratios]
        self._values = np.concatenate([value for value, _ in rows])
        self._slopes = np.concatenate([slope for _, slope in rows]) * self._step

    def _row(self, ratio: float, nodes: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Values and derivatives at the nodes of log Q."""
        grid, root = self.grid, np.sqrt(ratio)
        low = np.log(max(grid.noise[0], grid.weight[0] / root))
        high = np.log(min(grid.noise[1], grid.weight[1] / root))
        count = int(max(200, 12 * np.sqrt(self.n_rows) * (high - low)))
        step = (high - low) / count
        log_noise = low + step * (np.arange(count) + 0.5)
        half_precision = 0.5 * np.exp(-2.0 * log_noise)
        exponents = -(self.n_rows - 1) * log_noise - np.exp(nodes)[:, None] * half_precision
        values = logsumexp(exponents, axis=1)
        slopes = -np.exp(nodes) * (np.exp(exponents - values[:, None]) @ half_precision)
        area = np.log(grid.noise[1] / grid.noise[0]) * np.log(grid.weight[1] / grid.weight[0])
        constant = np.log(step) + np.log(grid._log_step) - np.log(area)
        constant -= 0.5 * (self.n_rows - 1) * np.log(2.0 * np.pi) + 0.5 * np.log(self.n_rows)
        return values + constant, slopes

    def __call__(self, place: int, quadratic: FloatArray) -> FloatArray:
        """Cubic interpolation in log Q.

        Args:
            place: Number of the ratio.
            quadratic: Q of supports.
        """
        return self._interpolated(quadratic, place * _NODES)

    def _interpolated(self, quadratic: FloatArray, first: int | NDArray[np.int64]) -> FloatArray:
        """Interpolates in the tables laid end to end; ``first`` is where the table of each value begins."""
        position = (np.log(np.maximum(quadratic, 1e-300)) - self._start) / self._step
        position = np.clip(position, 0.0, _NODES - 1.000001)
        left = position.astype(np.int64)
        t = position - left
        left += first
        values, slopes = self._values, self._slopes
        v0, s0, s1 = values[left], slopes[left], slopes[left + 1]
        change = values[left + 1] - v0
        return np.asarray(v0 + t * (s0 + t * (3.0 * change - 2.0 * s0 - s1 + t * (s0 + s1 - 2.0 * change))))

    def free_energies(self, eigenvalues: FloatArray, squares: FloatArray, total: float) -> FloatArray:
        """Free energies from the spectra of Gram matrices.

        Args:
            eigenvalues: Of the Gram matrices, 0 for missing members, (n_supports, size).
            squares: Squared projections of the target on the left singular vectors, (n_supports, size).
            total: Square of the target.
        """
        ratios = self.grid.ratios
        at_once = max(1, _AT_ONCE // (len(ratios) * max(1, eigenvalues.shape[1])))
        result = np.empty(len(eigenvalues))
        first = _NODES * np.arange(len(ratios))[:, None]
        for start in range(0, len(result), at_once):
            part = slice(start, start + at_once)
            inverse = 1.0 / (1.0 + ratios[:, None, None] * eigenvalues[part])
            quadratic = total - squares[part].sum(axis=1) + np.einsum("rsk,sk->rs", inverse, squares[part])
            terms = self._interpolated(np.maximum(quadratic, 0.0), first) + 0.5 * np.log(inverse).sum(axis=2)
            top = terms.max(axis=0)
            result[part] = -top - np.log(np.exp(terms - top).sum(axis=0))
        return result


@lru_cache(maxsize=8)
def noise_integral(grid: NoiseGrid, n_rows: int) -> NoiseIntegral:
    """The tabulated integral; repeated searches of tables with as many rows share it."""
    return NoiseIntegral(grid, n_rows)
