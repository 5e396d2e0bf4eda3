"""Indices of full values and looks against sums over drawn values."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import ndtr

from tansaku.models.engine.acquisition import expected_improvement
from tansaku.models.engine.levels.index import (
    Belief,
    cheapest_look,
    full_index,
    full_ratio,
    least_look_index,
    look_index,
    look_ratio,
    unit_gain_inverse,
)

RNG = np.random.default_rng(3)
N = 40
DRAWS = RNG.standard_normal(200_000)
ONE = Belief(RNG.normal(size=(1, N)), RNG.uniform(0.2, 2.0, (1, N)), np.ones(1))
TWO = Belief(RNG.normal(size=(2, N)), RNG.uniform(0.2, 2.0, (2, N)), np.array([0.3, 0.7]))


def constant(value):
    return np.full(N, value)


@pytest.mark.parametrize("gain", [1e-9, 1e-3, 0.4, 3.0, 20.0])
def test_the_inverse_of_the_gain_gives_it_back(gain):
    assert expected_improvement(0.0, 1.0, unit_gain_inverse(np.array([gain])))[0] == pytest.approx(gain, rel=1e-4)


@pytest.mark.parametrize("belief", [ONE, TWO], ids=["one model", "two models"])
def test_at_the_index_a_full_value_is_worth_its_price(belief):
    price = RNG.uniform(0.01, 1.0, N)
    level = full_index(belief, price)
    drawn = [
        weight * np.maximum(level - (mean + deviation * DRAWS[:, None]), 0.0).mean(axis=0)
        for weight, mean, deviation in zip(belief.weights, belief.mean, belief.deviation, strict=True)
    ]
    np.testing.assert_allclose(sum(drawn), price, rtol=0.03, atol=0.002)


@pytest.mark.parametrize("belief", [ONE, TWO], ids=["one model", "two models"])
def test_at_the_index_a_look_is_worth_its_price(belief):
    informed, look, rest = 0.8 * belief.deviation, constant(0.03), constant(0.3)
    level = look_index(belief, informed, look, rest)
    drawn = np.zeros(N)
    for weight, mean, deviation, moved in zip(belief.weights, belief.mean, belief.deviation, informed, strict=True):
        left = np.sqrt(deviation**2 - moved**2)
        gain = expected_improvement(mean + moved * DRAWS[:, None], left, level)
        drawn += weight * np.maximum(gain - rest, 0.0).mean(axis=0)
    np.testing.assert_allclose(drawn, look, rtol=0.05)


def test_a_look_that_tells_nothing_is_never_better_than_the_full_value():
    look = look_index(ONE, np.zeros((1, N)), constant(0.01), constant(0.3))
    assert (look > full_index(ONE, constant(0.3))).all()


def test_a_look_that_tells_nearly_all_is_better_where_it_is_cheap():
    look = look_index(ONE, 0.999 * ONE.deviation, constant(1e-4), constant(0.3))
    assert (look < full_index(ONE, constant(0.3))).all()
    assert (look >= least_look_index(ONE, constant(1e-4), constant(0.3)) - 1e-9).all()


def test_more_that_a_look_tells_lowers_its_index():
    shares = (0.2, 0.5, 0.8, 0.99)
    indices = [look_index(ONE, share * ONE.deviation, constant(0.02), constant(0.3)) for share in shares]
    assert (np.diff(indices, axis=0) < 1e-9).all()


@pytest.mark.parametrize("below", [np.inf, -0.5])
def test_the_cheapest_look_is_that_of_all_indices(below):
    informed, look, rest = 0.7 * TWO.deviation, RNG.uniform(0.01, 0.3, N), constant(0.4)
    look[::3] = np.inf
    every = np.full(N, np.inf)
    open_ = np.flatnonzero(np.isfinite(look))
    every[open_] = look_index(TWO.take(open_), informed[:, open_], look[open_], rest[open_])
    index, candidate = cheapest_look(TWO, lambda part: informed[:, part], look, rest, below)
    best = int(np.argmin(every))
    expected = (every[best], best) if every[best] < below else (np.inf, -1)
    assert candidate == expected[1]
    assert index == pytest.approx(expected[0], abs=1e-9)


def test_at_the_ratio_a_look_pays_as_much_as_full_values_do():
    informed, look, rest = 0.8 * ONE.deviation, constant(0.05), constant(1.0)
    ratio = look_ratio(ONE, informed, -0.4, look, rest)
    left = np.sqrt(ONE.deviation**2 - informed**2)[0]
    moved = ONE.mean[0] + informed[0] * DRAWS[:, None]
    worth = np.maximum(ndtr((-0.4 - moved) / left) - ratio * rest, 0.0).mean(axis=0)
    np.testing.assert_allclose(worth, ratio * look, rtol=0.05, atol=1e-4)


def test_a_look_without_relation_has_a_lower_ratio_than_the_full_value():
    ratio = look_ratio(ONE, np.zeros((1, N)), 0.0, constant(0.05), constant(1.0))
    assert (ratio < full_ratio(ONE, 0.0, constant(1.0))).all()
