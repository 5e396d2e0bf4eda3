from math import comb

import numpy as np
import pytest

from benchmarks.composition.statistics.curves import (
    any_found,
    best_ones,
    random_any_found,
    random_share_found,
    share_found,
)


@pytest.mark.parametrize(("n", "m"), [(7, 1), (9, 3), (5, 5), (4, 4)])
def test_random_searches_are_counted_exactly(n, m):
    expected = [1 - comb(n - m, t) / comb(n, t) for t in range(1, n + 1)]
    assert random_any_found(n, m, n) == pytest.approx(expected, abs=1e-12)


def test_exact_chances_are_what_drawing_gives():
    rng = np.random.default_rng(0)
    positions = rng.permuted(np.tile(np.arange(30), (4000, 1)), axis=1)[:, :20]
    wanted = np.isin(np.arange(30), [3, 17, 18])
    assert any_found(positions, wanted).mean(axis=0) == pytest.approx(random_any_found(30, 3, 20), abs=0.03)
    assert share_found(positions, wanted).mean(axis=0) == pytest.approx(random_share_found(30, 20), abs=0.03)


def test_what_is_found_stays_found():
    positions = np.array([[2, 0, 1, 3], [3, 1, 2, 0]])
    wanted = np.array([True, False, True, False])
    assert any_found(positions, wanted).tolist() == [[True, True, True, True], [False, False, True, True]]
    assert share_found(positions, wanted).tolist() == [[0.5, 1.0, 1.0, 1.0], [0.0, 0.0, 0.5, 1.0]]


def test_equal_values_are_all_best_and_failures_never():
    assert best_ones(np.array([0.3, np.nan, 0.1, 0.1 + 1e-9])).tolist() == [False, False, True, True]
