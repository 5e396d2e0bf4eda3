"""A smooth surface through the values on a periodic grid."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import distance_transform_edt, map_coordinates, spline_filter

from tansaku.models.domain.pool import FloatArray, PeriodicGrid

_STEP = 0.02
"""Displacement of finite differences [Å]."""


class PeriodicSpline:
    """A periodic cubic spline through values on a grid.

    Args:
        values: Of every candidate; infinite ones are walls.
        grid: The unfolded grid.
        cell: Cell vectors as rows [Å].
        slope: Rise of the surface inside walls, where nothing is known [1/Å].

    Attributes:
        coefficients: Of its B-splines, shape of the grid.
        inverse: Of ``cell``.
    """

    def __init__(self, values: FloatArray, grid: PeriodicGrid, cell: FloatArray, slope: float) -> None:
        known = np.where(grid.members >= 0, values[grid.members], np.inf).reshape(grid.shape)
        open_ = np.isfinite(known)
        around = [(count // 2, count // 2) for count in grid.shape]
        steps = np.linalg.norm(cell, axis=1) / np.array(grid.shape)
        depth = distance_transform_edt(np.pad(~open_, around, mode="wrap"), sampling=steps)
        inner = tuple(slice(before, before + count) for (before, _), count in zip(around, grid.shape, strict=True))
        filled = np.where(open_, known, known[open_].max() + slope * depth[inner])
        self.coefficients: FloatArray = spline_filter(filled, order=3, mode="grid-wrap")
        self._shape = np.array(grid.shape, dtype=np.float64)
        self.inverse: FloatArray = np.asarray(np.linalg.inv(cell), dtype=np.float64)

    def at(self, places: FloatArray) -> FloatArray:
        """Values at Cartesian positions [Å], shape ``(n, 3)``."""
        points = (places @ self.inverse * self._shape).T
        return np.asarray(map_coordinates(self.coefficients, points, order=3, mode="grid-wrap", prefilter=False))

    def derivatives(self, places: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Gradients [1/Å] and second derivatives [1/Å²] at Cartesian positions [Å], by finite differences.

        Args:
            places: Shape ``(n, 3)``.

        Returns:
            Shapes ``(n, 3)`` and ``(n, 3, 3)``.
        """
        axes = _STEP * np.eye(3)
        pairs = [(first, second) for first in range(3) for second in range(first)]
        around = [np.zeros(3), *axes, *-axes]
        for first, second in pairs:
            around += [sign * axes[first] + other * axes[second] for sign in (1, -1) for other in (1, -1)]
        shifted = places[:, None, :] + np.array(around)
        found = self.at(shifted.reshape(-1, 3)).reshape(shifted.shape[:2])
        gradients = (found[:, 1:4] - found[:, 4:7]) / (2.0 * _STEP)
        second_ = np.zeros((len(places), 3, 3))
        diagonal = np.arange(3)
        second_[:, diagonal, diagonal] = (found[:, 1:4] + found[:, 4:7] - 2.0 * found[:, :1]) / _STEP**2
        for number, (first, second) in enumerate(pairs):
            both = found[:, 7 + 4 * number : 11 + 4 * number] @ np.array([1.0, -1.0, -1.0, 1.0]) / (4.0 * _STEP**2)
            second_[:, first, second] = second_[:, second, first] = both
        return gradients, second_
