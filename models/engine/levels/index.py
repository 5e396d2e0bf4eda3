"""Index of buying a candidate's full value, or a look at a cheaper level first, for minimisation.

The index of a full value of f is the g that solves E[(g − f)₊] = λ c: what a value below g is worth, at λ for a unit of cost,
just pays for itself (Weitzman 1979, https://doi.org/10.2307/1910412; Xie et al. 2024, https://doi.org/10.48550/arXiv.2406.20062).
The index of a look is the g that solves E_z[max(0, E[(g − f)₊ | z] − λ c_rest)] = λ c_look: after the look's value z the full
value is bought only where it still pays. The lowest index is bought. With looks that may be left out, the problem is hard
(https://doi.org/10.48550/arXiv.2507.07508): this rule looks two purchases ahead and promises no optimum.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr, ndtri

from tansaku.models.domain.pool import FloatArray, IntArray
from tansaku.models.engine.acquisition import expected_improvement

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(32)
_HALVINGS = 44
AT_ONCE = 256
"""Candidates whose looks are judged at once: the covariances of all with all are needed."""
_SQRT_2PI = float(np.sqrt(2.0 * np.pi))
_REACH = 8.0
_GRID = np.linspace(-_REACH, _REACH, 8193)
_TINY = 1e-12


_STANDARD = np.zeros(1), np.ones(1)
_LOG_GAIN = np.log(np.maximum(expected_improvement(*_STANDARD, _GRID), np.finfo(np.float64).tiny))


def unit_gain_inverse(gain: FloatArray) -> FloatArray:
    """The u at which E[(u − z)₊] for a standard normal z has a value, any shape; no less than −8."""
    return np.where(gain > _REACH, gain, np.interp(np.log(np.maximum(gain, np.finfo(np.float64).tiny)), _LOG_GAIN, _GRID))


@dataclass(frozen=True)
class Belief:
    """Prediction of candidates' full values; several models are a mixture.

    Attributes:
        mean: Shape ``(n_models, n)``.
        deviation: Positive, shape ``(n_models, n)``.
        weights: Of the models, the sum is one, shape ``(n_models,)``.
    """

    mean: FloatArray
    deviation: FloatArray
    weights: FloatArray

    def take(self, candidates: IntArray) -> Belief:
        """The belief about some of the candidates."""
        return Belief(self.mean[:, candidates], self.deviation[:, candidates], self.weights)

    def gain(self, level: FloatArray) -> FloatArray:
        """E[(g − f)₊] at a g for each candidate, shape ``(n,)``."""
        return np.asarray(self.weights @ expected_improvement(self.mean, self.deviation, level))


def full_index(belief: Belief, price: FloatArray) -> FloatArray:
    """The g with E[(g − f)₊] = price.

    Args:
        belief: About n candidates.
        price: λ c, positive, shape ``(n,)``.
    """
    each = belief.mean + belief.deviation * unit_gain_inverse(price / belief.deviation)
    if len(belief.weights) == 1:
        return np.asarray(each[0])
    # The gain of a mixture lies between the smallest and the largest of its members.
    return _solved(belief.gain, price, each.min(axis=0), each.max(axis=0))


def look_index(belief: Belief, informed: FloatArray, look: FloatArray, rest: FloatArray) -> FloatArray:
    """The g with E_z[max(0, E[(g − f)₊ | z] − rest)] = look.

    Args:
        belief: About n candidates.
        informed: Deviation of the mean of f that the look's value causes, at most the belief's, shape ``(n_models, n)``.
        look: λ c_look, positive, shape ``(n,)``.
        rest: λ c_rest of the full value after the look, shape ``(n,)``.
    """
    left = left_after(belief, informed)
    bought = unit_gain_inverse(rest / left)

    def worth(level: FloatArray) -> FloatArray:
        lowest = (level - belief.mean - left * bought) / np.maximum(informed, _TINY)

        def gain(z: FloatArray) -> FloatArray:
            moved = belief.mean[:, :, None] + informed[:, :, None] * z
            return expected_improvement(moved, left[:, :, None], level[:, None]) - rest[:, None]

        return np.asarray(belief.weights @ _up_to(lowest, gain))

    # At worst the look says nothing and the full value is bought in any case.
    return _solved(worth, look, least_look_index(belief, look, rest), full_index(belief, look + rest))


def least_look_index(belief: Belief, look: FloatArray, rest: FloatArray) -> FloatArray:
    """The index of a look that would tell the full value: no real look's index is lower. Arguments as of :func:`look_index`."""
    return full_index(belief, look) + rest


