"""Data of figures as tables."""

from dataclasses import dataclass

import numpy as np
import pytest

from tansaku.tasks.read.figures.drawing import table_of


@dataclass
class Curve:
    name: str
    x: np.ndarray
    y: np.ndarray
    limits: tuple[float, float] = (0.0, 1.0)


TWO = Curve("a", np.array([1.0, 2.0, 3.0]), np.array([4.0, 5.0, 6.0]))


@pytest.mark.parametrize(
    ("data", "names", "rows"),
    [
        (TWO, ["x", "y"], [[1.0, 4.0], [2.0, 5.0], [3.0, 6.0]]),
        ([TWO, Curve("b", np.array([7.0] * 3), np.array([8.0] * 3))], ["name", "x", "y"], None),
        ((), [], []),
        (Curve("empty", np.array([]), np.array([]), ()), [], []),
    ],
)
def test_arrays_of_one_length_are_columns(data, names, rows):
    found, body = table_of(data)
    assert found == names
    if rows is None:
        assert [row[0] for row in body] == ["a", "a", "a", "b", "b", "b"]
    else:
        assert body == rows
