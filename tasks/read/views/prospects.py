"""Candidates that a campaign may still propose, without their features."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Lock

import numpy as np

from tansaku.models.domain.pool import CandidatePool
from tansaku.models.domain.ports import RefinedSpace, Space
from tansaku.models.domain.records import Refit
from tansaku.models.domain.specs.space import SpaceSpec
from tansaku.models.domain.views import BoolArray
from tansaku.spaces.space_registry import OutlinedSpace, open_space
from tansaku.tasks.loop.ledger.rounds import priced_by

_MOST_POOLS = 32
_MOST_CANDIDATES = 600_000


class RecentPools:
    """Candidates of spaces that were opened lately, without features; campaigns often search the same space."""

    def __init__(self) -> None:
        self._pools: dict[tuple[str, str], Prospects] = {}
        self._lock = Lock()

    def prospects(self, spec: SpaceSpec, base_path: str) -> Prospects:
        """Returns all candidates of a space. Raises as :func:`~tansaku.spaces.space_registry.open_space`."""
        key = spec.model_dump_json(), base_path
        with self._lock:
            found = self._pools.pop(key, None) or Prospects.of(open_space(spec, Path(base_path)))
            self._pools[key] = found
            while len(self._pools) > 1 and self._too_many():
                self._pools.pop(next(iter(self._pools)))
            return found

    def _too_many(self) -> bool:
        return len(self._pools) > _MOST_POOLS or sum(len(kept.pool) for kept in self._pools.values()) > _MOST_CANDIDATES


@dataclass(frozen=True)
class Prospects:
    """The candidates of a campaign.

    Attributes:
        unpriced: As the space gives them.
        pool: At the costs that the last refit predicts.
        free: Whether they were not proposed yet, shape ``(n_candidates,)``.
        refined: The space, if campaigns add candidates to its pool; else None.
        refit: That gave the costs; None: the space.
    """

    unpriced: CandidatePool
    pool: CandidatePool
    free: BoolArray
    refined: RefinedSpace | None = None
    refit: Refit | None = None

    @classmethod
    def of(cls, space: Space) -> Prospects:
        """All candidates of a space."""
        pool = space.outline() if isinstance(space, OutlinedSpace) else replace(space.pool(), groups={})
        return cls(pool, pool, np.ones(len(pool), dtype=np.bool_), space if isinstance(space, RefinedSpace) else None)

    def without(self, candidates: Iterable[str]) -> Prospects:
        """Removes proposed candidates. Raises NotFoundError for a candidate that is not in the space."""
        proposed = list(candidates)
        there = self if self.refined is None else self._with(self.refined, proposed)
        free = there.free.copy()
        free[there.pool.positions(proposed)] = False
        return replace(there, free=free)

    def priced(self, refits: Sequence[Refit]) -> Prospects:
        """The same candidates at the costs that the last refit predicts."""
        return replace(self, pool=priced_by(self.unpriced, refits[-1]), refit=refits[-1]) if refits else self

    def _with(self, space: RefinedSpace, proposed: Sequence[str]) -> Prospects:
        """The candidates, and those that were proposed and are not among them."""
        if np.isin(proposed, self.pool.ids).all():
            return self
        earlier = self.pool.ids[~self.free].tolist()
        unpriced = replace(space.refined(list(dict.fromkeys([*earlier, *proposed])), []), groups={})
        pool = unpriced if self.refit is None else priced_by(unpriced, self.refit)
        return replace(self, unpriced=unpriced, pool=pool, free=~np.isin(pool.ids, earlier))