def cheapest_look(
    belief: Belief, informed: Callable[[IntArray], FloatArray], look: FloatArray, rest: FloatArray, below: float
) -> tuple[float, int]:
    """The candidate whose look has the lowest index.

    Indices are computed in the order of their lower bounds and no further than needed: of 10^5 candidates a few hundred.

    Args:
        belief: About n candidates.
        informed: Gives what a look tells of some candidates, shape ``(n_models, m)``.
        look: As for :func:`look_index`; infinite where no look can be bought.
        rest: As for :func:`look_index`.
        below: Only indices below this one are of interest.

    Returns:
        The index and the candidate; infinity and −1 if none is below.
    """
    bounds = np.full(len(look), np.inf)
    open_ = np.flatnonzero(np.isfinite(look))
    bounds[open_] = least_look_index(belief.take(open_), look[open_], rest[open_])
    order = open_[np.argsort(bounds[open_], kind="stable")]
    best, candidate = below, -1
    for begin in range(0, len(order), AT_ONCE):
        part = order[begin : begin + AT_ONCE]
        part = part[bounds[part] < best]
        if not len(part):
            break
        indices = look_index(belief.take(part), informed(part), look[part], rest[part])
        place = int(np.argmin(indices))
        if indices[place] < best:
            best, candidate = float(indices[place]), int(part[place])
    return (best, candidate) if candidate >= 0 else (np.inf, -1)


def full_ratio(belief: Belief, threshold: float, cost: FloatArray) -> FloatArray:
    """Probability that a full value is below a threshold, for a unit of cost, shape ``(n,)``."""
    return np.asarray(belief.weights @ ndtr((threshold - belief.mean) / belief.deviation) / cost)


def look_ratio(belief: Belief, informed: FloatArray, threshold: float, look: FloatArray, rest: FloatArray) -> FloatArray:
    """The r with E_z[max(0, P(f < threshold | z) − r c_rest)] = r c_look.

    Args:
        belief: About n candidates.
        informed: As for :func:`look_index`.
        threshold: Below which values are wanted.
        look: c_look, positive, shape ``(n,)``.
        rest: c_rest, positive, shape ``(n,)``.
    """
    left = left_after(belief, informed)

    def left_over(ratio: FloatArray) -> FloatArray:
        price = ratio * rest
        lowest = (threshold - belief.mean - left * ndtri(np.clip(price, 0.0, 1.0))) / np.maximum(informed, _TINY)

        def chance(z: FloatArray) -> FloatArray:
            away = threshold - belief.mean[:, :, None] - informed[:, :, None] * z
            return np.asarray(ndtr(away / left[:, :, None]) - price[:, None])

        return np.asarray(ratio * look - belief.weights @ _up_to(lowest, chance))

    # The full value's own chance bounds what can be found.
    return _solved(left_over, np.zeros(len(look)), np.zeros(len(look)), full_ratio(belief, threshold, look))


def left_after(belief: Belief, informed: FloatArray) -> FloatArray:
    """Deviation of full values after a look, shape ``(n_models, n)``."""
    return np.asarray(np.sqrt(np.maximum(np.square(belief.deviation) - np.square(informed), np.square(_TINY))))


def _up_to(highest: FloatArray, function: Callable[[FloatArray], FloatArray]) -> FloatArray:
    """∫ function(z) N(z) dz up to the z from which on it is not positive; the function may have a kink there.

    Args:
        highest: Shape ``(n_models, n)``.
        function: Of z, shape ``(n_models, n, n_nodes)``.
    """
    half = 0.5 * (np.clip(highest, -_REACH, _REACH) + _REACH)
    z = half[:, :, None] * (_NODES + 1.0) - _REACH
    return np.asarray((function(z) * np.exp(-0.5 * np.square(z))) @ _WEIGHTS * half / _SQRT_2PI)


def _solved(function: Callable[[FloatArray], FloatArray], wanted: FloatArray, low: FloatArray, high: FloatArray) -> FloatArray:
    """Argument at which an increasing function of each candidate has the wanted value, by bisection."""
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        under = function(middle) < wanted
        low, high = np.where(under, middle, low), np.where(under, high, middle)
    return 0.5 * (low + high)
