"""Single values far from all others: what the proposer is shown instead, and what must stay as it is."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tansaku.models.domain.magnitudes import LARGEST
from tansaku.models.domain.outliers import implausible, trusted
from tansaku.models.domain.ports import History

RNG = np.random.default_rng(0)
NORMAL = RNG.normal(-3.5, 0.1, 30)
sizes = st.floats(-LARGEST, LARGEST)


def history(values: np.ndarray, **more: np.ndarray) -> History:
    return History(np.arange(100, 100 + len(values)), np.asarray(values, dtype=np.float64), **more)


@pytest.mark.parametrize("wrong", [-1e6, -1e99, -213.0])
def test_an_implausibly_good_value_is_withheld_like_a_failure(wrong):
    values = NORMAL.copy()
    values[7] = wrong
    full = history(values, failed=np.array([3]), noise=np.arange(30.0), repeats=np.arange(1, 31))
    seen = trusted(full)
    assert seen.observed.tolist() == [100 + i for i in range(30) if i != 7]
    assert seen.failed.tolist() == [3, 107]
    for name in ("values", "noise", "repeats"):
        np.testing.assert_array_equal(getattr(seen, name), np.delete(getattr(full, name), 7))
    assert not len(seen.deviations)
    assert seen.refused is full.refused  # that it failed says nothing of its neighbours


def test_an_implausibly_bad_value_counts_like_the_worst_of_the_others():
    values = NORMAL.copy()
    values[7] = 1e6
    seen = trusted(history(values))
    assert len(seen.observed) == 30
    assert seen.values[7] == np.delete(NORMAL, 7).max()
    np.testing.assert_array_equal(np.delete(seen.values, 7), np.delete(NORMAL, 7))


def test_each_of_several_objectives_is_looked_at():
    others = np.column_stack([NORMAL, np.arange(30.0)])
    others[4, 0], others[5, 1] = -1e9, 1e9
    seen = trusted(history(NORMAL, others=others))
    assert seen.failed.tolist() == [104]
    assert seen.others.shape == (29, 2)
    assert seen.others[4, 1] == 29.0
    assert len(seen.values) == 29


@pytest.mark.parametrize(
    "values",
    [
        NORMAL,
        np.r_[NORMAL[:4], 1e6],  # too few to say
        np.r_[np.full(25, -3.5) + 1e-7 * RNG.random(25), -3.7, -3.9],  # most relaxed into one minimum
        np.r_[RNG.normal(0, 1e-6, 40), 0.3, 0.5, 0.4],  # more than a few
        10.0 ** np.linspace(-12, 3, 40),
        np.zeros(12),
    ],
)
def test_nothing_is_taken_from_what_a_landscape_may_be(values):
    given_ = history(values)
    assert trusted(given_) is given_


@settings(max_examples=60, deadline=None)
@given(st.lists(sizes, max_size=30), st.floats(1e-3, 1e3))
def test_any_values_are_taken_and_the_scale_does_not_matter(values, scale):
    array = np.array(values)
    low, high = implausible(array)
    assert low.sum() <= max(1, len(array) // 20)
    assert high.sum() <= max(1, len(array) // 20)
    assert not (low & high).any()
    seen = trusted(history(array))
    assert len(seen.observed) == len(seen.values) == len(array) - low.sum()
    mirrored = implausible(-array)
    np.testing.assert_array_equal(mirrored, [high, low])
    rounding_apart = np.abs(array).max(initial=0.0) < LARGEST / 1e4 and (np.abs(array) > 1e-200).all()
    if rounding_apart:
        again = implausible(2.0 ** round(np.log2(scale)) * array)
        np.testing.assert_array_equal(again, [low, high])


def test_predictions_of_others_keep_their_deviation():
    values = np.r_[NORMAL, -1e8]
    given_ = replace(history(values), deviations=np.linspace(0, 1, 31))
    assert trusted(given_).deviations.tolist() == np.linspace(0, 1, 31)[:-1].tolist()
