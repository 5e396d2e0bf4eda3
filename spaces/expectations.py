"""Expectations of candidates in a space's file, from their columns."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt

from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.pool import EXPECTED, Expectation, FeatureGroup, FloatArray
from tansaku.models.domain.specs.prefers import PrefersSpec

_REACH = 0.1
"""Deviation of the bell curve by which an expectation fades beyond its range, in units of the column's range."""

Cells = npt.NDArray[np.float64] | npt.NDArray[np.str_]


def expectation(
    spec: PrefersSpec | None, cells: Callable[[], Mapping[str, Cells]], in_ranges: Callable[[str, FloatArray], FloatArray]
) -> Expectation | None:
    """Returns what is expected of candidates; None where nothing is.

    Args:
        spec: Of the space.
        cells: Gives numbers or texts of all candidates by column, shape ``(n_candidates,)`` each.
        in_ranges: Gives values of a column of numbers in units of its range, same shape.

    Raises:
        ConfigurationError: A column is not known, or not of the kind that is expected, or no candidate has a text.
    """
    if spec is None:
        return None
    known, columns = cells(), []
    for name, good in spec.within.items():
        if name not in known:
            raise ConfigurationError(f"space.prefers.within: {name!r} is not known; expected one of {', '.join(known)}")
        own, (first, *rest) = known[name], good
        if (own.dtype.kind == "f") != isinstance(first, float):
            expected = "a range such as [500, 700]" if own.dtype.kind == "f" else "a list of names"
            raise ConfigurationError(f"space.prefers.within.{name}: {list(good)!r}; expected {expected}")
        columns.append(
            _near(in_ranges, name, own, spec.ranges[name]) if name in spec.ranges else _among(name, own, [first, *rest])
        )
    rows = np.column_stack(columns)
    return Expectation(FeatureGroup.compact(EXPECTED, rows, np.arange(len(rows)), tuple(spec.within)), spec.weight)


def _near(in_ranges: Callable[[str, FloatArray], FloatArray], name: str, own: Cells, good: tuple[float, float]) -> FloatArray:
    """Returns 1 within the range, less the farther a value is from it."""
    values, bounds = in_ranges(name, np.asarray(own, dtype=np.float64)), in_ranges(name, np.array(good))
    beyond = np.maximum(np.maximum(bounds[0] - values, values - bounds[1]), 0.0)
    if beyond.min() > _REACH:
        raise ConfigurationError(
            f"space.prefers.within.{name}: no candidate is near {good[0]:g} to {good[1]:g}; "
            f"there are {own.min():g} to {own.max():g}"
        )
    return np.asarray(np.exp(-0.5 * np.square(beyond / _REACH)))


def _among(name: str, own: Cells, good: list[float | str]) -> FloatArray:
    """Returns 1 for the texts that are named, else 0."""
    there = np.unique(own).tolist()
    unknown = next((text for text in good if text not in there), None)
    if unknown is not None:
        raise ConfigurationError(f"space.prefers.within.{name}: {unknown!r} is not known; expected some of {', '.join(there)}")
    return np.isin(own, good).astype(np.float64)
