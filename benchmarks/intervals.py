"""Confidence intervals of shares."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

_Z = 1.96


def wilson(share: ArrayLike, count: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Wilson's 95 % interval of shares (Wilson 1927, doi:10.1080/01621459.1927.10502953).

    Args:
        share: Of successes.
        count: Number of trials.

    Returns:
        Lower and upper ends, in the shape of ``share``.
    """
    found = np.asarray(share, dtype=np.float64)
    scale = 1.0 + _Z * _Z / count
    middle = (found + _Z * _Z / (2 * count)) / scale
    half = _Z / scale * np.sqrt(found * (1.0 - found) / count + _Z * _Z / (4 * count * count))
    return middle - half, middle + half
