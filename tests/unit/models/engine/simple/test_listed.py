"""Candidates that a file names."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError

from tansaku.models.domain.errors import NotFoundError
from tansaku.models.domain.identifiers import proposal_rng
from tansaku.models.domain.pool import CandidatePool
from tansaku.models.domain.ports import History
from tansaku.models.domain.specs.proposer import ListedProposerSpec
from tansaku.models.engine.proposer_registry import build_proposer


@pytest.fixture
def pool() -> CandidatePool:
    codes = np.zeros(9, dtype=np.intp)
    ids = np.array([f"c{number}" for number in range(9)])
    return CandidatePool(ids, ("a",), codes, ("a",), codes, cost=np.arange(1.0, 10.0))


def chosen(pool: CandidatePool, *ids: str, **keys: object) -> list[str]:
    proposer = build_proposer(ListedProposerSpec(candidates=ids))
    taken: list[int] = []
    while True:
        history = History(observed=np.array(taken, dtype=np.intp), values=np.zeros(len(taken)), **keys)
        choice = proposer.propose(pool, history, len(taken) + 1, proposal_rng(0, len(taken) + 1))
        if choice is None:
            return [str(pool.ids[one]) for one in taken]
        taken.append(choice.position)


def test_they_come_in_the_order_given_and_no_others(pool):
    assert chosen(pool, "c7", "c2", "c5") == ["c7", "c2", "c5"]


def test_what_failed_or_is_too_expensive_is_passed_over(pool):
    assert chosen(pool, "c7", "c2", "c5", failed=np.array([2])) == ["c7", "c5"]
    assert chosen(pool, "c7", "c2", "c5", remaining_cost=7.0) == ["c2", "c5"]


def test_what_is_not_in_the_space_is_said(pool):
    with pytest.raises(NotFoundError, match="'x' is not in the space"):
        chosen(pool, "c1", "x")


def test_one_that_is_listed_twice_is_refused():
    with pytest.raises(ValidationError, match="'c1' is listed twice"):
        ListedProposerSpec(candidates=("c1", "c2", "c1"))
