"""Gains of the next evaluations by posterior samples."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from tansaku.models.engine.acquisition import expected_improvement
from tansaku.models.engine.outlook import Ahead, Sampled, chosen_gains
from tansaku.models.engine.transforms import TransformState

PLAIN = TransformState(False, 0.0, np.zeros(1), 1.0)


def sampled(mean: list[float], deviation: float, seed: int = 0, draws: int = 4000) -> Sampled:
    positions = np.arange(len(mean))
    return Sampled(positions, np.array(mean), deviation * np.random.default_rng(seed).standard_normal((draws, len(mean))))


def test_the_gain_of_one_evaluation_is_the_expected_improvement_for_its_price():
    one = sampled([3.0, 2.0, 9.0], 1.5)
    ahead = Ahead(np.array([2.5]), [(PLAIN, [one])], np.ones(3), 1, [1.0])
    improvement = expected_improvement(np.array([3.0, 2.0, 9.0]), np.full(3, 1.5), np.full(3, 2.5))
    assert ahead.rate(np.ones(3), 1.0) == pytest.approx(improvement.max(), rel=0.05)
    assert ahead.rate(np.array([1.0, 100.0, 1.0]), 1.0) == pytest.approx(improvement[0], rel=0.08)
    assert ahead.gains(1, 1.0).mean() == pytest.approx(improvement.max(), rel=0.05)
    narrower = expected_improvement(np.array([2.0]), np.array([0.75]), np.array([2.5]))
    assert ahead.rate(np.ones(3), 0.5) == pytest.approx(float(narrower[0]), rel=0.05)


def test_chosen_ones_gain_almost_as_much_as_the_best_choice():
    rng = np.random.default_rng(4)
    gains = [np.maximum(rng.standard_normal((300, 5)) - 0.5, 0.0), np.maximum(rng.standard_normal((300, 4)) - 1.0, 0.0)]
    prices = [np.ones(5), np.ones(4)]
    pool = [(0, place) for place in range(5)] + [(1, place) for place in range(4)]

    def worth(chosen) -> float:
        total = np.zeros((300, 2))
        for code, place in chosen:
            total[:, code] = np.maximum(total[:, code], gains[code][:, place])
        return float(total.sum(axis=1).mean())

    best = max(worth(chosen) for chosen in combinations(pool, 3))
    assert worth(pool) >= best >= chosen_gains(gains, prices, 3).sum(axis=1).mean() >= 0.95 * best
    assert chosen_gains(gains, prices, 9).sum(axis=1).mean() == pytest.approx(worth(pool))
    assert chosen_gains(gains, prices, 99).sum(axis=1).mean() == pytest.approx(worth(pool))


def test_an_expensive_candidate_is_chosen_last():
    gains = [np.array([[3.0, 2.0]])]
    assert chosen_gains(gains, [np.ones(2)], 1)[0, 0] == 3.0
    assert chosen_gains(gains, [np.array([9.0, 1.0])], 1)[0, 0] == 2.0


def test_a_group_without_a_value_or_without_a_candidate_gains_nothing():
    empty = Sampled(np.empty(0, dtype=np.intp), np.empty(0), np.empty((4000, 0)))
    ahead = Ahead(
        np.array([2.5, np.inf, 1.0]), [(PLAIN, [sampled([2.0], 1.0), sampled([0.0], 1.0), empty])], np.ones(3), 1, [1.0]
    )
    gains = ahead.gains(10, 1.0)
    assert (gains[:, 0] > 0).any()
    assert not gains[:, 1:].any()


def test_members_count_by_their_weights():
    members = [(PLAIN, [sampled([0.0], 1e-9)]), (PLAIN, [sampled([9.0], 1e-9)])]
    ahead = Ahead(np.array([1.0]), members, np.ones(1), 1, [0.2, 0.6])
    assert ahead.rate(np.ones(1), 1.0) == pytest.approx(0.25)
    assert ahead.gains(1, 1.0).mean() == pytest.approx(0.25, abs=1e-3)


def test_where_all_up_to_a_threshold_are_wanted_the_likeliest_are_counted():
    ahead = Ahead(np.array([2.0]), [(PLAIN, [sampled([1.0, 9.0, 2.0, 0.0], 1.0)])], np.ones(4), 1, [1.0], counts=True)
    assert ahead.threshold == 2.0
    # Probabilities of 0.84, 0, 0.5 and 0.98.
    assert ahead.gains(2, 1.0).mean() == pytest.approx(0.84 + 0.98, abs=0.02)
    assert ahead.gains(9, 1.0).mean() == pytest.approx(0.84 + 0.98 + 0.5, abs=0.03)
    assert ahead.gains(2, 1e-9).mean() == 2.0
    priced = Ahead(ahead.levels, ahead.members, np.array([1.0, 1.0, 1.0, 9.0]), 1, [1.0], counts=True)
    assert priced.gains(1, 1.0).mean() == pytest.approx(0.84, abs=0.02)


def test_gains_are_in_the_objectives_unit():
    logarithm = TransformState(True, 0.0, np.zeros(1), 1.0)
    ahead = Ahead(np.array([np.e]), [(logarithm, [sampled([0.0], 1e-9)])], np.ones(1), 1, [1.0])
    assert ahead.gains(1, 1.0).mean() == pytest.approx(np.e - 1.0, rel=1e-6)
