"""Conversion between the unit cube, in which candidates are drawn, and values of parameters."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tansaku.models.domain.pool import FloatArray
from tansaku.models.domain.specs.parameters import (
    CategorySpec,
    FractionsSpec,
    NumberSpec,
    ParameterSpec,
    ParametersSpaceSpec,
    WholeNumberSpec,
)

_SLACK = 1e-9


class ParameterValues:
    """Decodes points of the unit cube.

    Columns of values are numbers as they are, categories as their place in the list, and the parts of fractions.

    Args:
        spec: The space.
    """

    def __init__(self, spec: ParametersSpaceSpec) -> None:
        self._spec = spec
        self.columns: tuple[str, ...] = tuple(name for key, kind in spec.parameters.items() for name in _columns(key, kind))
        self.drawn = sum(_drawn(kind) for kind in spec.parameters.values())
        """Dimensions of the unit cube."""
        self.categories = np.array(
            [isinstance(kind, CategorySpec) for kind in spec.parameters.values() for _ in range(_drawn(kind))], dtype=bool
        )
        """Mask of the coordinates that choose a category."""

    def values(self, points: FloatArray) -> FloatArray:
        """Values of points, on their grids, shape ``(n, n_columns)``.

        Args:
            points: Shape ``(n, drawn)``.
        """
        parts, at = [], 0
        for kind in self._spec.parameters.values():
            parts.append(_decoded(kind, points[:, at : at + _drawn(kind)]))
            at += _drawn(kind)
        return np.hstack(parts)

    def meets(self, values: FloatArray) -> FloatArray:
        """Returns whether each row of values meets the constraints, shape ``(n,)``."""
        good = np.ones(len(values), dtype=bool)
        for constraint in self._spec.constraints:
            total = sum(weight * values[:, self.columns.index(name)] for name, weight in constraint.terms.items())
            slack = _SLACK * (1.0 + max(abs(weight) for weight in constraint.terms.values()))
            if constraint.at_most is not None:
                good &= total <= constraint.at_most + slack
            if constraint.at_least is not None:
                good &= total >= constraint.at_least - slack
        return good

    def scaled(self, values: FloatArray) -> FloatArray:
        """Values with each parameter's range from 0 to 1, categories as they are."""
        found = values.copy()
        for name, kind in self._spec.parameters.items():
            if isinstance(kind, NumberSpec | WholeNumberSpec):
                column = self.columns.index(name)
                low, high = float(kind.low), float(kind.high)
                if isinstance(kind, NumberSpec) and kind.log:
                    found[:, column] = np.log(values[:, column] / low) / np.log(high / low)
                else:
                    found[:, column] = (values[:, column] - low) / (high - low)
        return found

    def described(self, row: FloatArray) -> Mapping[str, str | float]:
        """One row of values by column, categories by name."""
        found: dict[str, str | float] = {name: float(value) for name, value in zip(self.columns, row, strict=True)}
        for name, kind in self._spec.parameters.items():
            if isinstance(kind, CategorySpec):
                found[name] = kind.values[int(found[name])]
            elif isinstance(kind, WholeNumberSpec):
                found[name] = int(found[name])
        return found


def _columns(name: str, kind: ParameterSpec) -> tuple[str, ...]:
    return tuple(f"{name}.{part}" for part in kind.parts) if isinstance(kind, FractionsSpec) else (name,)


def _drawn(kind: ParameterSpec) -> int:
    return len(kind.parts) - 1 if isinstance(kind, FractionsSpec) else 1


def _decoded(kind: ParameterSpec, points: FloatArray) -> FloatArray:
    if isinstance(kind, FractionsSpec):
        return _fractions(kind, points)
    first = points[:, :1]
    if isinstance(kind, CategorySpec):
        return np.minimum(np.floor(first * len(kind.values)), len(kind.values) - 1)
    if isinstance(kind, WholeNumberSpec):
        count = kind.high - kind.low + 1
        return kind.low + np.minimum(np.floor(first * count), count - 1)
    value = kind.low * (kind.high / kind.low) ** first if kind.log else kind.low + (kind.high - kind.low) * first
    if kind.step is not None:
        steps = np.floor((kind.high - kind.low) / kind.step + _SLACK)
        value = kind.low + kind.step * np.clip(np.rint((value - kind.low) / kind.step), 0, steps)
    # Rounded, so that the last digit does not depend on the machine.
    return np.asarray(_rounded(np.clip(value, kind.low, kind.high)), dtype=np.float64)


def _fractions(kind: FractionsSpec, points: FloatArray) -> FloatArray:
    """Distances between sorted points of a line are evenly spread over all fractions."""
    ends = np.zeros((len(points), 1)), np.ones((len(points), 1))
    parts = np.diff(np.hstack((ends[0], np.sort(points, axis=1), ends[1])), axis=1)
    if kind.step is None:
        return np.asarray(_rounded(parts), dtype=np.float64)
    count = round(1 / kind.step)
    whole = np.floor(parts * count + _SLACK)
    left = (count - whole.sum(axis=1)).astype(int)
    ranks = np.argsort(np.argsort(-(parts * count - whole), axis=1, kind="stable"), axis=1, kind="stable")
    return np.asarray((whole + (ranks < left[:, None])) / count, dtype=np.float64)


def _rounded(values: FloatArray) -> FloatArray:
    """Twelve significant digits."""
    with np.errstate(divide="ignore"):
        size = np.where(values == 0, 0.0, np.floor(np.log10(np.abs(np.where(values == 0, 1.0, values)))))
    scale = 10.0 ** (11 - size)
    return np.asarray(np.rint(values * scale) / scale, dtype=np.float64)
