"""Ranks of supports are those of counting them."""

import itertools

import numpy as np
import pytest

from tansaku.models.averaging.subsets import log_binomial, number_of_supports, rank, unrank


@pytest.mark.parametrize(("n", "size"), [(6, 0), (6, 1), (7, 3), (5, 5)])
def test_ranks_count_supports_by_their_last_member(n, size):
    ordered = sorted(itertools.combinations(range(n), size), key=lambda support: support[::-1])
    expected = np.array(ordered, dtype=np.int64).reshape(len(ordered), size)
    assert unrank(np.arange(len(ordered)), n, size).tolist() == expected.tolist()
    assert rank(expected).tolist() == list(range(len(ordered)))


def test_counts_do_not_overflow():
    assert number_of_supports(25, 8) == 1_807_781
    assert log_binomial(1000, 500) == pytest.approx(689.467, abs=1e-3)
