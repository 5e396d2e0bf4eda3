"""Log posterior density of a kernel's hyper-parameters, with its analytic gradient.

log p(y | θ) = −½ yᵀK⁻¹y − ½ log|K| − n/2 log 2π and ∂/∂θ = ½ tr[(ααᵀ − K⁻¹) ∂K/∂θ], α = K⁻¹y; Rasmussen & Williams (2006),
eq. 2.30 and 5.9, https://doi.org/10.7551/mitpress/3206.001.0001. All parameters are positive and enter by their logarithm.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import log, pi

import numpy as np
from scipy.linalg import cho_solve, lapack

from tansaku.models.domain.errors import FitError
from tansaku.models.domain.pool import CandidatePool, FloatArray, IntArray
from tansaku.models.engine.kernels import (
    Factor,
    Linear,
    Stationary,
    Task,
    Term,
    coordinates,
    correlation,
    factor_codes,
    log_derivative,
    prior_mean,
    task_correlations,
)

NOISE = "noise"
"""Name of the noise variance among the parameters."""


@dataclass(frozen=True)
class LogNormal:
    """Prior of a positive parameter: its logarithm is normal.

    Attributes:
        centre: Median, shape ``(d,)``.
        width: Deviation of the logarithm.
    """

    centre: FloatArray
    width: float


class LogPosterior:
    """Log marginal likelihood plus log prior as a function of the logarithms of all parameters.

    Args:
        terms: Normal form of the kernel.
        positions: Observed candidates, shape ``(n,)``.
        targets: Their transformed values, shape ``(n,)``.
        priors: One for each parameter of the kernel and for ``noise``.
        variances: Variance that each target has besides the noise all share, shape ``(n,)``, None: none; and the share of
            that noise variance in each target, shape ``(n,)``, None: all of it.
    """

    def __init__(
        self,
        pool: CandidatePool,
        terms: tuple[Term, ...],
        positions: IntArray,
        targets: FloatArray,
        priors: Mapping[str, LogNormal],
        variances: tuple[FloatArray | None, FloatArray | None] = (None, None),
    ) -> None:
        expected = np.broadcast_to(prior_mean(terms, pool, positions), (len(pool),))[positions]
        self._terms, self._targets = terms, targets - expected
        extra, self._shares = variances
        self._extra = np.zeros(len(targets)) if extra is None else extra
        self._rows, self._columns = np.tril_indices(len(positions))
        self._weights = np.where(self._rows == self._columns, 0.5, 1.0)
        self._apart = {
            factor: self._differences(factor, pool, positions) for factor in {f: None for term in terms for f in term.factors}
        }
        # A distance that is zero for all pairs (a group without differences) has no effect.
        equal = {factor for factor, apart in self._apart.items() if isinstance(factor, Stationary) and not apart.any()}
        self._apart = {factor: apart for factor, apart in self._apart.items() if factor not in equal}
        self._factors = [tuple(factor for factor in term.factors if factor not in equal) for term in terms]
        self._slices: dict[str, slice] = {}
        end = 0
        for name, prior in priors.items():
            self._slices[name] = slice(end, end + len(prior.centre))
            end += len(prior.centre)
        self.centre = np.concatenate([np.log(prior.centre) for prior in priors.values()])
        self.width = np.concatenate([np.full(len(prior.centre), prior.width) for prior in priors.values()])

    def pack(self, parameters: Mapping[str, FloatArray]) -> FloatArray:
        """Logarithms of all parameters in one vector; those not given are at their prior's centre."""
        vector = self.centre.copy()
        for name, part in self._slices.items():
            if name in parameters and len(parameters[name]) == part.stop - part.start:
                vector[part] = np.log(parameters[name])
        return vector

    def unpack(self, vector: FloatArray) -> dict[str, FloatArray]:
        """Inverse of :meth:`pack`."""
        return {name: np.exp(vector[part]) for name, part in self._slices.items()}

    def likelihood(self, vector: FloatArray) -> tuple[float, FloatArray]:
        """Log marginal likelihood and its gradient with respect to the logarithms.

        Raises:
            FitError: The covariance matrix is not positive definite.
        """
        parameters = self.unpack(vector)
        squared = self._squared(parameters)
        products, factor, alpha, value = self._solved(parameters, squared)
        noise = float(parameters[NOISE][0])
        inverse, _ = lapack.dpotri(factor, lower=1, overwrite_c=1)
        sensitivity = (alpha[self._rows] * alpha[self._columns] - inverse[self._rows, self._columns]) * self._weights
        gradient = np.zeros(len(vector))
        if self._shares is None:
            gradient[self._slices[NOISE]] = 0.5 * noise * (float(alpha @ alpha) - float(np.trace(inverse)))
        else:
            gradient[self._slices[NOISE]] = 0.5 * noise * float(self._shares @ (np.square(alpha) - np.diagonal(inverse)))
        for term, factors, product in zip(self._terms, self._factors, products, strict=True):
            weighted = sensitivity * product
            total = float(weighted.sum())
            for name in term.variances:
                gradient[self._slices[name]] += total
            for item in factors:
                self._add_gradient(gradient, item, weighted, parameters, squared)
        return value, gradient

    def value(self, vector: FloatArray) -> float:
        """Log marginal likelihood alone, at half the cost. Raises FitError as :meth:`likelihood` does."""
        parameters = self.unpack(vector)
        return self._solved(parameters, self._squared(parameters))[3]

    def misses(self, vector: FloatArray) -> FloatArray:
        """By how much each target differs from the mean that the others predict, shape ``(n,)``.

        Rasmussen & Williams (2006), eq. 5.12. Raises FitError as :meth:`likelihood` does.
        """
        return self._without_each(vector)[0]

    def surprises(self, vector: FloatArray) -> FloatArray:
        """The same in units of the deviation that is expected of it, noise included, shape ``(n,)``."""
        misses, variances = self._without_each(vector)
        return np.asarray(misses / np.sqrt(variances))

    def left_out(self, vector: FloatArray) -> float:
        """Sum over targets of the log density at the target of what the others predict.

        Rasmussen & Williams (2006), eq. 5.10 and 5.11. Raises FitError as :meth:`likelihood` does.
        """
        misses, variances = self._without_each(vector)
        return float(-0.5 * (np.log(2.0 * pi * variances) + np.square(misses) / variances).sum())

    def _without_each(self, vector: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Difference of each target from what the others predict, and the variance of that, noise included."""
        parameters = self.unpack(vector)
        _, factor, alpha, _ = self._solved(parameters, self._squared(parameters))
        inverse, _ = lapack.dpotri(factor, lower=1)
        precisions = np.diagonal(inverse)
        return np.asarray(alpha / precisions), np.asarray(1.0 / precisions)

    def _solved(
        self, parameters: Mapping[str, FloatArray], squared: Mapping[Factor, FloatArray]
    ) -> tuple[list[FloatArray], FloatArray, FloatArray, float]:
        """Value of each term at each pair, Cholesky factor, K⁻¹y and log marginal likelihood."""
        done = {factor: self._correlation(factor, parameters, squared) for factor in self._apart}
        products = []
        for term, factors in zip(self._terms, self._factors, strict=True):
            product = np.full(len(self._rows), term.variance(parameters))
            for item in factors:
                product *= done[item]
            products.append(product)
        noise = float(parameters[NOISE][0])
        n = len(self._targets)
        matrix = np.zeros((n, n), order="F")
        matrix[self._rows, self._columns] = sum(products, np.zeros(len(self._rows)))
        matrix[np.diag_indices(n)] += (noise if self._shares is None else noise * self._shares) + self._extra
        factor, failed = lapack.dpotrf(matrix, lower=1, overwrite_a=1)
        if failed:
            raise FitError(f"the covariance matrix of {n} observations is not positive definite")
        alpha = cho_solve((factor, True), self._targets, check_finite=False)
        value = -0.5 * float(self._targets @ alpha) - float(np.log(np.diagonal(factor)).sum()) - 0.5 * n * log(2.0 * pi)
        return products, factor, alpha, value

    def __call__(self, vector: FloatArray) -> tuple[float, FloatArray]:
        """Log posterior density up to a constant, and its gradient. Raises FitError as :meth:`likelihood` does."""
        value, gradient = self.likelihood(vector)
        off = (vector - self.centre) / self.width
        return value - 0.5 * float(off @ off), gradient - off / self.width

    def _differences(self, factor: Factor, pool: CandidatePool, positions: IntArray) -> FloatArray:
        """Quantities of each pair that a factor depends on, shape ``(m, n_pairs)``.

        Squared differences by column of a stationary one, the codes of both members of a task, else the factor's value.
        """
        codes = factor_codes(factor, pool)[positions]
        first, second = codes[self._rows], codes[self._columns]
        match factor:
            case Stationary():
                return self._by_column(factor, coordinates(factor, pool, codes))
            case Linear():
                z = coordinates(factor, pool, codes)
                return np.asarray(np.einsum("ij,ij->i", z[self._rows], z[self._columns]))[None, :]
            case Task():
                return np.stack([first, second]).astype(np.float64)
            case _:
                return np.asarray(first == second, dtype=np.float64)[None, :]

    def _by_column(self, factor: Stationary, x: FloatArray) -> FloatArray:
        if factor.metric == "overlap":
            apart = np.stack([(column[self._rows] != column[self._columns]).astype(np.float64) for column in x.T])
        else:
            apart = np.stack([np.square(column[self._rows] - column[self._columns]) for column in x.T])
        if factor.metric == "periodic":
            apart = apart[: len(apart) // 2] + apart[len(apart) // 2 :]
        return apart if factor.ard else apart.sum(axis=0, keepdims=True)

    def _squared(self, parameters: Mapping[str, FloatArray]) -> dict[Factor, FloatArray]:
        """Squared scaled distance of each pair by stationary factor."""
        return {
            factor: np.asarray(np.square(1.0 / parameters[factor.lengthscale]) @ apart)
            for factor, apart in self._apart.items()
            if isinstance(factor, Stationary)
        }

    def _correlation(
        self, factor: Factor, parameters: Mapping[str, FloatArray], squared: Mapping[Factor, FloatArray]
    ) -> FloatArray:
        if isinstance(factor, Stationary):
            near: FloatArray = correlation(factor.profile, squared[factor])
            return near
        if isinstance(factor, Task):
            first, second = self._apart[factor].astype(np.intp)
            return np.asarray(task_correlations(parameters[factor.weights].reshape(-1, factor.rank))[first, second])
        fixed: FloatArray = self._apart[factor][0]
        return fixed

    def _add_gradient(
        self,
        gradient: FloatArray,
        factor: Factor,
        weighted: FloatArray,
        parameters: Mapping[str, FloatArray],
        squared: Mapping[Factor, FloatArray],
    ) -> None:
        if isinstance(factor, Stationary):
            apart = self._apart[factor] @ (weighted * log_derivative(factor.profile, squared[factor]))
            gradient[self._slices[factor.lengthscale]] += apart * parameters[factor.lengthscale] ** -2.0
        elif isinstance(factor, Task):
            weights = parameters[factor.weights].reshape(-1, factor.rank)
            first, second = self._apart[factor].astype(np.intp)
            gradient[self._slices[factor.weights]] += _task_gradient(weights, first, second, weighted)


def _task_gradient(weights: FloatArray, first: IntArray, second: IntArray, weighted: FloatArray) -> FloatArray:
    """Σ over pairs of weighted · ∂ log R / ∂ log w, shape ``(n_members * rank,)``."""
    n = len(weights)
    pairs = np.bincount(first * n + second, weighted, minlength=n * n).reshape(n, n)
    pairs = pairs + pairs.T
    np.fill_diagonal(pairs, 0.0)
    shared = weights * ((pairs / (weights @ weights.T)) @ weights)
    own = pairs.sum(axis=1, keepdims=True) * np.square(weights) / (1.0 + np.square(weights).sum(axis=1, keepdims=True))
    return np.asarray(shared - own).reshape(-1)
