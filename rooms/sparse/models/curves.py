"""Data of estimators that explain a curve: one column of positions, and a value at each of them."""

from __future__ import annotations

import numpy as np

from tansaku.models.averaging.subsets import FloatArray


def positions_of(x: FloatArray, what: str) -> FloatArray:
    """The one column of an estimator's ``X``, (n_points,).

    Args:
        x: (n_points, 1).
        what: Name of the positions, for the message.

    Raises:
        ValueError: It has another shape, or values that are not finite real numbers.
    """
    found = np.asarray(x)
    if found.ndim != 2 or found.shape[1] != 1:
        raise ValueError(f"X of shape {found.shape}: expected {what} of shape (n_points, 1)")
    return _finite(found[:, 0], "X")


def values_of(y: FloatArray, count: int) -> FloatArray:
    """The values of a curve or of several, (n_points,) or (n_points, n_channels).

    Args:
        count: Number of positions.

    Raises:
        ValueError: There are more or fewer, or some are not finite real numbers.
    """
    found = np.asarray(y)
    if found.ndim not in (1, 2) or len(found) != count:
        raise ValueError(f"y of shape {found.shape}: expected a value at each of {count} points")
    return _finite(found, "y")


def _finite(values: FloatArray, name: str) -> FloatArray:
    if values.dtype.kind not in "fiu" or not np.isfinite(values).all():
        raise ValueError(f"{name} has values that are not finite real numbers")
    return values.astype(np.float64)
