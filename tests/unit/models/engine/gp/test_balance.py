"""A floor of evaluations for every system, and a share of the proposals for the system known worst."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tansaku.models.domain.identifiers import proposal_rng
from tansaku.models.domain.ports import History
from tansaku.models.domain.specs.proposer import GPProposerSpec
from tansaku.models.engine.gp import GPProposer
from tansaku.models.engine.presets import settings
from tansaku.models.engine.proposer_registry import build_proposer

COSTLY = 2
"""The system that is so expensive that the acquisition alone leaves it aside."""


@pytest.fixture
def pool(grid_pool):
    return replace(grid_pool, cost=np.where(grid_pool.system_codes == COSTLY, 1e6, 1.0))


def _values(pool):
    group = pool.groups["translation"]
    x = group.values[group.index]
    return 250.0 + 60.0 * np.sin(9.0 * x[:, 0]) * np.cos(3.0 * x[:, 1]) + 20.0 * pool.system_codes


def _chosen(pool, spec: GPProposerSpec, count: int) -> np.ndarray:
    """Systems of the first proposals of a search, each result known before the next."""
    proposer, values, done = build_proposer(spec), _values(pool), []
    for number in range(1, count + 1):
        at = np.array(done, dtype=np.intp)
        done.append(proposer.propose(pool, History(at, values[at]), number, proposal_rng(0, number)).position)
    return pool.system_codes[done]


def test_without_the_keys_the_expensive_system_gets_its_initial_evaluation_only(pool):
    assert np.count_nonzero(_chosen(pool, GPProposerSpec(), 24) == COSTLY) == 1


def test_every_system_gets_its_floor_first_and_then_the_acquisition_chooses(pool):
    systems = _chosen(pool, GPProposerSpec(floor=6), 24)
    assert np.bincount(systems[:18]).tolist() == [6, 6, 6]
    assert COSTLY not in systems[18:]


def test_failed_and_pending_evaluations_count_for_the_floor(pool):
    proposer, (first, second, costly) = build_proposer(GPProposerSpec(floor=2)), ([0, 1], [50, 51], [80])
    known = np.array([*first, *second, *costly])
    history = History(known, _values(pool)[known])
    for change in ({}, {"failed": np.array([81])}, {"pending": np.array([81])}):
        choice = proposer.propose(pool, replace(history, **change), 20, proposal_rng(0, 20))
        assert bool(pool.system_codes[choice.position] == COSTLY) is (not change)


def test_a_system_with_fewer_candidates_than_the_floor_ends_with_its_last(pool):
    proposer = build_proposer(GPProposerSpec(floor=20))
    whole = np.flatnonzero(pool.system_codes == COSTLY)
    known = np.concatenate([whole, np.flatnonzero(pool.system_codes == 0)[:20]])
    choice = proposer.propose(pool, History(known, _values(pool)[known]), 90, proposal_rng(0, 90))
    assert pool.system_codes[choice.position] == 1


@pytest.mark.parametrize("share", [0.25, 0.5, 1.0])
def test_the_share_of_the_worst_system_is_spread_evenly(pool, share):
    # The others are known but for two candidates each, so that only the expensive system may improve much.
    cheap = [np.flatnonzero(pool.system_codes == system)[:-2] for system in range(COSTLY)]
    known = np.concatenate([*cheap, np.flatnonzero(pool.system_codes == COSTLY)[:1]])
    history, proposer = History(known, _values(pool)[known]), build_proposer(GPProposerSpec(worst_first=share))
    chosen = {number: proposer.propose(pool, history, number, proposal_rng(0, number)).position for number in range(9, 21)}
    every = round(1 / share)
    assert [n for n, at in chosen.items() if pool.system_codes[at] == COSTLY] == [n for n in chosen if n % every == 0]


@pytest.mark.parametrize("worst", [0, 1, 2])
def test_the_worst_system_is_the_one_with_the_widest_certificate(pool, worst):
    proposer = GPProposer(settings(GPProposerSpec(worst_first=1.0)))
    known = np.concatenate(
        [np.flatnonzero(pool.system_codes == code)[:: 24 if code == worst else 3] for code in range(len(pool.systems))]
    )
    history = History(known, _values(pool)[known])
    remaining = proposer.remaining(pool, history, np.random.default_rng(1))
    reached = np.array([remaining.as_drawn(within) for within in range(200)]) >= 0.95
    widest = int(np.argmax(reached.argmax(axis=0)))
    choice = proposer.propose(pool, history, 20, proposal_rng(0, 20))
    assert pool.system_codes[choice.position] == widest
    assert widest == worst


def test_a_system_in_which_everything_fails_does_not_take_the_share(pool):
    proposer = build_proposer(GPProposerSpec(worst_first=1.0))
    known = np.array([0, 10, 50, 60])
    history = History(known, _values(pool)[known], failed=np.array([80, 81]))
    choice = proposer.propose(pool, history, 20, proposal_rng(0, 20))
    assert pool.system_codes[choice.position] != COSTLY
