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
_ROUNDED = 0.005
"""Reported fractions may add up to one with this error: they are written with few digits."""

_LARGEST = 1e12


class ParameterValues:
    """Decodes points of the unit cube.

    Columns of values are numbers as they are, categories as their place in the list, and the parts of fractions.

    Args:
        spec: The space.
    """

    def __init__(self, spec: ParametersSpaceSpec) -> None:
        self._spec = spec
        self.columns: tuple[str, ...] = tuple(name for key, kind in spec.parameters.items() for name in columns_of(key, kind))
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

    def row(self, cells: Mapping[str, str | float]) -> FloatArray:
        """Values of described cells, on no grid and perhaps outside the ranges, shape ``(n_columns,)``.

        Raises:
            ValueError: A parameter is missing, is not of its kind, or has no logarithm where its scale is logarithmic.
        """
        missing = [name for name in self.columns if name not in cells]
        if missing:
            raise ValueError(f"{', '.join(missing)} must be given too")
        found = [value for name, kind in self._spec.parameters.items() for value in _values_of(name, kind, cells)]
        return np.array(found, dtype=np.float64)

    def point(self, row: FloatArray) -> FloatArray:
        """The nearest point of the unit cube, shape ``(drawn,)``.

        Args:
            row: Values, shape ``(n_columns,)``.
        """
        parts, at = [], 0
        for name, kind in self._spec.parameters.items():
            end = at + len(columns_of(name, kind))
            parts.append(_encoded(kind, row[at:end]))
            at = end
        return np.clip(np.concatenate(parts), 0.0, 1.0)

    def described(self, row: FloatArray) -> Mapping[str, str | float]:
        """One row of values by column, categories by name."""
        found: dict[str, str | float] = {name: float(value) for name, value in zip(self.columns, row, strict=True)}
        for name, kind in self._spec.parameters.items():
            if isinstance(kind, CategorySpec):
                found[name] = kind.values[int(found[name])]
            elif isinstance(kind, WholeNumberSpec):
                found[name] = int(found[name])
        return found


def columns_of(name: str, kind: ParameterSpec) -> tuple[str, ...]:
    """Columns of values of one parameter."""
    return tuple(f"{name}.{part}" for part in kind.parts) if isinstance(kind, FractionsSpec) else (name,)


def _drawn(kind: ParameterSpec) -> int:
    return len(kind.parts) - 1 if isinstance(kind, FractionsSpec) else 1


def _values_of(name: str, kind: ParameterSpec, cells: Mapping[str, str | float]) -> list[float]:
    """Values of one parameter as a report describes them. Raises ValueError."""
    if isinstance(kind, CategorySpec):
        if cells[name] not in kind.values:
            raise ValueError(f"{name}: {cells[name]!r} is not a known category; expected one of {', '.join(kind.values)}")
        return [float(kind.values.index(str(cells[name])))]
    values = [float(cells[column]) for column in columns_of(name, kind)]
    if not all(abs(value) <= _LARGEST for value in values):
        raise ValueError(f"{name}: expected at most {_LARGEST:g}")
    if isinstance(kind, FractionsSpec) and (min(values) < 0 or abs(sum(values) - 1) > _ROUNDED):
        raise ValueError(
            f"{name}: fractions {', '.join(f'{value:g}' for value in values)}; expected positive ones with the sum 1"
        )
    if isinstance(kind, WholeNumberSpec) and not values[0].is_integer():
        raise ValueError(f"{name}: {values[0]:g} is not a whole number")
    if isinstance(kind, NumberSpec) and kind.log and values[0] <= 0:
        raise ValueError(f"{name}: {values[0]:g}; its scale is logarithmic, expected a positive number")
    return values


def _encoded(kind: ParameterSpec, values: FloatArray) -> FloatArray:
    """Coordinates in the unit cube, perhaps outside it, at which one parameter has these values."""
    if isinstance(kind, FractionsSpec):
        return np.cumsum(values)[:-1]
    if isinstance(kind, CategorySpec):
        return (values + 0.5) / len(kind.values)
    if isinstance(kind, WholeNumberSpec):
        return (values - kind.low + 0.5) / (kind.high - kind.low + 1)
    if kind.log:
        return np.asarray(np.log(values / kind.low) / np.log(kind.high / kind.low))
    return (values - kind.low) / (kind.high - kind.low)


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
