"""Prior of a target given one source, and the fit of their correlation, with matrices of the size of the target's data.

With S the covariance of the source's observations y (noise and mean's variance included), B that between them and the target's
candidates, and c the correlation of source and target, conditioning on the source leaves the target with

    mean  c Bᵀ S⁻¹ y,   covariance  K + s − c² Bᵀ S⁻¹ B,

K being the target's own covariance and s the variance of its unknown mean. Only c is fitted to the target, so the likelihood of
all values is a constant times that of the target's values under this process: what
:func:`~tansaku.models.engine.transfer.modes.fit_coupling` maximises, on matrices as small as the target's data.
"""

from __future__ import annotations

from math import log, pi

import numpy as np
from scipy.linalg import cho_solve, lapack

from benchmarks.composition.statistics.posterior import Prior
from tansaku.models.domain.errors import ConfigurationError, FitError
from tansaku.models.domain.pool import FloatArray, IntArray
from tansaku.models.engine.kernels import Parameters, covariance
from tansaku.models.engine.likelihood import NOISE
from tansaku.models.engine.transfer.extended import COUPLING
from tansaku.models.engine.transfer.modes import SHIFT_VARIANCE, Family, most_probable_coupling, priors


class CoupledPrior:
    """Prior of a target conditioned on one source, as a function of their correlation.

    Args:
        family: Target and source.
        parameters: Fitted to the source alone.

    Raises:
        ConfigurationError: There are several sources.
        FitError: The source's covariance matrix is not positive definite.
    """

    def __init__(self, family: Family, parameters: Parameters) -> None:
        if len(family.sources) != 1:
            raise ConfigurationError(f"statistics: {len(family.sources)} sources of transfer, expected one")
        extended = family.extended
        own, behind = np.arange(extended.n_target), extended.positions
        within = covariance(family.uncoupled, extended.pool, parameters, behind, behind) + SHIFT_VARIANCE
        self._noise = float(parameters[NOISE][0])
        within[np.diag_indices(len(behind))] += self._noise
        factor = _cholesky(within)
        # The source's own likelihood: a constant, but the fit's tolerance is relative to the whole.
        self._constant = _log_density(factor, extended.targets, cho_solve((factor, True), extended.targets))
        between = covariance(family.uncoupled, extended.pool, parameters, behind, own)
        self._mean = between.T @ cho_solve((factor, True), extended.targets)
        self._explained = between.T @ cho_solve((factor, True), between)
        self._covariance = covariance(family.uncoupled, extended.pool, parameters, own, own) + SHIFT_VARIANCE
        self._lengthscale = priors(extended, family.terms)[COUPLING]

    def at(self, lengthscale: float) -> Prior:
        """The target's process for a lengthscale l of the correlation exp(−1/2l²); infinite: wholly correlated."""
        c = float(np.exp(-0.5 / lengthscale**2))
        return Prior(c * self._mean, self._covariance - c * c * self._explained, self._noise)

    def fit(self, positions: IntArray, targets: FloatArray) -> float:
        """Most probable lengthscale for some of the target's values.

        Args:
            positions: Observed candidates, shape ``(n,)``.
            targets: Their standardised values, shape ``(n,)``.

        Raises:
            FitError: The fit failed.
        """
        chosen = np.ix_(positions, positions)
        own = self._covariance[chosen] + self._noise * np.eye(len(positions))
        explained, expected = self._explained[chosen], self._mean[positions]

        def likelihood(vector: FloatArray) -> tuple[float, FloatArray]:
            inverse_square = float(np.exp(-2.0 * vector[0]))
            c = float(np.exp(-0.5 * inverse_square))
            factor = _cholesky(own - c * c * explained)
            missed = targets - c * expected
            alpha = cho_solve((factor, True), missed, check_finite=False)
            value = self._constant + _log_density(factor, missed, alpha)
            inverse, _ = lapack.dpotri(factor, lower=1)
            inverse = np.tril(inverse) + np.tril(inverse, -1).T
            sensitivity = float(alpha @ explained @ alpha) - float((inverse * explained).sum())
            slope = float(alpha @ expected) - c * sensitivity
            return value, np.array([slope * c * inverse_square])

        lengthscales, _ = most_probable_coupling(likelihood, self._lengthscale)
        return float(lengthscales[0])


def _cholesky(matrix: FloatArray) -> FloatArray:
    factor, failed = lapack.dpotrf(matrix, lower=1)
    if failed:
        raise FitError(f"the covariance matrix of {len(matrix)} observations is not positive definite")
    return np.asarray(factor)


def _log_density(factor: FloatArray, values: FloatArray, solved: FloatArray) -> float:
    """Logarithm of a normal density, from the Cholesky factor of its covariance and K⁻¹ · values."""
    return -0.5 * float(values @ solved) - float(np.log(np.diagonal(factor)).sum()) - 0.5 * len(values) * log(2.0 * pi)
