"""Virtual data have the model's columns and noise."""

import numpy as np
import pytest

from tansaku.models.averaging.design import Design
from tansaku.sparse.models.search.virtual import Recovery, VirtualModel, enough


def test_data_are_drawn_from_the_model():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(50, 4))
    design = Design.of(x, x[:, 1] + 0.5 * rng.normal(size=50))
    model = VirtualModel.of(design, (1,))
    same, y = model.draw(50, rng)
    assert np.array_equal(same, design.x)
    drawn, y = model.draw(4000, rng)
    assert np.corrcoef(drawn[:, 1], y)[0, 1] == pytest.approx(np.corrcoef(design.x[:, 1], design.y)[0, 1], abs=0.03)


def test_classes_are_drawn_too():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 3))
    model = VirtualModel.of(Design.of(x, (x[:, 0] > 0.0).astype(float), classes=True), (0,), classes=True)
    drawn, y = model.draw(500, rng)
    assert set(y) == {0.0, 1.0}
    assert ((drawn[:, 0] > 0.0) == y).mean() > 0.8


def test_shares_and_rows_that_are_enough():
    few = Recovery.of(20, {1, 2}, [{1, 2}, {1, 3}, {1, 2, 3}, {1}])
    assert (few.support, few.size, few.contained) == (0.25, 0.5, 0.5)
    many = Recovery.of(40, {1}, [{1}] * 10)
    assert enough([few, many]) == 40
    assert enough([few]) is None
