"""Usual methods find a strong signal, and are placed by the score."""

import numpy as np
import pytest

from tansaku.models.averaging.design import Constraints, Design
from tansaku.sparse.models.search.methods import METHODS, choice, stepwise
from tansaku.sparse.models.search.scores import linear_score


@pytest.fixture
def table():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 8))
    return x, 3.0 * x[:, 2] - 2.0 * x[:, 5] + 0.1 * rng.normal(size=60)


@pytest.mark.parametrize("name", METHODS)
def test_a_strong_signal_is_found(table, name, require):
    require("sklearn")
    score = linear_score("free_energy", Design.of(*table))
    support, energy, _ = choice(METHODS[name], score, 4)
    assert support == (2, 5)
    assert energy == pytest.approx(score.energies(np.array([[2, 5]]))[0])


def test_units_are_those_that_are_free(table):
    score = linear_score("bic", Design.of(*table, Constraints(excluded=(0, 1))))
    assert choice(stepwise, score, 3)[0] == (0, 3)
