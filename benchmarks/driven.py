"""Runs campaigns of benchmarks like ``tansaku run``, in a separate home folder."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from tansaku.flows.campaign import run_campaign
from tansaku.flows.server import PrivatePrefect
from tansaku.models.domain.authors import Actor
from tansaku.tasks.act.commands.create import prepare_campaign
from tansaku.tasks.backends.resources import Resources, open_resources
from tansaku.tasks.backends.stores.connection import embedded_server
from tansaku.tasks.ground.settings import HOME_VARIABLE, Settings
from tansaku.tasks.loop.driver.result import DriveResult
from tansaku.tasks.node.configuration.campaign_files import LoadedCampaign, load_site


@contextmanager
def own_home() -> Iterator[Settings]:
    """A home of its own with servers of its own, which end with it."""
    before = os.environ.get(HOME_VARIABLE)
    # A short name: the database's socket lies in it.
    with tempfile.TemporaryDirectory(prefix="tsk-") as home:
        os.environ[HOME_VARIABLE] = home
        settings = Settings.from_environment()
        try:
            yield settings
        finally:
            server = embedded_server(settings, load_site(None))
            if server is not None:
                server.stop()
            PrivatePrefect.stop_all(settings.home)
            os.environ.pop(HOME_VARIABLE)
            if before is not None:
                os.environ[HOME_VARIABLE] = before


@contextmanager
def driven(loaded: LoadedCampaign, workers: int) -> Iterator[tuple[DriveResult, Resources]]:
    """Runs a campaign to its end; gives the outcome and the database.

    Only one per process: Prefect's client keeps its first server, which ends with the home folder.

    Args:
        loaded: The campaign.
        workers: Of the local launcher.

    Yields:
        How it ended, and its database, which is gone afterwards.

    Raises:
        SystemExit: A signal ended it before.
    """
    with own_home() as settings:
        file = settings.home / "site.yaml"
        file.write_text(f"schema_version: 1\nlauncher: {{type: local, workers: {workers}}}\n")
        site = load_site(file)
        with open_resources(settings, site) as resources:
            prepare_campaign(resources, Actor("benchmark", "benchmarks"), loaded)
        result = run_campaign(loaded.spec.name, file)
        if result.reason == "interrupted":
            sys.exit(130)
        with open_resources(settings, site) as resources:
            yield result, resources
