"""Sweeps that make the derived agree with the truth again; safe to run at any time, as often as one likes."""

from __future__ import annotations

from pathlib import Path

from prefect import flow, task
from prefect.cache_policies import NO_CACHE

from tansaku.models.domain.records import JsonDict
from tansaku.tasks.configuration import load_site
from tansaku.tasks.resources import open_resources
from tansaku.tasks.settings import Settings
from tansaku.tasks.sweeps import sweep_artifacts, sweep_campaign


@task(name="sweep", cache_policy=NO_CACHE, persist_result=False)
def sweep(name: str, site: str | None) -> JsonDict:
    """Rebuilds a campaign's observations and reaps the helpers of a driver that is gone."""
    settings = Settings.from_environment()
    with open_resources(settings, load_site(Path(site) if site else settings.site_file)) as resources:
        return sweep_campaign(resources.store, name)


@flow(name="reconcile", persist_result=False)
def reconcile_flow(names: list[str] | None = None, site: str | None = None) -> dict[str, JsonDict]:
    """Sweeps campaigns.

    Args:
        names: None: all.
        site: Path of the site file, None for the one of the environment.

    Returns:
        By campaign: ``observations_rebuilt`` and ``reaped`` processes; under ``artifacts`` how many orphans were deleted.
    """
    settings = Settings.from_environment()
    with open_resources(settings, load_site(Path(site) if site else settings.site_file)) as resources:
        wanted = names if names is not None else [record.name for record in resources.store.campaigns()]
        artifacts = {"deleted": sweep_artifacts(resources)}
    return {"artifacts": artifacts} | {name: sweep(name, site) for name in wanted}
