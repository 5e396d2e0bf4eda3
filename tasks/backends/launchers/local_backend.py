"""Worker processes on this machine as the backend of a site."""

from __future__ import annotations

import os
from dataclasses import dataclass

from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.ports import Launcher
from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.models.domain.specs.local_launcher import LocalLauncherSpec
from tansaku.models.domain.specs.site import SiteSpec
from tansaku.tasks.backends.launchers.backends import Backend, job_folder
from tansaku.tasks.backends.launchers.local import LocalLauncher
from tansaku.tasks.ground.settings import Settings


@dataclass(frozen=True)
class LocalBackend(Backend):
    """Runs jobs as processes of this machine, one spool folder per campaign under the home folder."""

    def launcher(self, campaign: CampaignSpec) -> Launcher:
        """The launcher of a campaign, whose spec has its id as name."""
        return local_launcher(self.settings, self.site, campaign)


def local_launcher(settings: Settings, site: SiteSpec, campaign: CampaignSpec) -> Launcher:
    """The launcher of a campaign on this machine, with as many workers as it can keep busy.

    Args:
        settings: From the environment.
        site: The machine.
        campaign: Its spec, with its id as name.

    Raises:
        ConfigurationError: The site's jobs run elsewhere.
    """
    spec = site.launcher
    if not isinstance(spec, LocalLauncherSpec):
        raise ConfigurationError(f"launcher.type: {spec.type!r}; expected local")
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    workers = spec.workers or min(campaign.execution.in_flight, cores)
    return LocalLauncher(job_folder(settings, site, campaign.name), spec, workers, campaign)
