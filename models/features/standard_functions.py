"""Functions with known minima on which optimisers are compared."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tansaku.models.domain.pool import FloatArray

_HEIGHTS = np.array([1.0, 1.2, 3.0, 3.2])
_WIDTHS = np.array(
    [[10, 3, 17, 3.5, 1.7, 8], [0.05, 10, 17, 0.1, 8, 14], [3, 3.5, 1.7, 10, 17, 8], [17, 8, 0.05, 10, 0.1, 14]], dtype=float
)
_CENTRES = 1e-4 * np.array(
    [
        [1312, 1696, 5569, 124, 8283, 5886],
        [2329, 4135, 8307, 3736, 1004, 9991],
        [2348, 1451, 3522, 2883, 3047, 6650],
        [4047, 8828, 8732, 5743, 1091, 381],
    ],
    dtype=float,
)


def hartmann6(points: FloatArray) -> FloatArray:
    """Hartmann's function of six numbers between 0 and 1, lowest at -3.32237 (Dixon and Szegö 1978).

    Args:
        points: Shape ``(n, 6)``.
    """
    distances = (_WIDTHS * (points[:, None, :] - _CENTRES) ** 2).sum(axis=-1)
    return np.asarray(-(_HEIGHTS * np.exp(-distances)).sum(axis=-1), dtype=np.float64)


def ackley(points: FloatArray) -> FloatArray:
    """Ackley's function, lowest at the origin, where it is 0 (Ackley 1987); usually between -32.768 and 32.768.

    Args:
        points: Shape ``(n, d)``.
    """
    near = -20.0 * np.exp(-0.2 * np.sqrt((points**2).mean(axis=-1)))
    return np.asarray(near - np.exp(np.cos(2 * np.pi * points).mean(axis=-1)) + 20.0 + np.e, dtype=np.float64)


STANDARD_FUNCTIONS: dict[str, Callable[[FloatArray], FloatArray]] = {"hartmann6": hartmann6, "ackley": ackley}
