"""Sweeps: derive again what can be derived, end what nobody owns, delete what nobody names."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from tansaku.models.domain.ports import CampaignStore
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.registry import Registry
from tansaku.tasks.resources import Resources
from tansaku.tasks.steps.reap import reap_orphans
from tansaku.tasks.transfer.report import source_artifacts

ORPHAN_AGE = 86400.0
"""Age below which an artifact that no outcome names may still be on its way into one [s]."""


def sweep_campaign(store: CampaignStore, name: str) -> JsonDict:
    """Rebuilds a campaign's observations from its evaluations and reaps the helpers of a driver that is gone.

    Returns:
        ``observations_rebuilt``: how many were missing; ``reaped``: identities of processes that were ended.
    """
    return {"observations_rebuilt": store.rebuild_observations(name), "reaped": reap_orphans(store.campaign(name).runtime)}


def sweep_artifacts(resources: Resources, older_than: float = ORPHAN_AGE) -> int:
    """Deletes artifacts that no evaluation and no transfer of any campaign names, and no data set or model.

    Args:
        older_than: Younger ones stay [s].

    Returns:
        How many were deleted.
    """
    referenced = chain(_referenced(resources.store), _registered(resources.registry))
    return resources.artifacts.sweep(referenced, older_than=older_than)


def _referenced(store: CampaignStore) -> Iterator[str]:
    for record in store.campaigns():
        yield from source_artifacts(store, record)
        for evaluation in store.evaluations(record.name):
            outcomes = [evaluation.outcome, *(attempt.late_outcome for attempt in evaluation.attempts)]
            for outcome in outcomes:
                yield from outcome.artifacts.values() if outcome is not None else ()


def _registered(registry: Registry) -> Iterator[str]:
    for dataset in registry.datasets():
        yield dataset.artifact
    for model in registry.models():
        yield from (model.artifact, model.report)
