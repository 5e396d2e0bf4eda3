"""Elimination gives determinants and residual squares, however a level is kept and however many tables go together."""

from dataclasses import replace

import numpy as np
import pytest

from tansaku.models.averaging import sweep as module
from tansaku.models.averaging.subsets import unrank
from tansaku.models.averaging.sweep import Moments, sweep, sweep_together

PARTS = ("log_pivots", "residual", "test_residual")


def tables(columns: int = 9, rows: int = 14) -> list[Moments]:
    """One table with three ridges, and rows that are predicted."""
    rng = np.random.default_rng(3)
    x, y, u, v = rng.normal(size=(rows, columns)), rng.normal(size=rows), rng.normal(size=(5, columns)), rng.normal(size=5)
    plain = Moments(x.T @ x, x.T @ y, float(y @ y), np.diag(x.T @ x).copy(), u.T @ u, u.T @ v, float(v @ v))
    return [replace(plain, gram=plain.gram + ridge * np.eye(columns)) for ridge in (0.0, 0.3, 5.0)]


@pytest.mark.parametrize("required", [0, 2])
def test_determinants_and_squares_are_those_of_each_support(required):
    fixed = np.arange(required)
    for moments in tables():
        for size, level in enumerate(sweep(moments, 4, required)):
            supports = unrank(np.arange(len(level.residual)), 9 - required, size) + required
            for place, support in enumerate(supports):
                own = np.concatenate([fixed, support])
                gram, projection = moments.gram[np.ix_(own, own)], moments.projection[own]
                weights = np.linalg.solve(gram, projection)
                predicted = weights @ moments.test_gram[np.ix_(own, own)] @ weights
                predicted += moments.test_square - 2.0 * weights @ moments.test_projection[own]
                assert level.log_pivots[place] == pytest.approx(np.linalg.slogdet(gram)[1] if len(own) else 0.0, abs=1e-10)
                assert level.residual[place] == pytest.approx(moments.square - projection @ weights, abs=1e-10)
                assert level.test_residual[place] == pytest.approx(predicted, abs=1e-9)


@pytest.mark.parametrize("at_once", [0, 200, 10_000_000])
def test_neither_company_nor_storage_changes_a_bit(at_once, monkeypatch):
    expected = [sweep(moments, 5) for moments in tables()]
    monkeypatch.setattr(module, "_AT_ONCE", at_once)
    for size, level in enumerate(sweep_together(tables(), 5)):
        for number, alone in enumerate(expected):
            for part in PARTS:
                assert np.array_equal(getattr(level, part)[:, number], getattr(alone[size], part))
