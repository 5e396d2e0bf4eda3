"""Sweeps: rebuild derived data, end orphaned processes, delete unreferenced artifacts."""

from __future__ import annotations

from itertools import chain

from tansaku.models.domain.ports import CampaignStore
from tansaku.models.domain.records import JsonDict
from tansaku.tasks.backends.resources import Resources
from tansaku.tasks.loop.steps.reap import reap_orphans

ORPHAN_AGE = 86400.0
"""Artifacts younger than this may still be added to an outcome [s]."""


def sweep_campaign(store: CampaignStore, name: str) -> JsonDict:
    """Rebuilds a campaign's observations from its evaluations and ends the helper processes of a dead driver.

    Returns:
        ``observations_rebuilt``: how many were missing; ``reaped``: identities of processes that were ended.
    """
    return {"observations_rebuilt": store.rebuild_observations(name), "reaped": reap_orphans(store.campaign(name).runtime)}


def sweep_artifacts(resources: Resources, older_than: float = ORPHAN_AGE) -> int:
    """Deletes artifacts that no evaluation, transfer, data set or model refers to, and that is not in the library.

    References in damaged records count too.

    Args:
        older_than: Younger ones stay [s].

    Returns:
        How many were deleted.
    """
    referenced = chain(
        resources.store.named_artifacts(), resources.registry.named_artifacts(), resources.library.named_artifacts()
    )
    return resources.artifacts.sweep(referenced, older_than=older_than)
