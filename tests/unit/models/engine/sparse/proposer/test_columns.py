"""Columns of a pool: numbers, categories and systems, none of them twice."""

import numpy as np
import pytest
from pydantic import ValidationError

from tansaku.models.domain.pool import CandidatePool, FeatureGroup
from tansaku.models.domain.ports import History
from tansaku.models.domain.specs.campaign import CampaignSpec, ObjectiveSpec
from tansaku.models.domain.specs.proposer import SparseProposerSpec
from tansaku.models.engine.proposer_registry import build_proposer
from tansaku.models.engine.sparse.proposer import columns_of
from tests.support.campaign_files import table_space
from tests.support.pools import pool_of


def pool(cost=None) -> CandidatePool:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 5))
    values = np.column_stack([x, 3.0 - 2.0 * x[:, 0], np.ones(60)])
    codes = np.repeat([0.0, 1.0, 2.0], 20)[:, None]
    index = np.arange(60)
    return pool_of(
        60 if cost is None else cost,
        FeatureGroup("x", values, index, tuple("abcdefg")),
        FeatureGroup("kind", codes, index, ("kind",), categorical=True),
        systems=("a", "b"),
        codes=index % 2,
    )


def test_copies_and_constants_are_left_out():
    found = columns_of(pool())
    assert found.names == ("kind.kind=0", "kind.kind=1", "kind.kind=2", "x.a", "x.b", "x.c", "x.d", "x.e", "system=a")
    assert found.values.shape == (60, 9)


def test_it_goes_downhill_and_cost_counts():
    space = pool()
    x = columns_of(space).values
    values = 2.0 * x[:, 3] - x[:, 5] + 0.3 * np.random.default_rng(3).normal(size=60)
    history = History(np.arange(0, 60, 4), values[::4])
    proposer = build_proposer(SparseProposerSpec(), ObjectiveSpec(goal={"type": "best_overall"}))
    choice = proposer.propose(space, history, 16, np.random.default_rng(0))
    left = np.delete(np.arange(60), np.arange(0, 60, 4))
    assert values[choice.position] <= np.sort(values[left])[2]
    assert abs(choice.mean - values[choice.position]) < 3.0 * choice.deviation
    expensive = np.ones(60)
    expensive[choice.position] = 1e9
    assert proposer.propose(pool(expensive), history, 16, np.random.default_rng(0)).position != choice.position
    named = list(proposer.probabilities(space, history))
    assert set(named[:2]) == {"x.a", "x.c"}


def test_a_goal_without_a_level_is_refused():
    document = {
        "schema_version": 1,
        "name": "front",
        "space": table_space("t.csv", {"id": "id", "value": "v"}, {"f": {"columns": ["x"]}}),
        "objective": {"unit": "1", "goal": {"type": "bottleneck", "dimensions": 1}},
        "proposer": {"type": "sparse"},
        "budget": {"evaluations": 5},
    }
    with pytest.raises(ValidationError, match="sparse does not support the goal bottleneck"):
        CampaignSpec.model_validate(document)
