"""Opens a stored campaign's proposer with its transfer sources."""

from __future__ import annotations

from pathlib import Path

from tansaku.models.domain.pool import CandidatePool
from tansaku.models.domain.ports import ArtifactStore, CampaignStore, Proposer
from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.models.domain.specs.site import DeviceName
from tansaku.models.engine.proposer_registry import build_proposer, build_transfer_proposer
from tansaku.tasks.loop.transfer.sources import CampaignSources, Target


def open_proposer(
    spec: CampaignSpec,
    pool: CandidatePool,
    base_path: Path,
    store: CampaignStore,
    artifacts: ArtifactStore,
    device: DeviceName = "numpy",
) -> Proposer:
    """Builds the proposer of a stored campaign.

    Args:
        spec: The campaign, its sources frozen.
        pool: Its candidates.
        base_path: Folder in which its relative paths start.
        store: Where followed sources are.
        artifacts: Where source data are kept.
        device: The site's.

    Raises:
        MissingComponentError: The device is not available.
        ConfigurationError: A source table has changed, or the proposer cannot learn.
        NotFoundError: Frozen source data are no longer stored.
    """
    if spec.transfer is None:
        return build_proposer(spec.proposer, spec.objective, spec.constraints, device)
    sources = CampaignSources(Target(spec, pool), base_path, store, artifacts)
    return build_transfer_proposer(spec, spec.transfer.mode, sources, device)
