"""Worker processes on this machine as the backend of a site."""

from __future__ import annotations

import os
from dataclasses import dataclass

from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.ports import Launcher
from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.models.domain.specs.local_launcher import LocalLauncherSpec
from tansaku.tasks.backends.launchers.backends import Backend, job_folder
from tansaku.tasks.backends.launchers.local import LocalLauncher


@dataclass(frozen=True)
class LocalBackend(Backend):
    """Runs jobs as processes of this machine, one spool folder per campaign under the home folder."""

    def launcher(self, campaign: CampaignSpec) -> Launcher:
        """The launcher of a campaign, whose spec has its id as name, with as many workers as it can keep busy."""
        spec = self.site.launcher
        if not isinstance(spec, LocalLauncherSpec):
            raise ConfigurationError(f"launcher.type: {spec.type!r}; expected local")
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        workers = spec.workers or min(campaign.execution.in_flight, cores)
        return LocalLauncher(job_folder(self.settings, self.site, campaign.name), spec, workers)
