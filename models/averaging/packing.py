"""A mixture of linear models as named arrays, and back: what weights of a surrogate hold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tansaku.models.averaging.averaging import Average, Member
from tansaku.models.averaging.design import Design
from tansaku.models.averaging.subsets import EMPTY, FloatArray, IntArray


def packed(average: Average) -> dict[str, FloatArray | IntArray]:
    """Named arrays; supports of fewer columns are filled up.

    The training rows are not among them: a prediction does not need them.
    """
    size = max(len(member.columns) for member in average.members)
    count, design = len(average.members), average.design
    columns = np.full((count, size), EMPTY, dtype=np.int64)
    mean, covariance = np.zeros((count, size + 1)), np.zeros((count, size + 1, size + 1))
    for place, member in enumerate(average.members):
        k = len(member.columns)
        columns[place, :k] = member.columns
        mean[place, : k + 1], covariance[place, : k + 1, : k + 1] = member.mean, member.covariance
    return {
        "columns": columns,
        "mean": mean,
        "covariance": covariance,
        "noise": np.array([member.noise for member in average.members]),
        "probability": average.weights,
        "considered": average.considered,
        "x_mean": design.x_mean,
        "x_scale": design.x_scale,
        "y": np.array([design.y_mean, design.y_scale]),
    }


def unpacked(arrays: Mapping[str, NDArray[Any]]) -> Average:
    """The mixture; its design has no rows.

    Raises:
        KeyError: An array is missing.
        ValueError: Arrays do not fit each other.
    """
    x_mean, x_scale = arrays["x_mean"], arrays["x_scale"]
    y_mean, y_scale = (float(value) for value in arrays["y"])
    n = len(x_mean)
    units = tuple((column,) for column in range(n))
    design = Design(np.empty((0, n)), np.empty(0), x_mean, x_scale, y_mean, y_scale, (), units)
    members = []
    for columns, mean, covariance, noise in zip(
        arrays["columns"], arrays["mean"], arrays["covariance"], arrays["noise"], strict=True
    ):
        chosen = columns[columns != EMPTY]
        if np.any((chosen < 0) | (chosen >= n)):
            raise ValueError(f"a support has a column that is none of {n}")
        k = len(chosen) + 1
        # Copies: a view of a larger array is multiplied in another order, which changes last digits.
        members.append(Member(chosen, mean[:k].copy(), covariance[:k, :k].copy(), float(noise)))
    return Average(design, tuple(members), arrays["probability"], np.asarray(arrays["considered"], dtype=np.int64))
