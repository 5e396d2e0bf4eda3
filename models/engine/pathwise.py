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
from tansaku.models.engine.kernels import Parameters, Profile, Stationary, Term, coordinates, scales

FREQUENCIES = 512
"""Random frequencies of each product of correlations."""

_ROWS = 1024
"""Points at once: their phases stay in the processor's cache."""

Floats = npt.NDArray[np.floating]

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
        frequencies: Of each factor in its coordinates, which are not scaled, shapes ``(n_frequencies, d)``.
        shifts: Shape ``(n_frequencies, 1)``.
        weights: Of each sample, the term's deviation included, shape ``(n_samples, n_frequencies)``.
    """

    factors: tuple[Stationary, ...]
    frequencies: tuple[Floats, ...]
    shifts: Floats
    weights: Floats

    def as_type(self, dtype: type[np.floating]) -> _Waves:
        """Returns the samples with arrays of another precision."""
        frequencies = tuple(waves.astype(dtype) for waves in self.frequencies)
        return _Waves(self.factors, frequencies, self.shifts.astype(dtype), self.weights.astype(dtype))


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
            Shape ``(n_samples, n)``.
        """
        parts = [part.as_type(dtype) for part in self._parts]
        total = np.zeros((self._count, len(candidates)), dtype=dtype)
        for begin in range(0, len(candidates), _ROWS):
            here = candidates[begin : begin + _ROWS]
            places: dict[Stationary, Floats] = {}
            for part in parts:
                total[:, begin : begin + _ROWS] += self._part(part, here, places)
        return total

    def _draw(self, term: Term, rng: np.random.Generator, frequencies: int) -> _Waves:
        factors = tuple(factor for factor in term.factors if isinstance(factor, Stationary))
        drawn = []
        for factor in factors:
            width = coordinates(factor, self._pool, slice(0, 1)).shape[1]
            waves = rng.standard_normal((width, frequencies))
            if factor.profile != "rbf":
                smoothness = _SMOOTHNESS[factor.profile]
                # The spectral density is a multivariate t of twice as many degrees of freedom.
                waves /= np.sqrt(rng.gamma(smoothness, 1.0 / smoothness, frequencies))
            drawn.append(waves.T / scales(factor, self._parameters[factor.lengthscale], width))
        deviation = np.sqrt(term.variance(self._parameters) * (2.0 / frequencies if factors else 1.0))
        weights = deviation * rng.standard_normal((frequencies if factors else 1, self._count))
        shifts = 2.0 * np.pi * rng.random(frequencies)
        return _Waves(factors, tuple(drawn), shifts[:, None], np.ascontiguousarray(weights.T))

    def _part(self, part: _Waves, candidates: IntArray, places: dict[Stationary, Floats]) -> Floats:
        """Values of one product; ``places`` has the coordinates that were needed before."""
        if not part.factors:
            return np.broadcast_to(part.weights, (self._count, len(candidates)))
        phases = np.broadcast_to(part.shifts, (len(part.shifts), len(candidates))).copy()
        for factor, waves in zip(part.factors, part.frequencies, strict=True):
            known = Stationary(factor.group, "", metric=factor.metric, period=factor.period)
            if known not in places:
                rows = self._pool.groups[factor.group].index[candidates]
                places[known] = coordinates(factor, self._pool, rows).astype(waves.dtype).T
            phases += waves @ places[known]
        np.cos(phases, out=phases)
        return np.asarray(part.weights @ phases)
