"""Sobol' sequences, scrambled as ``scipy.stats.qmc.Sobol`` scrambles them, in few dimensions without ``scipy.stats``.

To import that takes most of a second, more than all else that a command on a space of parameters does.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np

from tansaku.models.domain.pool import FloatArray

_BITS = 30

_NUMBERS = """
3 1; 7 1 3; 11 1 3 1; 13 1 1 1; 19 1 1 3 3; 25 1 3 5 13; 37 1 1 5 5 17; 41 1 1 5 5 5; 47 1 1 7 11 19; 55 1 1 5 1 1;
59 1 1 1 3 11; 61 1 3 5 5 31; 67 1 3 3 9 7 49; 91 1 1 1 15 21 21; 97 1 3 1 13 27 49; 103 1 1 1 15 7 5;
109 1 3 1 15 13 25; 115 1 1 5 5 19 61; 131 1 3 7 11 23 15 103; 137 1 3 7 13 13 15 69; 143 1 1 3 13 7 35 63;
145 1 3 5 9 1 25 53; 157 1 3 1 13 9 35 107; 167 1 3 1 5 27 61 31; 171 1 1 5 11 19 41 61; 185 1 3 5 3 3 13 69;
191 1 1 7 13 1 19 1; 193 1 3 7 5 13 19 59; 203 1 1 3 9 25 29 41; 211 1 3 5 13 23 1 55; 213 1 3 7 3 13 59 17;
229 1 3 1 3 5 53 69; 239 1 1 5 5 23 33 13; 241 1 1 7 7 1 61 123; 247 1 1 7 9 13 61 49; 253 1 3 3 5 3 55 33;
285 1 3 1 15 31 13 49 245; 299 1 3 5 15 31 59 63 97; 301 1 3 1 11 11 11 77 249; 333 1 3 1 11 27 43 71 9;
351 1 1 7 15 21 11 81 45; 355 1 3 7 3 25 31 65 79; 357 1 3 1 1 19 11 3 205; 361 1 1 5 9 19 21 29 157;
369 1 3 7 11 1 33 89 185; 391 1 3 3 3 15 9 79 71; 397 1 3 7 11 15 39 119 27; 425 1 1 3 1 11 31 97 225;
451 1 1 1 3 23 43 57 177; 463 1 3 7 7 17 17 37 71; 487 1 3 1 5 27 63 123 213; 501 1 1 3 5 11 43 53 133;
529 1 3 5 5 29 17 47 173 479; 539 1 3 3 11 3 1 109 9 69; 545 1 1 1 5 17 39 23 5 343; 557 1 3 1 5 25 15 31 103 499;
563 1 1 1 11 11 17 63 105 183; 601 1 1 5 11 9 29 97 231 363; 607 1 1 5 15 19 45 41 7 383; 617 1 3 7 7 31 19 83 137 221;
623 1 1 1 3 23 15 111 223 83; 631 1 1 5 13 31 15 55 25 161; 637 1 1 3 13 25 47 39 87 257
"""
"""A primitive polynomial and its initial direction numbers for each dimension from the second on, by S. Joe and F. Y. Kuo
(https://doi.org/10.1137/070709359), as in ``new-joe-kuo-6``."""

MOST_OWN = _NUMBERS.count(";") + 2
"""Dimensions for which there are numbers here."""


def scrambled_sobol(dimensions: int, rng: np.random.Generator) -> Callable[[int], FloatArray]:
    """Begins a scrambled Sobol' sequence.

    Args:
        dimensions: Of the unit cube.
        rng: Draws the scrambling; nothing else is random.

    Returns:
        What gives the next so many points, one at least, shape ``(n, dimensions)``.
    """
    if dimensions <= MOST_OWN:
        return _ScrambledSobol(dimensions, rng).random
    from scipy.stats import qmc

    sequence = qmc.Sobol(dimensions, scramble=True, rng=rng)

    def random(n: int) -> FloatArray:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a number of points that is no power of two
            return np.asarray(sequence.random(n))

    return random


class _ScrambledSobol:
    """A sequence with a random linear matrix scramble and a digital shift (https://doi.org/10.1006/jcom.1998.0487)."""

    def __init__(self, dimensions: int, rng: np.random.Generator) -> None:
        (rng,) = rng.spawn(1)  # so does SciPy
        shift = rng.integers(2, size=(dimensions, _BITS), dtype=np.uint32)
        lower = np.tril(rng.integers(2, size=(dimensions, _BITS, _BITS), dtype=np.uint32))
        lower[:, np.arange(_BITS), np.arange(_BITS)] = 1
        # Row p of a matrix multiplies the bits of a direction number, the highest first, and gives the bit p of the new one.
        bits = (_directions(dimensions)[:, :, None] >> np.arange(_BITS - 1, -1, -1, dtype=np.uint32)) & 1
        scrambled = np.einsum("dpk,djk->djp", lower, bits) & 1
        self._columns = (scrambled << np.arange(_BITS - 1, -1, -1, dtype=np.uint32)).sum(axis=2, dtype=np.uint32).T
        self._last = (shift << np.arange(_BITS, dtype=np.uint32)).sum(axis=1, dtype=np.uint32)
        self._drawn = 0

    def random(self, n: int) -> FloatArray:
        """The next points."""
        numbers = np.arange(self._drawn, self._drawn + n)
        # A point differs from the one before it in the direction whose place is that of the lowest bit of its number.
        steps = self._columns[np.bitwise_count((numbers - 1) & ~numbers) % _BITS]
        if self._drawn == 0:
            steps[0] = 0  # the first point is the shift
        steps[0] ^= self._last
        np.bitwise_xor.accumulate(steps, axis=0, out=steps)
        self._last = steps[-1].copy()  # no view, which would keep all
        self._drawn += n
        return steps * (1.0 / 2**_BITS)


def _directions(dimensions: int) -> np.ndarray:
    """Direction numbers, shape ``(dimensions, _BITS)``."""
    found = np.ones((dimensions, _BITS), dtype=np.uint32)
    for row, line in zip(found[1:], _NUMBERS.split(";"), strict=False):
        polynomial, *first = map(int, line.split())
        degree = len(first)
        row[:degree] = first
        for j in range(degree, _BITS):
            row[j] = row[j - degree]
            for k in range(1, degree + 1):
                if polynomial >> (degree - k) & 1:
                    row[j] ^= row[j - k] << np.uint32(k)
    return found << np.arange(_BITS - 1, -1, -1, dtype=np.uint32)
