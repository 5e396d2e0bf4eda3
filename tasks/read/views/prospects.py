"""Candidates of a campaign without their features, as overviews of many campaigns read them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Lock

import numpy as np

from tansaku.models.domain.pool import CandidatePool
from tansaku.models.domain.ports import RefinedSpace, Space
from tansaku.models.domain.records import Refit
from tansaku.models.domain.specs.space import SpaceSpec
from tansaku.spaces.space_registry import OutlinedSpace, open_space
from tansaku.tasks.loop.ledger.rounds import priced_by
from tansaku.tasks.read.views.system_names import system_label

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
        refined: The space, if campaigns add candidates to its pool; else None.
        refit: That gave the costs; None: the space.
        labels: Names of systems as people know them, by those that the space gives, where they differ.
    """

    unpriced: CandidatePool
    pool: CandidatePool
    refined: RefinedSpace | None = None
    refit: Refit | None = None
    labels: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, space: Space) -> Prospects:
        """All candidates of a space."""
        pool = space.outline() if isinstance(space, OutlinedSpace) else replace(space.pool(), groups={})
        named = {str(row["system"]): system_label(row) for row in space.describe_systems()}
        labels = {name: label for name, label in named.items() if label != name}
        return cls(pool, pool, space if isinstance(space, RefinedSpace) else None, labels=labels)

    def with_proposed(self, candidates: Sequence[str], every: Sequence[str]) -> Prospects:
        """These candidates, and those that the campaign has added to its space.

        Args:
            candidates: That were proposed since.

        Raises:
            NotFoundError: One of the former is not in the space.
        """
        there = self
        if self.refined is not None and not np.isin(candidates, self.pool.ids).all():
            unpriced = replace(self.refined.refined(list(dict.fromkeys(every)), []), groups={})
            pool = unpriced if self.refit is None else priced_by(unpriced, self.refit)
            there = replace(self, unpriced=unpriced, pool=pool)
        there.pool.positions(candidates)
        return there

    def priced(self, refits: Sequence[Refit]) -> Prospects:
        """The same candidates at the costs that the last refit predicts."""
        return replace(self, pool=priced_by(self.unpriced, refits[-1]), refit=refits[-1]) if refits else self
