"""Posterior samples of very many points, path by path: a sample of the prior everywhere, corrected by what was observed.

Matheron's rule: f(·) + k(·, X) (K + σ²I)⁻¹ (y - f(X) - ε) is a sample of the posterior where f is one of the prior and ε one of
the noise (Wilson et al. 2020, http://proceedings.mlr.press/v119/wilson20a.html). Samples of the prior are sums of cosines with
random frequencies from the spectral density of each product of correlations (Rahimi & Recht 2007, Advances in Neural
Information Processing Systems 20), so that their cost is linear in the number of points. The more frequencies, the nearer
is their covariance to the kernel's; the correction is exact.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.pool import CandidatePool, FloatArray, IntArray
from tansaku.models.engine.kernels import Parameters, Profile, Stationary, Term, scaled_coordinates

FREQUENCIES = 512
"""Random frequencies of each product of correlations."""

_ROWS = 8192
"""Points at once."""

_SMOOTHNESS: dict[Profile, float] = {"matern12": 0.5, "matern32": 1.5, "matern52": 2.5}


def check_stationary(terms: Sequence[Term]) -> None:
    """Raises ConfigurationError unless all terms are products of stationary correlations."""
    for factor in (factor for term in terms for factor in term.factors):
        if not isinstance(factor, Stationary) or factor.metric == "overlap":
            raise ConfigurationError(
                "objective.goal.sampling: pathwise, but parts of the kernel are no correlations by distance; expected lowest"
            )


@dataclass(frozen=True)
class _Waves:
    """Samples of one product of correlations.

    Attributes:
        factors: Its correlations.
        frequencies: Of each factor in its scaled coordinates, shapes ``(d, n_frequencies)``.
        shifts: Shape ``(n_frequencies,)``.
        weights: Of each sample, the term's deviation included, shape ``(n_frequencies, n_samples)``.
    """

    factors: tuple[Stationary, ...]
    frequencies: tuple[FloatArray, ...]
    shifts: FloatArray
    weights: FloatArray


class PriorSamples:
    """Samples of a kernel's prior that can be evaluated at any candidate.

    Args:
        terms: Normal form of the kernel; see :func:`check_stationary`.
        pool: The pool.
        parameters: Parameter values by name.
        rng: Source of randomness.
        count: Number of samples.
        frequencies: Of each term.
    """

    def __init__(
        self,
        terms: Sequence[Term],
        pool: CandidatePool,
        parameters: Parameters,
        rng: np.random.Generator,
        count: int,
        frequencies: int = FREQUENCIES,
    ) -> None:
        check_stationary(terms)
        self._pool, self._parameters, self._count = pool, parameters, count
        self._parts = [self._draw(term, rng, frequencies) for term in terms]

    def at(self, candidates: IntArray, dtype: type[np.floating] = np.float64) -> FloatArray:
        """Values at some candidates.

        Args:
            candidates: Positions, shape ``(n,)``.
            dtype: Of the arithmetic; single precision takes half of the time.

        Returns:
            Shape ``(n, n_samples)``.
        """
        total = np.zeros((len(candidates), self._count), dtype=dtype)
        for begin in range(0, len(candidates), _ROWS):
            here = candidates[begin : begin + _ROWS]
            for part in self._parts:
                total[begin : begin + _ROWS] += self._part(part, here, dtype)
        return total

    def _draw(self, term: Term, rng: np.random.Generator, frequencies: int) -> _Waves:
        factors = tuple(factor for factor in term.factors if isinstance(factor, Stationary))
        drawn = []
        for factor in factors:
            width = scaled_coordinates(factor, self._pool, self._parameters[factor.lengthscale], slice(0, 1)).shape[1]
            waves = rng.standard_normal((width, frequencies))
            if factor.profile != "rbf":
                smoothness = _SMOOTHNESS[factor.profile]
                # The spectral density is a multivariate t of twice as many degrees of freedom.
                waves /= np.sqrt(rng.gamma(smoothness, 1.0 / smoothness, frequencies))
            drawn.append(waves)
        deviation = np.sqrt(term.variance(self._parameters) * (2.0 / frequencies if factors else 1.0))
        weights = deviation * rng.standard_normal((frequencies if factors else 1, self._count))
        return _Waves(factors, tuple(drawn), 2.0 * np.pi * rng.random(frequencies), weights)

    def _part(self, part: _Waves, candidates: IntArray, dtype: type[np.floating]) -> npt.NDArray[np.floating]:
        weights = part.weights.astype(dtype)
        if not part.factors:
            return np.broadcast_to(weights, (len(candidates), self._count))
        phases = np.broadcast_to(part.shifts.astype(dtype), (len(candidates), len(part.shifts))).copy()
        for factor, waves in zip(part.factors, part.frequencies, strict=True):
            rows = self._pool.groups[factor.group].index[candidates]
            places = scaled_coordinates(factor, self._pool, self._parameters[factor.lengthscale], rows)
            phases += places.astype(dtype) @ waves.astype(dtype)
        np.cos(phases, out=phases)
        return np.asarray(phases @ weights)
