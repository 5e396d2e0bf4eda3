"""Campaigns of any number of evaluations in a database of their own, which several benchmarks read."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from benchmarks.growth.filling import FOLLOWING, fill
from tansaku import __version__
from tansaku.models.domain.pool import CandidatePool
from tansaku.models.domain.records import CampaignRecord, Proposal
from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.models.domain.specs.space import SpaceSpec
from tansaku.spaces.space_registry import open_space
from tansaku.tasks.backends.resources import open_resources
from tansaku.tasks.backends.stores.connection import connect
from tansaku.tasks.ground.settings import Settings
from tansaku.tasks.node.configuration.campaign_files import LoadedCampaign, load_campaign, load_site, spec_hash
from tansaku.tasks.node.configuration.source import source_of

CAMPAIGN = Path(__file__).with_name("campaign.yaml")
DRIVEN = FOLLOWING
"""Evaluations that a driver may add to a filled campaign."""


def filled(settings: Settings, name: str, count: int, *, seed: int = 0, quick: bool = False) -> list[Proposal]:
    """Writes a campaign with some evaluations, and returns a few proposals that would follow."""
    loaded, space, pool = _campaign(quick)
    budget = loaded.spec.budget.model_copy(update={"evaluations": count + DRIVEN})
    spec = loaded.spec.model_copy(update={"name": name, "seed": seed, "budget": budget, "space": space})
    site = load_site(None)
    with open_resources(settings, site) as resources:
        record = resources.store.create_campaign(_record(spec, loaded.base_path))
        database = connect(settings, site)
        following = fill(database, record, pool, source_of(spec), count)
        database.client.close()
    return following


@cache
def _campaign(quick: bool) -> tuple[LoadedCampaign, SpaceSpec, CandidatePool]:
    """Returns the campaign file, the space that is searched and its candidates."""
    loaded = load_campaign(CAMPAIGN)
    space = loaded.spec.space
    if quick:
        few = space.model_dump() | {"boundaries": {"planes": [[1, 1, 3], [3, 3, 2]]}}
        space = type(space).model_validate(few)
    return loaded, space, open_space(space, loaded.base_path).pool()


def _record(spec: CampaignSpec, base_path: Path) -> CampaignRecord:
    return CampaignRecord(
        name=spec.name,
        spec=spec.model_dump(mode="json"),
        spec_hash=spec_hash(spec),
        base_path=str(base_path),
        tansaku_version=__version__,
        created_at=datetime.now(UTC),
    )
