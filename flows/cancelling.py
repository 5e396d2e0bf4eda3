"""Runs that are to be cancelled and whose process Prefect's runner does not know: it outlived its service, or an outage."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import TYPE_CHECKING
from uuid import UUID

import psutil
from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterId, FlowRunFilter
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.states import Cancelled

from tansaku.flows.engines import living_engines

if TYPE_CHECKING:
    from prefect.client.orchestration import PrefectClient

PATIENCE = 20.0
"""How long the runner has for a process that it started itself [s]; after an outage of the server it may not hear of it."""

GRACE = 60.0
"""How long a driver has to end softly [s]; its jobs go on, and the next driver adopts them."""


class CancelWatch:
    """Ends drivers of this machine whose runs were cancelled on the page, unless the runner does.

    Args:
        deployments: Those whose runs this service executes.
    """

    def __init__(self, deployments: Iterable[UUID]) -> None:
        self._deployments = list(deployments)
        self._seen: dict[UUID, float] = {}
        self._asked: dict[int, float] = {}

    async def look(self, client: PrefectClient) -> None:
        """Looks once; is to be called every few seconds."""
        runs = await _cancelling(client, self._deployments)
        now = time.monotonic()
        self._seen = {run.id: self._seen.get(run.id, now) for run in runs}
        if not runs:
            self._asked.clear()
            return
        engines = living_engines()
        mine = {one.pid for one in psutil.Process().children(recursive=True)}
        for run in runs:
            processes = [process for known, process in engines if known == str(run.id)]
            for process in processes:
                if process.pid not in mine or now - self._seen[run.id] > PATIENCE:
                    self._end(process, now)
            if not processes and now - self._seen[run.id] > PATIENCE:  # or it has just ended and tells so itself
                await client.set_flow_run_state(run.id, Cancelled(message="its process is gone"), force=True)

    def _end(self, process: psutil.Process, now: float) -> None:
        """SIGTERM once, a second one would end it at once; SIGKILL when it does not obey."""
        try:
            if process.pid not in self._asked:
                self._asked[process.pid] = now
                process.terminate()
            elif now - self._asked[process.pid] > GRACE:
                process.kill()
        except psutil.NoSuchProcess:
            return


async def _cancelling(client: PrefectClient, deployments: list[UUID]) -> list[FlowRun]:
    return await client.read_flow_runs(
        flow_run_filter=FlowRunFilter.model_validate({"state": {"type": {"any_": [StateType.CANCELLING]}}}),
        deployment_filter=DeploymentFilter(id=DeploymentFilterId(any_=deployments)),
    )
