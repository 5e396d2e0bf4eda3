"""Marks of the axis of gaps."""

import numpy as np
import pytest

from tansaku.tasks.read.figures.convergence import gap_marks


@pytest.mark.parametrize(
    "gaps",
    [[0.31, 0.12, 0.0], [2.3, np.nan, 0.3], [500.0, 3.0, 0.01], [0.8, 0.003], [1e9, 1e-9], [0.0], [np.nan]],
)
def test_every_gap_lies_between_two_of_several_marks(gaps):
    marks, linear = gap_marks(np.array(gaps))
    assert marks[0] == 0.0
    assert marks[-1] >= np.nanmax([*gaps, 0.0])
    assert 4 <= len(marks) <= 14
    assert (np.diff(marks) > 0).all()
    assert linear is None or linear == marks[1]
