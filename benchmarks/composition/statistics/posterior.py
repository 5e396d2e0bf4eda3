"""Gaussian-process posteriors over one pool for many searches at once, updated point by point.

The same recursion as in :mod:`tansaku.models.engine.posterior`, with the whole covariance of a small pool at hand and one more
axis for the searches: a point x with value y changes mean and variance of every candidate by

    v(·) = [k(x, ·) − Σ_i v_i(x) v_i(·)] / d,   d² = k(x, x) + σ² − Σ_i v_i(x)²,   m += v (y − m(x)) / d,   s² −= v².

Rasmussen & Williams (2006), ch. 2 and A.3, https://doi.org/10.7551/mitpress/3206.001.0001.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tansaku.models.domain.pool import BoolArray, FloatArray, IntArray


@dataclass(frozen=True)
class Prior:
    """A Gaussian process over a pool before any of its candidates is observed, standardised.

    Attributes:
        mean: Shape ``(n_candidates,)``.
        covariance: Shape ``(n_candidates, n_candidates)``.
        noise: Variance of an observation about the latent function, positive.
    """

    mean: FloatArray
    covariance: FloatArray
    noise: float


class BatchPosterior:
    """Posterior of every candidate in each of several searches; all searches have made the same number of evaluations.

    Args:
        n_searches: How many.
        n_candidates: Size of the pool.
        most: Most evaluations of a search.
    """

    def __init__(self, n_searches: int, n_candidates: int, most: int) -> None:
        self._covariance = np.zeros((n_searches, n_candidates, n_candidates))
        self._noise = np.ones(n_searches)
        self._white = np.zeros((n_searches, most, n_candidates))
        self._count = 0
        self._mean = np.zeros((n_searches, n_candidates))
        self._variance = np.zeros((n_searches, n_candidates))

    @property
    def mean(self) -> FloatArray:
        """Latent means, shape ``(n_searches, n_candidates)``."""
        return self._mean

    @property
    def variance(self) -> FloatArray:
        """Latent variances, shape ``(n_searches, n_candidates)``."""
        return np.maximum(self._variance, 0.0)

    @property
    def noise(self) -> FloatArray:
        """Variance of an observation, shape ``(n_searches,)``."""
        return self._noise

    def restart(self, search: int, prior: Prior) -> None:
        """Gives a search another prior; its evaluations must be added again with :meth:`tell`."""
        self._covariance[search], self._noise[search] = prior.covariance, prior.noise
        self._mean[search], self._variance[search] = prior.mean, np.diagonal(prior.covariance)

    def tell(self, searches: IntArray, points: IntArray, values: FloatArray, known: BoolArray) -> None:
        """Conditions restarted searches on all evaluations so far.

        Args:
            searches: Which, shape ``(n,)``.
            points: Positions in order of evaluation, shape ``(n, count)``.
            values: Standardised values, same shape.
            known: Which of them count, same shape.
        """
        for at in range(self._count):
            self._update(searches, at, points[:, at], values[:, at], known[:, at])

    def append(self, points: IntArray, values: FloatArray, known: BoolArray) -> None:
        """One more evaluation of every search.

        Args:
            points: Positions, shape ``(n_searches,)``.
            values: Standardised values, same shape.
            known: Searches in which it counts; in the others nothing changes. Same shape.
        """
        self._update(slice(None), self._count, points, values, known)
        self._count += 1

    def covariance_between(self, search: int, left: IntArray, right: IntArray) -> FloatArray:
        """Posterior covariance of the latent function in one search, shape ``(n_left, n_right)``."""
        white = self._white[search, : self._count]
        return np.asarray(self._covariance[search][np.ix_(left, right)] - white[:, left].T @ white[:, right])

    def _update(self, searches: IntArray | slice, at: int, points: IntArray, values: FloatArray, known: BoolArray) -> None:
        each = np.arange(len(points))
        white, noise = self._white[searches, :at], self._noise[searches]
        row = self._covariance[searches][each, points] - (white[each, :, points][:, None, :] @ white)[:, 0]
        # As in AppendedCholesky: a point that the others determine up to rounding gets this much variance of its own.
        pivot = np.sqrt(np.maximum(row[each, points] + noise, noise))
        row = np.where(known[:, None], row / pivot[:, None], 0.0)
        missed = np.where(known, (values - self._mean[searches][each, points]) / pivot, 0.0)
        self._white[searches, at] = row
        self._mean[searches] += row * missed[:, None]
        self._variance[searches] -= np.square(row)
