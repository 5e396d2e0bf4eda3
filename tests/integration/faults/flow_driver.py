"""A driver inside its Prefect flow, as `tansaku run` starts it: ``python -m … REQUEST``; no product code."""

from __future__ import annotations

import json
import os
import signal
import sys
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from tansaku.flows import campaign as flow_module
from tansaku.models.domain.authors import Actor
from tansaku.models.domain.errors import TansakuError
from tansaku.models.domain.ports import CampaignStore, Launcher
from tansaku.tasks.act.commands.create import prepare_campaign
from tansaku.tasks.backends.resources import open_resources
from tansaku.tasks.ground.settings import Settings
from tansaku.tasks.node.configuration.campaign_files import load_campaign, load_site
from tests.integration.faults.driver_server import Halting, Recorder


class ServerKiller(Halting):
    """Kills the Prefect server when a number is proposed."""

    def __init__(self, number: int | None, log: Path) -> None:
        super().__init__(None, log)
        self._number = number

    def on_proposal(self, evaluation) -> None:
        super().on_proposal(evaluation)
        if evaluation.proposal.number == self._number:
            os.kill(flow_module._RUN.get().server.identity["pid"], signal.SIGKILL)


def main(request: dict) -> dict:
    site = Path(request["site"])
    with open_resources(Settings.from_environment(), load_site(site)) as resources:
        name = prepare_campaign(resources, Actor("ada", "test"), load_campaign(Path(request["campaign"]))).name

    @contextmanager
    def recorded(settings, site_spec):
        with open_resources(settings, site_spec) as real:
            kill = request.get("kill")
            yield replace(
                real,
                store=Recorder(real.store, CampaignStore, kill),
                open_launcher=lambda spec: Recorder(real.open_launcher(spec), Launcher, kill),
            )

    flow_module.open_resources = recorded
    flow_module.SLICE = 0.3
    observer = ServerKiller(request.get("kill_server_at"), Path(request["out"] + ".log"))
    return {"reason": flow_module.run_campaign(name, site, observer).reason}


if __name__ == "__main__":
    given = json.loads(sys.argv[1])
    try:
        answer = main(given)
    except TansakuError as error:
        answer = {"error": type(error).__name__, "message": str(error)}
    Path(given["out"]).write_text(json.dumps(answer))
