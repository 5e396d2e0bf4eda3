"""Stores in memory that hold what a process without a database was given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tansaku.models.domain.model_registry import ModelRecord
from tansaku.models.domain.records import CampaignRecord, Observation
from tansaku.tasks.stores.memory import MemoryCampaignStore
from tansaku.tasks.stores.memory_registry import MemoryRegistry


class GivenCampaigns(MemoryCampaignStore):
    """Campaigns with their observations, without the evaluations that these come from.

    Args:
        campaigns: Their records.
        observations: By name of the campaign.
    """

    def __init__(self, campaigns: Sequence[CampaignRecord], observations: Mapping[str, Sequence[Observation]]) -> None:
        super().__init__()
        self._given = observations
        for record in campaigns:
            self.create_campaign(record)

    def observations(self, campaign: str) -> list[Observation]:
        """Returns the observations of a campaign in proposal order."""
        return list(self._given.get(campaign, ()))


class GivenModels(MemoryRegistry):
    """Versions of models with the numbers that they have.

    Args:
        models: Their records.
    """

    def __init__(self, models: Sequence[ModelRecord]) -> None:
        super().__init__()
        self._models.update({(model.name, model.version): model for model in models})
