"""A problem with a number and a category, for optimisers that use both."""

from __future__ import annotations

import numpy as np
import pytest

from tansaku.models.domain.pool import FeatureGroup
from tansaku.peers.problem import Problem, encode
from tests.support.pools import pool_of


@pytest.fixture
def heat_and_kind() -> Problem:
    rng = np.random.default_rng(2)
    heat, kind = rng.random(12), np.arange(12) % 3
    pool = pool_of(
        12,
        FeatureGroup("heat", heat[:, None], np.arange(12), ("heat",)),
        FeatureGroup("kind", np.eye(3), kind, ("kind=a", "kind=b", "kind=c")),
    )
    rows = np.arange(5)
    return Problem(encode(pool, np.arange(12)), rows, (heat + kind)[rows], np.arange(5, 12), seed=3)
