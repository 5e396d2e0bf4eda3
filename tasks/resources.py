"""The one composition root: opens store, artifacts and launchers by what settings and site say."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tansaku.models.domain.ports import ArtifactStore, CampaignStore, Launcher
from tansaku.models.domain.registry import Registry
from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.models.domain.specs.site import LocalLauncherSpec, SiteSpec
from tansaku.tasks.settings import Settings

if TYPE_CHECKING:
    from tansaku.tasks.cluster import Cluster
    from tansaku.tasks.stores.site_workers import SiteWorkers

LauncherFactory = Callable[[CampaignSpec], Launcher]


def _in_memory() -> Registry:
    from tansaku.tasks.stores.memory_registry import MemoryRegistry

    return MemoryRegistry()


def _leave_alone() -> None:
    """Somebody else's server comes back by itself."""


def _no_queue() -> None:
    """Nobody's queue is to be filled."""


def _no_cluster() -> None:
    """The site's jobs run on this machine."""


@dataclass(frozen=True)
class Resources:
    """What a command or a driver works with.

    Attributes:
        settings: From the environment.
        site: The machine.
        store: Campaigns.
        artifacts: Big values.
        open_launcher: Opens the backend of a campaign; it is not started yet.
        queue: Says in a line who fills the queue of the site's cluster and what hinders that; None for other sites.
        cluster: Opens the site's cluster; None for other sites.
        revive: Brings a server of our own back that does not answer; does nothing for somebody else's.
        registry: Data sets and models.
    """

    settings: Settings
    site: SiteSpec
    store: CampaignStore
    artifacts: ArtifactStore
    open_launcher: LauncherFactory
    revive: Callable[[], object] = _leave_alone
    queue: Callable[[], str | None] = _no_queue
    cluster: Callable[[], Cluster | None] = _no_cluster
    registry: Registry = field(default_factory=_in_memory)

    def launcher(self, campaign: CampaignSpec) -> Launcher:
        """The backend of a campaign, not started yet."""
        return self.open_launcher(campaign)

    def job_folder(self, campaign: str) -> Path:
        """Folder of a campaign's jobs: of this machine, or shared with a cluster's nodes."""
        spec = self.site.launcher
        home = self.settings.home if isinstance(spec, LocalLauncherSpec) else Path(spec.folder)
        return spool_folder(home, campaign)


def local_launchers(settings: Settings, spec: LocalLauncherSpec) -> LauncherFactory:
    """Launchers of worker processes on this machine, one spool folder per campaign under the home folder."""

    def open_launcher(campaign: CampaignSpec) -> Launcher:
        from tansaku.tasks.launchers.local import LocalLauncher

        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        workers = spec.workers or min(campaign.execution.in_flight, cores)
        return LocalLauncher(spool_folder(settings.home, campaign.name), spec, workers)

    return open_launcher


def launchers(settings: Settings, site: SiteSpec, workers: SiteWorkers) -> LauncherFactory:
    """The launchers that a site file asks for.

    Args:
        settings: From the environment.
        site: The machine.
        workers: Leases of the sites' queues, for clusters.
    """
    spec = site.launcher
    if isinstance(spec, LocalLauncherSpec):
        return local_launchers(settings, spec)

    def open_launcher(campaign: CampaignSpec) -> Launcher:
        from tansaku.tasks.cluster import open_cluster

        return open_cluster(settings, site, workers).launcher(campaign.name)

    return open_launcher


def spool_folder(home: Path, campaign: str) -> Path:
    """Folder of a campaign's jobs under a home folder, or under a cluster's shared one."""
    return home / "spool" / campaign


@contextmanager
def open_resources(settings: Settings, site: SiteSpec) -> Iterator[Resources]:
    """Opens everything settings and site name; closes the connections at the end.

    Raises:
        ConfigurationError: A setting is wrong.
        StoreError: The database refuses, or is of a newer schema.
        TransientError: The database does not answer.
    """
    from tansaku.tasks.site_worker import who_fills
    from tansaku.tasks.stores.artifacts import GridFSArtifactStore
    from tansaku.tasks.stores.connection import connect, embedded_server
    from tansaku.tasks.stores.mongo import MongoCampaignStore
    from tansaku.tasks.stores.mongo_registry import MongoRegistry
    from tansaku.tasks.stores.site_workers import SiteWorkers

    database = connect(settings, site)
    embedded = embedded_server(settings, site)
    store, workers = MongoCampaignStore(database), SiteWorkers(database)

    def queue() -> str | None:
        spec = site.launcher
        return None if isinstance(spec, LocalLauncherSpec) else who_fills(spec.site, workers.get(spec.site))

    def cluster() -> Cluster | None:
        from tansaku.tasks.cluster import open_cluster

        return None if isinstance(site.launcher, LocalLauncherSpec) else open_cluster(settings, site, workers)

    try:
        yield Resources(
            settings=settings,
            site=site,
            store=store,
            artifacts=GridFSArtifactStore(database),
            open_launcher=launchers(settings, site, workers),
            queue=queue,
            cluster=cluster,
            revive=_leave_alone if embedded is None else embedded.start,
            registry=MongoRegistry(database),
        )
    finally:
        store.close()
