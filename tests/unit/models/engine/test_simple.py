import numpy as np
from scipy.stats import chisquare

from tansaku.models.domain.identifiers import proposal_rng
from tansaku.models.domain.ports import History
from tansaku.models.engine.simple import GridProposer, RandomProposer, allowed_candidates

NOTHING = History(np.empty(0, dtype=np.intp), np.empty(0))


def test_what_is_named_or_too_expensive_is_not_allowed(bare_pool, grid_pool):
    history = History(
        np.array([0]),
        np.array([1.0]),
        failed=np.array([1]),
        pending=np.array([2]),
        unavailable=np.array([3]),
        remaining_cost=1.0,
    )
    assert np.flatnonzero(~allowed_candidates(bare_pool, history)).tolist() == [0, 1, 2, 3]
    dear = History(np.empty(0, dtype=np.intp), np.empty(0), remaining_cost=10.0)
    assert set(grid_pool.cost[allowed_candidates(grid_pool, dear)]) == {8.0, 10.0}


def test_random_is_uniform(bare_pool):
    proposer = RandomProposer()
    chosen = [proposer.propose(bare_pool, NOTHING, k, proposal_rng(0, k)) for k in range(1, 1201)]
    counts = np.bincount([choice.position for choice in chosen if choice], minlength=12)
    assert chisquare(counts).pvalue > 1e-3


def test_grid_goes_by_id(bare_pool):
    history = History(np.array([0, 1, 3]), np.zeros(3))
    choice = GridProposer().propose(bare_pool, history, 4, proposal_rng(0, 4))
    assert choice is not None
    assert choice.position == 2


def test_neither_is_ever_fitted(bare_pool):
    for proposer in (RandomProposer(), GridProposer()):
        assert not proposer.refit_due(100, [])
        assert proposer.fit(bare_pool, NOTHING, None) == {}
        assert proposer.initial_count(bare_pool) == 0
