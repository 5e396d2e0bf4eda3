"""Candidates that a campaign leaves alone: too expensive by the spec, or likely to fail by what it has learned."""

from __future__ import annotations

import numpy as np
import pytest

from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.pool import CandidatePool, FeatureGroup
from tansaku.models.domain.specs.budget import BudgetSpec
from tansaku.models.domain.specs.objective import ConstraintsSpec
from tansaku.models.domain.specs.proposer import GPProposerSpec, GridProposerSpec, RandomProposerSpec
from tansaku.models.domain.states import StopReason
from tansaku.models.engine.proposer_registry import build_proposer
from tansaku.tasks.act.replay.campaign import Replay, replay
from tansaku.tasks.loop.ledger.rounds import RoundRules
from tests.support.pools import pool_of
from tests.support.records import rules_of

PROPOSERS = {
    "gp": GPProposerSpec(),
    "published": GPProposerSpec(preset="published", transform={"log": False}),
    "ucb": GPProposerSpec(acquisition="ucb"),
    "log_ei": GPProposerSpec(acquisition="log_ei"),
}


def square() -> tuple[CandidatePool, np.ndarray]:
    """144 candidates; energies fall towards the right, where the upper half cannot be computed; dear ones at the bottom."""
    x, y = (axis.ravel() for axis in np.meshgrid(np.linspace(0, 1, 12), np.linspace(0, 1, 12)))
    pool = pool_of(np.where(y < 0.05, 5.0, 1.0), FeatureGroup("x", np.column_stack([x, y]), np.arange(144), ("x", "y")))
    values = 10.0 - 6.0 * x - 2.0 * y * x + np.cos(9 * y)
    return pool, np.where((x > 0.6) & (y > 0.4), np.nan, values)


def search(spec, count: int, *, seed: int = 0, max_cost: float | None = None, avoid: bool = False) -> tuple[Replay, np.ndarray]:
    pool, values = square()
    proposer = build_proposer(spec, None, ConstraintsSpec(max_cost=max_cost, avoid_failures=avoid))
    rules = rules_of(proposer, pool, count, seed=seed, max_cost=max_cost)
    return replay(pool, values, proposer, rules, count_initial=True), values


@pytest.mark.parametrize("spec", [*PROPOSERS.values(), RandomProposerSpec(), GridProposerSpec()])
def test_dear_candidates_are_never_proposed(spec):
    done, _ = search(spec, 200, max_cost=2.0)
    pool, _ = square()
    assert done.stop is StopReason.EXHAUSTED
    assert sorted(done.positions.tolist()) == np.flatnonzero(pool.cost <= 2.0).tolist()


def test_a_limit_below_every_cost_is_told_before_anything_runs():
    with pytest.raises(ConfigurationError, match=r"constraints.max_cost: 0.5 leaves no candidate, the cheapest costs 1"):
        search(GridProposerSpec(), 5, max_cost=0.5)


@pytest.mark.parametrize("name", PROPOSERS)
def test_a_failing_region_is_avoided_and_the_best_of_the_rest_found(name):
    failures, best = [], []
    for avoid in (False, True):
        runs = [search(PROPOSERS[name], 15, seed=seed, avoid=avoid) for seed in range(4)]
        failures.append(sum(int(np.isnan(values[done.positions]).sum()) for done, values in runs))
        best.append(np.mean([np.nanmin(values[done.positions]) - np.nanmin(values) for done, values in runs]))
    assert failures[1] < 0.95 * failures[0]
    assert best[1] <= best[0] + 0.05


@pytest.mark.parametrize("name", ["gp", "ucb"])
def test_nothing_is_given_up_for_good(name):
    pool, values = square()
    done, _ = search(PROPOSERS[name], len(pool), avoid=True)
    assert sorted(done.positions.tolist()) == list(range(len(pool)))
    assert np.isnan(values[done.positions]).sum() == np.isnan(values).sum()


def test_without_failures_nothing_changes():
    pool, values = square()
    values = np.nan_to_num(values, nan=9.0)
    runs = []
    for avoid in (False, True):
        proposer = build_proposer(GPProposerSpec(), None, ConstraintsSpec(avoid_failures=avoid))
        rules = RoundRules(
            seed=0, source="t", direction="minimize", budget=BudgetSpec(evaluations=25), limit=None, initial_count=1
        )
        runs.append(replay(pool, values, proposer, rules, count_initial=True).positions.tolist())
    assert runs[0] == runs[1]
