"""The curve of the best value as a file."""

import re

import numpy as np
import pytest

from tansaku.tasks.read.figures import best_value
from tansaku.tasks.read.figures.drawing import table_of
from tansaku.tasks.read.figures.style import in_unit
from tansaku.tasks.read.views.best_values import BestValues, best_values
from tansaku.tasks.read.views.campaign import Campaign


def _found(best: list[float], unit: str = "mJ/m2") -> BestValues:
    values = np.array([3.0, np.nan, 2.0, 4.0])
    return BestValues(np.arange(1, 5), np.arange(1.0, 5.0), values, np.array(best), None, None, "band_gap", unit)


@pytest.mark.parametrize(("unit", "title"), [("mJ/m2", "band gap [mJ/m²]"), ("1", "band gap")])
def test_the_axis_has_the_unit(unit, title):
    assert in_unit("band gap", unit) == title


def test_without_a_best_value_the_frame_says_why(tmp_path):
    def texts(best):
        return re.findall(r"<!-- (.*?) -->", best_value.draw_png(_found(best), tmp_path / "best.svg").read_text())

    assert any("no result keeps the limits" in text for text in texts([np.nan] * 4))
    assert not any("limits" in text for text in texts([3.0, 3.0, 2.0, 2.0]))


def test_improvements_are_those_of_the_best(recorded):
    assert _found([3.0, 3.0, 2.0, 2.0]).improved.tolist() == [True, False, True, False]
    found = best_values(Campaign.load(recorded("a1", "b1", "a2"), "small-table"), by_system=True)
    assert found.system.tolist() == ["alpha", "<b>beta</b>", "alpha"]
    names, rows = table_of(found)
    assert names == ["evaluation", "cost", "value", "best", "system", "best_of_system"]
    assert rows[1][5] == rows[1][2]  # the first of its system is its best
    assert rows[2][5] == np.fmin(rows[0][2], rows[2][2])
