"""Opens the parts of a cluster that the site file names: LaunchPad, scheduler and the queue's filler."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from tansaku.models.domain.errors import ConfigurationError, MissingComponentError
from tansaku.models.domain.requests import SiteQueue
from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.models.domain.specs.cluster import FireworksLauncherSpec
from tansaku.models.domain.specs.site import SiteSpec
from tansaku.tasks.backends.launchers.backends import Backend
from tansaku.tasks.ground.settings import Settings, scheduler_environment

if TYPE_CHECKING:
    from tansaku.tasks.backends.launchers.fireworks import FireworksLauncher
    from tansaku.tasks.backends.launchers.launchpad import CheckedLaunchPad
    from tansaku.tasks.backends.launchers.queue.thread import Filling
    from tansaku.tasks.backends.launchers.slurm import Slurm
    from tansaku.tasks.backends.stores.site_workers import SiteWorkers


@dataclass(frozen=True)
class Cluster:
    """A cluster as its site file describes it.

    Attributes:
        uri_file: File with MongoDB's address for compute nodes, None where they need none.
    """

    spec: FireworksLauncherSpec
    launchpad: CheckedLaunchPad
    slurm: Slurm
    workers: SiteWorkers
    uri_file: str | None

    def launcher(self, campaign: str, *, fills: bool = True) -> FireworksLauncher:
        """The backend of a campaign, not started yet.

        Args:
            fills: Whether it fills the queue when nobody else does.
        """
        from tansaku.tasks.backends.launchers.fireworks import FireworksLauncher
        from tansaku.tasks.backends.launchers.queue.thread import NoFilling

        filling = self.filling("driver") if fills else NoFilling()
        return FireworksLauncher(self.spec, campaign, self.launchpad, self.slurm, filling)

    def filling(self, kind: Literal["driver", "worker"]) -> Filling:
        """The queue's filler, not started yet."""
        from tansaku.tasks.backends.launchers.queue.filler import QueueFiller
        from tansaku.tasks.backends.launchers.queue.thread import Filling

        return Filling(self.spec, QueueFiller(self.spec, self.launchpad, self.slurm, self.uri_file), self.workers, kind)


def open_cluster(settings: Settings, site: SiteSpec, workers: SiteWorkers) -> Cluster:
    """Opens the cluster of a site file.

    Raises:
        ConfigurationError: The site file is not of a cluster, or compute nodes could not find the database.
        MissingComponentError: The extra `fireworks` is not installed.
    """
    spec = _spec_of(site)
    if importlib.util.find_spec("fireworks") is None:
        raise MissingComponentError("launcher.type fireworks needs FireWorks", hint="pip install 'tansaku[fireworks]'")
    from tansaku.tasks.backends.launchers.launchpad import open_launchpad
    from tansaku.tasks.backends.launchers.queue.filler import uri_file_for
    from tansaku.tasks.backends.launchers.slurm import Slurm
    from tansaku.tasks.backends.stores.connection import server_address, server_uri

    uri_file = uri_file_for(spec, site.database.uri_file, server_uri(settings, site))
    return Cluster(
        spec=spec,
        launchpad=open_launchpad(server_address(settings, site), spec.database),
        slurm=Slurm(scheduler_environment()),
        workers=workers,
        uri_file=uri_file,
    )


@dataclass(frozen=True)
class FireworksBackend(Backend):
    """Runs jobs on the cluster of a site file."""

    def launcher(self, campaign: CampaignSpec) -> FireworksLauncher:
        """The launcher of a campaign, which fills the queue when nobody else does."""
        return self.cluster().launcher(campaign.name)

    def queue(self) -> SiteQueue:
        """The queue's filler, and the jobs that it refused."""
        from tansaku.tasks.backends.launchers.queue.control import site_queue

        name = _spec_of(self.site).site
        return site_queue(name, self.workers.get(name))

    def cluster(self) -> Cluster:
        """Opens the cluster."""
        return open_cluster(self.settings, self.site, self.workers)


def _spec_of(site: SiteSpec) -> FireworksLauncherSpec:
    if not isinstance(site.launcher, FireworksLauncherSpec):
        raise ConfigurationError(f"launcher.type: {site.launcher.type!r}; a cluster's site file has type: fireworks")
    return site.launcher
