"""What the Proposer contract asks of other people's optimisers."""

import warnings

import numpy as np
import pytest

from tansaku.models.domain.identifiers import proposal_rng
from tansaku.models.domain.pool import CandidatePool, FeatureGroup
from tansaku.models.domain.ports import History
from tansaku.peers.registry import PACKAGES, build_peer
from tests.support.pools import pool_of

PEERS = sorted(PACKAGES)
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module", params=PEERS)
def peer(request, require):
    require(PACKAGES[request.param])
    return build_peer(request.param)


@pytest.fixture(scope="module")
def chosen(peer):
    """What a peer chooses when nothing fails and nothing is pending: half of the pool."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return _play(peer, *_table(), 13)


def _table() -> tuple[CandidatePool, np.ndarray]:
    """Two systems with a bowl each on 13 points and two descriptors of 22 columns."""
    x = np.tile(np.linspace(0, 1, 13), 2)
    codes = np.repeat([0, 1], 13)
    kind = np.tile(np.arange(13) % 2, 2)
    pool = pool_of(
        np.where(codes == 0, 1.0, 2.0),
        FeatureGroup.compact("x", np.linspace(0, 1, 13)[:, None], np.tile(np.arange(13), 2), ("x",)),
        FeatureGroup(
            "kind", np.array([[0.0, 1.0] * 11, [1.0, 0.0] * 11]), kind.astype(np.intp), tuple("abcdefghijklmnopqrstuv")
        ),
        systems=("a", "b"),
        codes=codes.astype(np.intp),
    )
    return pool, 100 * (x - np.where(codes == 0, 0.25, 0.75)) ** 2 + 5.0 * kind


def _play(peer, pool, values, count, barred=()):
    chosen: list[int] = []
    for number in range(1, count + 1):
        history = History(
            np.array(chosen, dtype=np.intp),
            values[chosen],
            failed=np.array(barred[:1], np.intp),
            pending=np.array(barred[1:], np.intp),
        )
        choice = peer.propose(pool, history, number, proposal_rng(3, number))
        assert choice.initial == (number <= 2)
        chosen.append(choice.position)
    return chosen


def test_finds_both_bowls_before_half_of_the_pool_is_computed(chosen):
    pool, values = _table()
    assert len(set(chosen)) == 13
    for system in (0, 1):
        mine = [values[k] for k in chosen if pool.system_codes[k] == system]
        assert min(mine) <= np.sort(values[pool.system_codes == system])[1]


def test_failed_and_pending_candidates_are_left_alone(peer):
    pool, values = _table()
    best = np.argsort(values)[:6].tolist()
    assert not set(_play(peer, pool, values, 8, barred=best)) & set(best)


def test_a_fresh_instance_makes_the_same_choice(peer, chosen):
    pool, values = _table()
    resumed = build_peer(peer.name)
    history = History(np.array(chosen[:6], dtype=np.intp), values[chosen[:6]])
    assert resumed.propose(pool, history, 7, proposal_rng(3, 7)).position == chosen[6]
