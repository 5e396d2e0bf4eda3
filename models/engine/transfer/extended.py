"""A target's pool extended by its sources' observed candidates, and the kernel over both.

Sources are additional systems from which nothing is proposed. Target and sources are *domains*: the target lies at the
origin, source i at the i-th unit vector, and every part of the target's kernel is multiplied by exp(−|d − d'|²/2l²) with one
l per source. A source is therefore correlated with the target by c_i = exp(−1/2l_i²), between 0 and 1 and never
negative, two sources by c_i c_j: a linear model of coregionalisation (Bonilla, Chai & Williams 2007,
https://papers.nips.cc/paper/3189) with a positive task matrix. Each domain has an unknown mean of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from tansaku.models.domain.pool import CandidatePool, FeatureGroup, FloatArray, IntArray
from tansaku.models.engine.kernels import Kernel, Product, Same, Scale, Stationary, Sum
from tansaku.models.engine.transfer.data import SourceData
from tansaku.models.engine.transforms import OutputTransform

DOMAIN = "~domain"
"""Feature group of the domains; no group of a space may be called so."""

COUPLING = "~coupling"
"""Lengthscales l_i of the sources, shape ``(n_sources,)``."""

SHIFT = "~shift"
"""Variance of a domain's unknown mean."""

_LAST = "\U0010ffff"


@dataclass(frozen=True)
class Extended:
    """A target's pool and its sources as one pool.

    Attributes:
        pool: The target's candidates at their own positions, then those of the sources.
        n_target: Candidates of the target.
        targets: The sources' values, each source transformed and standardised by itself, shape ``(n_source,)``.
        scale: Root of the mean squared scale of the sources' transforms [unit of the transform].
    """

    pool: CandidatePool
    n_target: int
    targets: FloatArray
    scale: float

    @property
    def positions(self) -> IntArray:
        """Positions of the sources' candidates, shape ``(n_source,)``."""
        return np.arange(self.n_target, len(self.pool), dtype=np.intp)


def extend(pool: CandidatePool, sources: Sequence[SourceData], transform: OutputTransform) -> Extended:
    """Puts sources behind a target's pool.

    A group in which the target's candidates do not differ (the alkali ion of sodium compositions) tells no more than whose
    candidate it is, which is what domains are for: the sources get the target's row of it. Their own, far from it, would make
    a product of kernels over all groups vanish between target and source.

    Args:
        pool: The target's candidates.
        sources: Each has all feature groups of the target, of the same widths.
        transform: Applied to every source by itself.
    """
    states = [transform.fit(source.values, source.pool.system_codes, len(source.pool.systems)) for source in sources]
    targets = [state.forward(source.values, source.pool.system_codes) for state, source in zip(states, sources, strict=True)]
    parts = [pool, *(source.pool for source in sources)]
    n_source = sum(len(part) for part in parts[1:])
    groups = {name: _merged(name, [part.groups[name] for part in parts]) for name in pool.groups}
    domain = np.repeat(np.arange(len(parts)), [len(part) for part in parts]).astype(np.intp)
    corners = np.vstack([np.zeros(len(sources)), np.eye(len(sources))])
    groups[DOMAIN] = FeatureGroup(DOMAIN, corners, domain, tuple(f"source {i}" for i in range(len(sources))))
    return Extended(
        pool=CandidatePool(
            ids=np.concatenate([pool.ids, [f"{_LAST}{i:08d}" for i in range(n_source)]]),
            systems=_names([part.systems for part in parts]),
            system_codes=_codes([part.system_codes for part in parts], [len(part.systems) for part in parts]),
            surfaces=_names([part.surfaces for part in parts]),
            surface_codes=_codes([part.surface_codes for part in parts], [len(part.surfaces) for part in parts]),
            groups=groups,
            cost=np.concatenate([pool.cost, np.ones(n_source)]),
        ),
        n_target=len(pool),
        targets=np.concatenate(targets),
        scale=float(np.sqrt(np.mean([state.scale**2 for state in states]))),
    )


def coupled(kernel: Kernel) -> Kernel:
    """A target's kernel over the extended pool: every part times the domains' correlation, and a mean for each domain."""
    between = Stationary(DOMAIN, COUPLING, "rbf", ard=True)
    return Sum((Product((kernel, between)), Scale(SHIFT, Same(DOMAIN))))


def correlations(lengthscales: FloatArray) -> FloatArray:
    """Correlation of each source with the target, shape ``(n_sources,)``."""
    return np.asarray(np.exp(-0.5 / np.square(lengthscales)))


def _merged(name: str, groups: Sequence[FeatureGroup]) -> FeatureGroup:
    own, count = groups[0], sum(len(group.index) for group in groups)
    if (own.index == own.index[0]).all():
        row = own.values[own.index[:1]]
        return FeatureGroup(name, row, np.zeros(count, dtype=np.intp), own.columns, own.categorical, mixed=own.mixed)
    starts = np.cumsum([0, *(len(group.values) for group in groups[:-1])])
    index = np.concatenate([group.index + start for group, start in zip(groups, starts, strict=True)])
    values = np.vstack([group.values for group in groups])
    return replace(FeatureGroup.compact(name, values, index, own.columns, categorical=own.categorical), mixed=own.mixed)


def _names(parts: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    own, *others = parts
    return (*own, *(f"{_LAST}{i} {name}" for i, part in enumerate(others) for name in part))


def _codes(parts: Sequence[IntArray], counts: Sequence[int]) -> IntArray:
    starts = np.cumsum([0, *counts[:-1]])
    return np.concatenate([codes + start for codes, start in zip(parts, starts, strict=True)]).astype(np.intp)
