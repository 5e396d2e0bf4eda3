"""In-memory stores for a process without a database, holding the records that it was given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tansaku.models.domain.model_registry import ModelRecord
from tansaku.models.domain.records import CampaignRecord, Evaluation, Observation
from tansaku.models.domain.states import EvaluationState
from tansaku.tasks.backends.stores.memory import MemoryCampaignStore
from tansaku.tasks.backends.stores.memory_registry import MemoryRegistry


class GivenCampaigns(MemoryCampaignStore):
    """Campaigns with some of their observations and evaluations.

    Args:
        campaigns: Their records.
        observations: By name of the campaign.
        evaluations: By name of the campaign; not those that the observations come from.
    """

    def __init__(
        self,
        campaigns: Sequence[CampaignRecord],
        observations: Mapping[str, Sequence[Observation]],
        evaluations: Mapping[str, Sequence[Evaluation]],
    ) -> None:
        super().__init__()
        self._given, self._given_evaluations = observations, evaluations
        for record in campaigns:
            self.create_campaign(record)

    def observations(self, campaign: str) -> list[Observation]:
        """Returns the observations of a campaign in proposal order."""
        return list(self._given.get(campaign, ()))

    def evaluations(self, campaign: str, *, states: Sequence[EvaluationState] | None = None) -> list[Evaluation]:
        """Returns the given evaluations of a campaign."""
        return [item for item in self._given_evaluations.get(campaign, ()) if states is None or item.state in states]


class GivenModels(MemoryRegistry):
    """Versions of models with the numbers that they have.

    Args:
        models: Their records.
    """

    def __init__(self, models: Sequence[ModelRecord]) -> None:
        super().__init__()
        self._models.update({(model.name, model.version): model for model in models})
