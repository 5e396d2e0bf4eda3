"""The committee that tells a campaign's proposer how far the networks of its retrained surrogate disagree."""

from __future__ import annotations

from tansaku.models.domain.door import opened
from tansaku.models.domain.pool import CandidatePool
from tansaku.models.domain.ports import ArtifactStore, Proposer, Space
from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.tasks.loop.ledger.context import Committee, Ledger


class _Silent:
    """Committee of a campaign whose surrogate has no networks that disagree."""

    def informed(self, proposer: Proposer, _ledger: Ledger, _number: int) -> Proposer:
        """The same proposer."""
        return proposer


def open_committee(space: Space, pool: CandidatePool, spec: CampaignSpec, artifacts: ArtifactStore) -> Committee:
    """The committee that the surrogate of a campaign names in ``informer``.

    Args:
        artifacts: Where the versions' weights are.
    """
    learned = None if spec.retrain is None else spec.retrain.surrogate
    if learned is None or not learned.informer:
        return _Silent()
    found: Committee = opened("surrogates", learned.type, learned.informer)(space, pool, spec, artifacts)
    return found
