import numpy as np
import pytest

from tansaku.models.domain.identifiers import proposal_rng
from tansaku.models.domain.pool import CandidatePool, FeatureGroup
from tansaku.models.domain.ports import History
from tansaku.peers.problem import Suggestion
from tansaku.peers.proposer import SystemPeer
from tests.support.pools import pool_of


class Told:
    """Takes the first free candidate and claims a gain, or none."""

    asked = 0

    def __init__(self, gain):
        self.gain = gain

    def suggest(self, problem):
        Told.asked += 1
        return Suggestion(int(problem.free[0]), self.gain)


def _pool(cost: tuple[float, float]) -> CandidatePool:
    codes = np.repeat([0, 1], 6).astype(np.intp)
    group = FeatureGroup("x", np.arange(6.0)[:, None], np.tile(np.arange(6), 2), ("x",))
    return pool_of(np.array(cost)[codes], group, systems=("a", "b"), codes=codes)


def _history(*positions: int) -> History:
    return History(np.array(positions), np.array(positions, dtype=float))


def test_the_highest_gain_per_cost_goes_first():
    gains = iter([3.0, 4.0])
    peer = SystemPeer("told", lambda: Told(next(gains)))
    choice = peer.propose(_pool((1.0, 2.0)), _history(0, 1, 6, 7), 5, proposal_rng(0, 5))
    assert choice.position == 2
    assert choice.acquisition == pytest.approx(3.0)


@pytest.mark.parametrize(("cost", "position"), [((1.0, 2.0), 2), ((3.0, 1.0), 8)])
def test_without_a_gain_the_system_on_which_least_was_spent_has_its_turn(cost, position):
    peer = SystemPeer("told", lambda: Told(None))
    assert peer.propose(_pool(cost), _history(0, 1, 6, 7), 5, proposal_rng(0, 5)).position == position


def test_a_system_with_one_measurement_gets_a_random_second_one_first():
    peer = SystemPeer("told", lambda: Told(9.0))
    choice = peer.propose(_pool((1.0, 1.0)), _history(0, 1, 2, 6), 5, proposal_rng(0, 5))
    assert choice.position > 6


def test_an_optimiser_is_asked_again_only_when_its_system_has_changed():
    peer = SystemPeer("told", lambda: Told(1.0))
    pool, Told.asked = _pool((1.0, 1.0)), 0
    peer.propose(pool, _history(0, 1, 6, 7), 5, proposal_rng(0, 5))
    assert Told.asked == 2
    peer.propose(pool, _history(0, 1, 6, 7, 2), 6, proposal_rng(0, 6))
    assert Told.asked == 3
