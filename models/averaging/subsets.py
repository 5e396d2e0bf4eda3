"""Supports of one size in colexicographic order, in which the number of columns of the table does not enter.

The rank of the support ``c_1 < c_2 < … < c_k`` is the sum of ``binomial(c_i, i)``.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import comb, lgamma

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

EMPTY = -1
"""Fills rows of supports that have fewer members than the array has columns."""


@dataclass(frozen=True)
class Units:
    """Units of which supports consist: columns or groups, numbered from 0, of which none is nearer to another than the rest.

    Attributes:
        count: Their number.
    """

    count: int

    @property
    def n_bins(self) -> int:
        """Number of bins in which a sampled search counts the members of supports."""
        return self.count

    def bins(self, units: IntArray) -> IntArray:
        """The bin of each unit."""
        return units

    def neighbours(self, units: IntArray, rng: np.random.Generator) -> IntArray | None:
        """A unit near each given one, EMPTY where it would lie outside; None: units have no neighbours.

        The probability of going from one unit to another is that of going back.
        """
        del units, rng
        return None


def log_binomial(n: int, k: int) -> float:
    """Logarithm of the number of supports of ``k`` of ``n``; no overflow at any size."""
    return lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1)


def log_prior(n_units: int, largest: int) -> FloatArray:
    """Logarithm of the prior probability of one support, by its size.

    Every size has the same probability and every support of a size the same share of it, which corrects for the number of
    supports.
    """
    return np.array([-np.log(largest + 1) - log_binomial(n_units, size) for size in range(largest + 1)])


def number_of_supports(n: int, largest: int) -> int:
    """Number of supports with at most ``largest`` of ``n`` members, the empty one included."""
    return sum(comb(n, size) for size in range(min(n, largest) + 1))


def rank(supports: IntArray) -> IntArray:
    """Colexicographic ranks.

    Args:
        supports: Sorted members, all of one size, (n_supports, size).
    """
    ranks = np.zeros(len(supports), dtype=np.int64)
    for place in range(supports.shape[1]):
        ranks += _binomials(int(supports.max(initial=0)) + 1, place + 1)[supports[:, place]]
    return ranks


def unrank(ranks: IntArray, n: int, size: int) -> IntArray:
    """Members of supports, sorted, (n_supports, size).

    Args:
        ranks: Colexicographic ranks.
        n: Number of columns.
        size: Number of members.
    """
    rest = np.array(ranks, dtype=np.int64)
    members = np.empty((len(rest), size), dtype=np.int64)
    for place in range(size, 0, -1):
        table = _binomials(n, place)
        chosen = np.searchsorted(table, rest, side="right") - 1
        members[:, place - 1] = chosen
        rest -= table[chosen]
    return members


def _binomials(n: int, k: int) -> IntArray:
    return np.array([comb(column, k) for column in range(n)], dtype=np.int64)
