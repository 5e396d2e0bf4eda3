"""Posterior samples of very many points, path by path: a sample of the prior everywhere, corrected by what was observed.

Matheron's rule: f(·) + k(·, X) (K + σ²I)⁻¹ (y - f(X) - ε) is a sample of the posterior where f is one of the prior and ε one of
the noise (Wilson et al. 2020, http://proceedings.mlr.press/v119/wilson20a.html). Samples of the prior are sums of cosines
and sines with random frequencies from the spectral density of each product of correlations (Rahimi & Recht 2007, Advances in
Neural Information Processing Systems 20), so that their cost is linear in the number of points. The more frequencies, the
nearer is their covariance to the kernel's; the correction is exact. A cosine and a sine of one frequency (Sutherland &
Schneider 2015, https://arxiv.org/abs/1506.02785), with frequencies that are orthogonal in groups (Yu et al. 2016,
https://arxiv.org/abs/1610.09072), come nearer to it than as many cosines with random phases.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np
import numpy.typing as npt

from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.pool import CandidatePool, FloatArray, IntArray
from tansaku.models.engine.kernels import Parameters, Profile, Stationary, Term, coordinates, scales
from tansaku.models.engine.threads import in_threads

FREQUENCIES = 192
"""Random frequencies of each product of correlations."""

_ROWS = 512
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
        weights: Of each sample for the cosines, then for the sines, the term's deviation included, shape
            ``(n_samples, 2 * n_frequencies)``; without factors of the constant, shape ``(n_samples, 1)``.
    """

    factors: tuple[Stationary, ...]
    frequencies: tuple[Floats, ...]
    weights: Floats

    def as_type(self, dtype: type[np.floating]) -> _Waves:
        """Returns the samples with arrays of another precision."""
        frequencies = tuple(waves.astype(dtype) for waves in self.frequencies)
        return _Waves(self.factors, frequencies, self.weights.astype(dtype))


class PriorSamples:
    """Samples of a kernel's prior that can be evaluated at any candidate.

    Args:
        terms: Normal form of the kernel; see :func:`check_stationary`.
        parameters: Parameter values by name.
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

        def fill(begin: int) -> None:
            here = candidates[begin : begin + _ROWS]
            places: dict[Stationary, Floats] = {}
            for part in parts:
                total[:, begin : begin + _ROWS] += self._part(part, here, places)

        in_threads(fill, range(0, len(candidates), _ROWS), len(candidates))
        return total

    def _draw(self, term: Term, rng: np.random.Generator, frequencies: int) -> _Waves:
        factors = tuple(factor for factor in term.factors if isinstance(factor, Stationary))
        drawn = []
        for factor in factors:
            width = coordinates(factor, self._pool, slice(0, 1)).shape[1]
            waves = _orthogonal(rng, width, frequencies)
            if factor.profile != "rbf":
                smoothness = _SMOOTHNESS[factor.profile]
                # The spectral density is a multivariate t of twice as many degrees of freedom.
                waves /= np.sqrt(rng.gamma(smoothness, 1.0 / smoothness, (frequencies, 1)))
            drawn.append(waves / scales(factor, self._parameters[factor.lengthscale], width))
        deviation = np.sqrt(term.variance(self._parameters) / (frequencies if factors else 1))
        weights = deviation * rng.standard_normal((self._count, 2 * frequencies if factors else 1))
        return _Waves(factors, tuple(drawn), weights)

    def _part(self, part: _Waves, candidates: IntArray, places: dict[Stationary, Floats]) -> Floats:
        """Values of one product; ``places`` has the coordinates that were needed before."""
        if not part.factors:
            return np.broadcast_to(part.weights, (self._count, len(candidates)))
        phases: Floats | None = None
        for factor, waves in zip(part.factors, part.frequencies, strict=True):
            known = Stationary(factor.group, "", metric=factor.metric, period=factor.period)
            if known not in places:
                rows = self._pool.groups[factor.group].index[candidates]
                places[known] = coordinates(factor, self._pool, rows).astype(waves.dtype).T
            angles = waves @ places[known]
            phases = angles if phases is None else np.add(phases, angles, out=phases)
        if phases is None:
            raise AssertionError("a product has factors")
        count = len(phases)
        both = np.empty((2 * count, len(candidates)), dtype=phases.dtype)
        np.cos(phases, out=both[:count])
        np.sin(phases, out=both[count:])
        return np.asarray(part.weights @ both)


def _orthogonal(rng: np.random.Generator, width: int, count: int) -> FloatArray:
    """Normally distributed vectors, of which each ``width`` in a row are orthogonal, shape ``(count, width)``."""
    groups = [_rotation(rng, width) for _ in range(ceil(count / width))]
    lengths = np.linalg.norm(rng.standard_normal((count, width)), axis=1, keepdims=True)
    return np.asarray(np.concatenate(groups)[:count] * lengths)


def _rotation(rng: np.random.Generator, width: int) -> FloatArray:
    """A random orthogonal matrix, all of which are equally probable."""
    matrix, triangle = np.linalg.qr(rng.standard_normal((width, width)))
    return np.asarray(matrix * np.sign(triangle.diagonal()))
