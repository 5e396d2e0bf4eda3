"""Tables of any values: a search on them ends, whatever they are."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from tansaku.models.domain.magnitudes import LARGEST
from tansaku.models.domain.pool import FeatureGroup
from tansaku.models.domain.specs.budget import BudgetSpec
from tansaku.models.domain.specs.campaign import ObjectiveSpec, ProposerSpec
from tansaku.models.engine.proposer_registry import build_proposer
from tansaku.tasks.act.replay.campaign import replay
from tansaku.tasks.loop.ledger.rounds import RoundRules
from tests.support.pools import pool_of

PROPOSERS = [
    {"type": "gp"},
    {"type": "gp", "preset": "published"},
    {"type": "gp", "preset": "obo", "acquisition": "log_ei"},
    {"type": "sparse"},
    {"type": "arms"},
]
COUNT = 14
numbers = st.one_of(
    st.floats(-LARGEST, LARGEST), st.floats(-1.0, 1.0), st.integers(-3, 3).map(float), st.sampled_from([np.nan, 0.0, 1e-300])
)


@pytest.mark.parametrize("proposer", PROPOSERS, ids=lambda proposer: "-".join(map(str, proposer.values())))
@pytest.mark.parametrize("withholds", [False, True])
@settings(max_examples=4, deadline=None)
@given(values=st.lists(numbers, min_size=COUNT, max_size=COUNT), size=st.integers(-30, 30), seed=st.integers(0, 99))
def test_a_search_on_any_table_ends(proposer, withholds, values, size, seed):
    rng = np.random.default_rng(seed)
    rows = 10.0**size * rng.integers(-3, 4, (COUNT, 2))
    systems = rng.permutation(np.arange(COUNT) % 2)
    pool = pool_of(
        rng.uniform(1.0, 9.0, COUNT),
        FeatureGroup.compact("x", rows, np.arange(COUNT), ("p", "q")),
        systems=("a", "b"),
        codes=systems,
    )
    chosen = build_proposer(TypeAdapter(ProposerSpec).validate_python(proposer), ObjectiveSpec())
    rules = RoundRules(
        seed=seed,
        source="table",
        direction="minimize",
        budget=BudgetSpec(evaluations=COUNT, max_failed_fraction=1.0),
        limit=None,
        initial_count=chosen.initial_count(pool),
        withholds=withholds,
    )
    done = replay(pool, np.array(values), chosen, rules, count_initial=True)
    assert sorted(done.positions.tolist()) == list(range(COUNT))
