"""Free energy of a set of modes: amplitudes and phases of every channel, and the noise, integrated out.

The model of each channel is ``sum over modes of a column in time times a weight, plus noise``. Weights have a normal prior
of common deviation ``s_w``, the noise the deviation ``s`` with a prior proportional to 1/s, so that it is integrated in closed
form; the logarithm of ``(s_w / s)**2`` has a flat prior on a grid. The grid is our choice.
"""

from __future__ import annotations

import numpy as np
from scipy.special import gammaln, logsumexp

from tansaku.models.averaging.subsets import FloatArray, IntArray, Units
from tansaku.sparse.models.modes.dynamics import ComplexArray, Snapshots
from tansaku.sparse.models.modes.problem import Problem, shape_problem

RATIOS = np.logspace(-3.0, 9.0, 97)
"""Squares of a weight's deviation over the noise's; a weight of 1 has the mean square 1 over the snapshots."""

_EXACT = 1e-14  # share of the data's square below which nothing is left over but rounding errors


class ModeScore:
    """Free energies of sets of units.

    Args:
        snapshots: That are explained.
        eigenvalues: Of all units.
    """

    def __init__(self, snapshots: Snapshots, eigenvalues: ComplexArray) -> None:
        self.problem: Problem = shape_problem(eigenvalues, snapshots)
        self.units = Units(self.problem.n_units)
        self._channels, self._times = snapshots.n_channels, snapshots.n_times

    @property
    def _count(self) -> int:
        return self._channels * self._times

    def energies(self, supports: IntArray) -> FloatArray:
        """Free energies of sets [nats], (n_supports,).

        Args:
            supports: Of units, filled up with EMPTY, (n_supports, size).
        """
        return np.asarray(-logsumexp(self._terms(supports)[0], axis=1) + np.log(len(RATIOS)))

    def noise(self, support: IntArray) -> float:
        """Deviation of the noise: root of the posterior mean of its square."""
        terms, quadratic = self._terms(support[None])
        weights = np.exp(terms[0] - logsumexp(terms[0]))
        return float(np.sqrt(weights @ quadratic[0] / (self._count - 2)))

    def _terms(self, supports: IntArray) -> tuple[FloatArray, FloatArray]:
        """Logarithms of the evidence at each ratio, and the quadratic forms, both (n_supports, n_ratios)."""
        values, squares = self.problem.spectra(supports)
        shrunk = 1.0 / (1.0 + RATIOS[:, None, None] * values * self._times)
        quadratic = self.problem.total - squares.sum(axis=1) + np.einsum("rsk,sk->rs", shrunk, squares)
        quadratic = np.maximum(quadratic, _EXACT * self.problem.total)
        n = self._count
        constant = float(gammaln(n / 2.0)) - np.log(2.0) - 0.5 * n * np.log(np.pi)
        terms = constant - 0.5 * n * np.log(quadratic) + 0.5 * self._channels * np.log(shrunk).sum(axis=2)
        return np.asarray(terms.T), np.asarray(quadratic.T)
