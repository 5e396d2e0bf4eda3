"""Backends: what runs the jobs of a site."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

from tansaku.models.domain.door import opened
from tansaku.models.domain.ports import Launcher
from tansaku.models.domain.requests import SiteQueue
from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.models.domain.specs.site import SiteSpec
from tansaku.tasks.ground.settings import Settings

if TYPE_CHECKING:
    from tansaku.tasks.backends.launchers.cluster import Cluster
    from tansaku.tasks.backends.stores.site_workers import SiteWorkers


@dataclass(frozen=True)
class Backend(ABC):
    """Runs the jobs of a site; every part is opened on first use.

    Attributes:
        settings: From the environment.
        site: The machine.
        workers: Leases of the sites' queues.
    """

    settings: Settings
    site: SiteSpec
    workers: SiteWorkers

    @abstractmethod
    def launcher(self, campaign: CampaignSpec) -> Launcher:
        """The launcher of a campaign, not started yet."""

    def queue(self) -> SiteQueue | None:
        """The queue of the site's cluster; None if there is none."""
        return None

    def cluster(self) -> Cluster | None:
        """Opens the site's cluster; None where jobs run on this machine."""
        return None


def backend_of(settings: Settings, site: SiteSpec, workers: SiteWorkers) -> Backend:
    """The backend that a site file asks for."""
    return cast("Backend", opened("launchers", site.launcher.type, site.launcher.opener)(settings, site, workers))


def files_folder(settings: Settings, site: SiteSpec) -> Path:
    """Folder of the copies of the library's files: of this machine, or shared with other machines."""
    return Path(site.launcher.shared_folder or settings.home) / "library"


def job_folder(settings: Settings, site: SiteSpec, campaign: str) -> Path:
    """Folder of a campaign's jobs: of this machine, or shared with other machines."""
    return Path(site.launcher.shared_folder or settings.home) / "spool" / campaign
