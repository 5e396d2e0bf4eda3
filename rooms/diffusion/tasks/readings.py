"""Reads the diffusion of campaigns, once for each version and one at a time, because it samples a model."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from math import prod
from threading import Lock

from tansaku.diffusion.tasks.page_records import Diffusion
from tansaku.models.domain.errors import ConfigurationError, NotFoundError, StoreError
from tansaku.models.domain.ports import ArtifactStore, CampaignStore
from tansaku.tasks.backends.stores.campaigns import stored_spec
from tansaku.tasks.read.views.campaign import Campaign

FRESH = 10.0
"""A campaign that runs is read again no sooner than this [s]."""

LARGEST_GRID = 10**6
"""Points of a grid that is still shown."""

_MOST_KEPT = 16


class DiffusionReadings:
    """Diffusion results of campaigns, with their latest versions. Safe between threads.

    Args:
        store: Holds the campaigns.
        artifacts: Big values.
        version: Present version of a campaign; raises NotFoundError.
        clock: Seconds that only rise.
    """

    def __init__(
        self,
        store: CampaignStore,
        artifacts: ArtifactStore,
        version: Callable[[str], str],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store, self._artifacts, self._version, self._clock = store, artifacts, version, clock
        self._lock = Lock()
        self._kept: OrderedDict[str, tuple[float, Diffusion]] = OrderedDict()

    def diffusion(self, name: str) -> Diffusion:
        """Returns the diffusion of a campaign's present version, or of one that was read less than :data:`FRESH` before.

        Raises:
            NotFoundError: No campaign of this name is stored, or it looks for no path.
        """
        self._check(name)
        version = self._version(name)
        with self._lock:
            kept = self._kept.get(name)
            if kept is not None and (kept[1].version == version or self._clock() - kept[0] < FRESH):
                return kept[1]
            found = self._read(name, version)
            self._kept[name] = (self._clock(), found)
            self._kept.move_to_end(name)
            while len(self._kept) > _MOST_KEPT:
                self._kept.popitem(last=False)
            return found

    def _check(self, name: str) -> None:
        if not stored_spec(self._store.campaign(name)).objective.goal.gridded:
            raise NotFoundError(f"campaign {name!r} does not search for the bottleneck of an energy surface")

    def _read(self, name: str, version: str) -> Diffusion:
        # Imports what compiles for seconds, for these campaigns alone.
        from tansaku.diffusion.tasks.page import diffusion_of

        try:
            data = Campaign.load(self._store, name, self._artifacts)
            points = max((prod(grid.shape) for grid in data.pool.grids.values()), default=0)
            if points > LARGEST_GRID:
                problem = f"{points} points of the grid are too many for a page; `tansaku path` shows them"
                return Diffusion(version=version, problem=problem)
            return diffusion_of(data, version, self._artifacts)
        except (ConfigurationError, NotFoundError, StoreError) as error:
            return Diffusion(version=version, problem=error.message)
