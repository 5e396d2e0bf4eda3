"""What an estimator of a curve takes."""

import numpy as np
import pytest

from tansaku.sparse.models.curves import positions_of, values_of


def test_one_column_of_positions():
    assert positions_of([[1], [2]], "times").tolist() == [1.0, 2.0]
    for x, message in (
        (np.arange(3.0), r"X of shape \(3,\): expected times of shape \(n_points, 1\)"),
        (np.ones((3, 2)), r"X of shape \(3, 2\)"),
        ([[1.0], [np.nan]], "X has values that are not finite real numbers"),
        ([[1.0], [2j]], "X has values that are not finite real numbers"),
        ([["a"], ["b"]], "X has values that are not finite real numbers"),
    ):
        with pytest.raises(ValueError, match=message):
            positions_of(x, "times")


def test_a_value_at_each_position():
    assert values_of([1, 2], 2).tolist() == [1.0, 2.0]
    assert values_of(np.ones((2, 3)), 2).shape == (2, 3)
    for y, message in (
        ([1.0], r"y of shape \(1,\): expected a value at each of 2 points"),
        (np.ones((2, 1, 1)), r"y of shape \(2, 1, 1\)"),
        ([1.0, np.inf], "y has values that are not finite real numbers"),
    ):
        with pytest.raises(ValueError, match=message):
            values_of(y, 2)
