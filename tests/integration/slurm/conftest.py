"""Campaigns on the real SLURM, driven by the real command in a process of its own that can be killed."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
import yaml

from tansaku.models.domain.errors import NotFoundError
from tansaku.models.domain.records import Evaluation
from tansaku.tasks.backends.launchers.launches import open_spool
from tansaku.tasks.backends.stores.connection import open_database
from tansaku.tasks.backends.stores.mongo import MongoCampaignStore
from tansaku.tasks.node.jobs.spool import Spool
from tests.support.campaign_files import aluminium_campaign
from tests.support.warm_workers import WarmProcess, WarmWorkers
from tests.support.workers import computing

PATIENCE = 600.0
TIMING = {"lease": 20.0, "heartbeat": 0.5, "poll": 0.1, "patience": 120.0}


def campaign_document(**changes: object) -> dict:
    """Real relaxations of a small boundary, by ASE's EMT."""
    return aluminium_campaign(evaluations=2, retries=2) | changes


class SlurmCampaign:
    """A campaign and a site file in a folder, and drivers of it.

    Args:
        folder: Of the test.
        site: The backend whose site file is used.
        document: The campaign.
        warm_workers: Forks drivers and commands.
    """

    def __init__(self, folder: Path, site: object, document: dict, warm_workers: WarmWorkers) -> None:
        self.folder, self.backend, self.name = folder, site, document["name"]
        self._id: str | None = None
        self.file = folder / f"{self.name}.yaml"
        self.file.write_text(yaml.safe_dump(document))
        self.site_file = folder / "site.yaml"
        site_document = site.site.model_copy(update={"timing": site.site.timing.model_copy(update=TIMING)})
        self.site_file.write_text(yaml.safe_dump(site_document.model_dump(mode="json")))
        self.drivers: list[WarmProcess] = []
        self._warm_workers = warm_workers
        self.log = folder / "driver.log"

    @property
    def spool(self) -> Spool:
        """Of its jobs; there are none before the campaign is stored."""
        with suppress(NotFoundError):
            self._id = self._id or self.store.campaign_id(self.name)
        return open_spool(self.backend.shared, self._id or "nothing")

    @property
    def store(self) -> MongoCampaignStore:
        return MongoCampaignStore(open_database(self.backend.uri, self.backend.database))

    def command(self, *arguments: str | Path, **environment: str) -> WarmProcess:
        """Starts ``tansaku``; its output goes to a file."""
        with self.log.open("ab") as output:
            process = self._warm_workers.command(arguments, output, output, self._environment | environment)
        self.drivers.append(process)
        return process

    @property
    def _environment(self) -> dict[str, str]:
        return os.environ | {"TANSAKU_HOME": str(self.folder / "home"), "TANSAKU_SITE": str(self.site_file)}

    def start(self, *options: str, **environment: str) -> WarmProcess:
        """A driver, without Prefect unless other options are given."""
        return self.command("run", *(options or ("--plain",)), str(self.file), **environment)

    def ended(self, driver: WarmProcess) -> int:
        return driver.wait(PATIENCE)

    def drive(self, **environment: str) -> None:
        """Drives to the end."""
        code = self.ended(self.start(**environment))
        assert code == 0, self.log.read_text()[-3000:]

    def say(self, *arguments: str) -> str:
        """Output of a command."""
        out = self.folder / "said.txt"
        with out.open("wb") as output:
            self._warm_workers.command(arguments, output, output, self._environment).wait(PATIENCE)
        return out.read_text()

    def wait_for(self, condition: Callable[[], object]) -> object:
        until = time.monotonic() + PATIENCE
        while not (found := condition()):
            assert time.monotonic() < until, self.log.read_text()[-3000:] if self.log.exists() else "nothing was said"
            time.sleep(0.01)
        return found

    def hold_one(self) -> tuple[str, int]:
        """Stops the first worker that computes something; returns its job and process."""

        def held() -> tuple[str, int] | None:
            for path in (self.spool.root / "claims").glob("*") if self.spool.root.exists() else ():
                with suppress(OSError, ValueError, psutil.Error):
                    claim = json.loads(path.read_text())
                    if claim["pid"] and not self.spool.is_over(path.name):
                        pid = computing(claim["pid"])
                        os.kill(pid, signal.SIGSTOP)
                        return path.name, pid
            return None

        name, pid = self.wait_for(held)
        assert not self.spool.is_over(name), "it was over before it could be stopped"
        return name, pid

    def launch(self, job: str) -> str:
        """Name of the launch, and of SLURM's job, that does a job."""
        return json.loads((self.spool.folder(job) / "launch.json").read_text())["launch"]

    def evaluations(self) -> list[Evaluation]:
        return self.store.evaluations(self.name)

    def observed(self) -> list[tuple]:
        return [(one.number, one.candidate, one.value, one.reason) for one in self.store.observations(self.name)]

    def attempts(self) -> list[list[str]]:
        """Reasons why attempts were given up, by evaluation."""
        return [[one.failure.reason for one in evaluation.attempts if one.failure] for evaluation in self.evaluations()]

    def runs(self) -> int:
        """How many launches began on a compute node."""
        return len(list((self.backend.shared / "launches").glob("*/runner.json")))

    def close(self) -> None:
        for driver in self.drivers:
            if driver.poll() is None:
                driver.kill()
                driver.wait()


@pytest.fixture
def make_campaign(
    fireworks_site: Callable[..., object], tmp_path: Path, warm_workers: WarmWorkers
) -> Iterator[Callable[..., SlurmCampaign]]:
    """``make_campaign(launcher={keys of the site}, uri=…, **keys of the campaign)``."""
    made: list[SlurmCampaign] = []

    def make(launcher: dict | None = None, uri: str | None = None, **changes: object) -> SlurmCampaign:
        made.append(
            SlurmCampaign(tmp_path, fireworks_site(uri=uri, **(launcher or {})), campaign_document(**changes), warm_workers)
        )
        return made[-1]

    yield make
    for campaign in made:
        campaign.close()
