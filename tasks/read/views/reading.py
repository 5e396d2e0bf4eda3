"""Base class of readings of a campaign, and the reading for overviews, which loads columns instead of evaluations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tansaku.models.domain.pool import CandidatePool, FloatArray
from tansaku.models.domain.ports import CampaignStore
from tansaku.models.domain.records import CampaignRecord, Evaluation, JsonDict, Refit
from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.models.domain.views import Columns
from tansaku.spaces.space_registry import open_space, outline_with, pool_with
from tansaku.tasks.backends.stores.campaigns import stored_spec
from tansaku.tasks.loop.ledger.rounds import priced_by
from tansaku.tasks.read.views.columns import complete_columns
from tansaku.tasks.read.views.costs import CostComparison, compare_costs

if TYPE_CHECKING:
    from tansaku.models.domain.ports import Space


class CampaignReading:
    """A campaign as it was read: its space, and what was found of it."""

    # Not defined at run time: a dataclass would take a property for its field's default.
    if TYPE_CHECKING:

        @property
        def record(self) -> CampaignRecord:
            """The campaign as stored."""
            raise NotImplementedError

        @property
        def spec(self) -> CampaignSpec:
            """Its resolved spec, edits applied."""
            raise NotImplementedError

        @property
        def space(self) -> Space:
            """The space it searches."""
            raise NotImplementedError

        @property
        def refits(self) -> Sequence[Refit]:
            """All refits in order."""
            raise NotImplementedError

        @property
        def columns(self) -> Columns:
            """The evaluations as columns."""
            raise NotImplementedError

        @property
        def polished(self) -> Sequence[Evaluation]:
            """Evaluations of the final relaxation."""
            raise NotImplementedError

    @cached_property
    def pool(self) -> CandidatePool:
        """All candidates of the space, at the costs that the last refit predicts."""
        return self._priced(pool_with(self.space, self._candidates))

    @property
    def _candidates(self) -> list[str]:
        return [str(name) for name in self.columns.candidates]

    def _priced(self, pool: CandidatePool) -> CandidatePool:
        return priced_by(pool, self.refits[-1]) if self.refits else pool

    @property
    def costs(self) -> CostComparison | None:
        """Predicted against actual cost, None where cost is not learned."""
        return compare_costs(self.columns, self.refits, self.spec.space)

    @cached_property
    def systems(self) -> tuple[JsonDict, ...]:
        """Descriptions of the systems, in the pool's order."""
        return tuple(self.space.describe_systems())

    @cached_property
    def exhaustive_cost(self) -> FloatArray:
        """Cost of evaluating every candidate of each system, shape ``(n_systems,)``."""
        return np.bincount(self.pool.system_codes, weights=self.pool.cost, minlength=len(self.pool.systems)).astype(np.float64)

    @property
    def sign(self) -> float:
        """1 when the objective is minimised, -1 when it is maximised: ``sign * value`` is to be small."""
        return 1.0 if self.spec.objective.direction == "minimize" else -1.0

    @property
    def value_key(self) -> str:
        """Name of the value in rows: ``E_gb`` for grain boundaries, ``E_b`` for migration barriers, else ``value``."""
        return self.spec.space.value_key(self.spec.objective.property)


@dataclass(frozen=True)
class CampaignOverview(CampaignReading):
    """A reading for overviews of campaigns of any size.

    Attributes:
        record: The campaign as stored.
        spec: Its resolved spec, edits applied.
        space: The space it searches.
        columns: The evaluations as columns.
        polished: Evaluations of the final relaxation.
        refits: All refits in order.
    """

    record: CampaignRecord
    spec: CampaignSpec
    space: Space
    columns: Columns
    polished: tuple[Evaluation, ...]
    refits: tuple[Refit, ...] = ()

    @cached_property
    def pool(self) -> CandidatePool:
        """All candidates of the space without their features, at the costs that the last refit predicts."""
        return self._priced(outline_with(self.space, self._candidates))

    @classmethod
    def load(cls, store: CampaignStore, name: str) -> CampaignOverview:
        """Reads a campaign and opens its space.

        Raises:
            NotFoundError: No campaign of this name is stored.
            StoreError: One of its evaluations cannot be read.
            ConfigurationError: A file the space needs is gone or changed.
        """
        record = store.campaign(name)
        spec = stored_spec(record)
        space = open_space(spec.space, Path(record.base_path))
        columns = complete_columns(store, name)
        polished = store.numbered(name, columns.numbers[~columns.searched].tolist())
        return cls(record, spec, space, columns, tuple(polished), tuple(store.refits(name)))
