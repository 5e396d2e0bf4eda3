"""A target of 60 candidates, a source that resembles it, and one that does not."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest

from tansaku.models.domain.pool import CandidatePool, FeatureGroup
from tansaku.models.domain.ports import History
from tansaku.models.engine.transfer.data import SourceData, observed_source


@dataclass(frozen=True)
class Pair:
    """A target with all its values, and a source."""

    pool: CandidatePool
    values: np.ndarray
    source: SourceData

    def history(self, n: int, seed: int = 0) -> History:
        chosen = np.random.default_rng(seed).permutation(len(self.pool))[:n].astype(np.intp)
        return History(observed=chosen, values=self.values[chosen])

    def with_source(self, values: np.ndarray) -> Pair:
        return replace(self, source=replace(self.source, values=values))


def _pool(n: int, rng: np.random.Generator, prefix: str) -> CandidatePool:
    zeros = np.zeros(n, dtype=np.intp)
    return CandidatePool(
        ids=np.array([f"{prefix}{i:03d}" for i in range(n)]),
        systems=("all",),
        system_codes=zeros,
        surfaces=("all",),
        surface_codes=zeros,
        groups={
            "m": FeatureGroup("m", rng.uniform(size=(n, 2)), np.arange(n), ("radius", "charge")),
            "x": FeatureGroup("x", rng.uniform(size=(6, 1)), np.arange(n) % 6, ("mass",)),
        },
        cost=np.ones(n),
    )


def landscape(pool: CandidatePool, tilt: float) -> np.ndarray:
    """Smooth in both groups; ``tilt`` moves it a little."""
    m, x = pool.groups["m"], pool.groups["x"]
    u, v = m.values[m.index].T
    return np.sin(5 * u + tilt) + np.cos(4 * v) + 0.8 * np.sin(6 * x.values[x.index, 0] + tilt)


@pytest.fixture(scope="session")
def pair() -> Pair:
    """Source and target correlate by 0.9 or so; the target has another mean and scale."""
    rng = np.random.default_rng(4)
    pool, known = _pool(60, rng, "t"), _pool(80, rng, "s")
    noise = 0.1 * rng.normal(size=140)
    source = observed_source("other", known, np.arange(80), landscape(known, 0.0) + noise[:80], "minimize", 500)
    return Pair(pool, 3.0 + 0.5 * (landscape(pool, 0.4) + noise[80:]), source)
