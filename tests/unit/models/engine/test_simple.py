from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import chisquare

from tansaku.models.domain.identifiers import proposal_rng
from tansaku.models.domain.pool import CandidatePool
from tansaku.models.domain.ports import History
from tansaku.models.domain.specs.proposer import RandomProposerSpec
from tansaku.models.engine.proposer_registry import build_proposer
from tansaku.models.engine.simple import GridProposer, RandomProposer
from tests.support.pools import pool_of

SIZES = (3, 200, 40)
NOTHING = History(np.empty(0, dtype=np.intp), np.empty(0))


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


@pytest.fixture(scope="module")
def pool() -> CandidatePool:
    codes = np.repeat(np.arange(len(SIZES)), SIZES)
    return pool_of(len(codes), systems=("a", "b", "c"), codes=codes)


def chosen(pool: CandidatePool, spec: RandomProposerSpec, count: int, seed: int = 0) -> np.ndarray:
    proposer = build_proposer(spec)
    taken: list[int] = []
    for number in range(1, count + 1):
        history = History(observed=np.array(taken, dtype=np.intp), values=np.zeros(len(taken)))
        choice = proposer.propose(pool, history, number, proposal_rng(seed, number))
        assert choice is not None
        taken.append(choice.position)
    return np.array(taken)


def test_every_system_has_its_share_however_large_it_is(pool):
    turns = chosen(pool, RandomProposerSpec(by_system=True), 9)
    assert np.bincount(pool.system_codes[turns]).tolist() == [3, 3, 3]
    plain = chosen(pool, RandomProposerSpec(), 60)
    assert np.bincount(pool.system_codes[plain], minlength=3)[1] > 30


def test_nothing_is_taken_twice_and_a_system_that_is_done_is_passed_over(pool):
    taken = chosen(pool, RandomProposerSpec(by_system=True), 60)
    assert len(set(taken)) == 60
    assert np.bincount(pool.system_codes[taken])[0] == 3


def test_the_seed_matters(pool):
    spec = RandomProposerSpec(by_system=True)
    assert not np.array_equal(chosen(pool, spec, 6), chosen(pool, spec, 6, seed=1))
    assert np.array_equal(chosen(pool, spec, 6), chosen(pool, spec, 6))
