"""Cancels runs whose process Prefect's runner does not know, because it outlived its service or an outage."""

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
"""Time for the runner to end a process it started [s]; after an outage of the server it may miss the cancellation."""

GRACE = 60.0
"""Time for a driver to end after SIGTERM [s]; its jobs continue, and the next driver adopts them."""


class CancelWatch:
    """Ends drivers on this machine whose runs were cancelled on the page and which the runner has not ended.

    Args:
        deployments: Deployments whose runs this service executes.
    """

    def __init__(self, deployments: Iterable[UUID]) -> None:
        self._deployments = list(deployments)
        self._seen: dict[UUID, float] = {}
        self._asked: dict[int, float] = {}

    async def look(self, client: PrefectClient) -> None:
        """Checks once; call it every few seconds."""
        runs = await _cancelling(client, self._deployments)
        now = time.monotonic()
        self._seen = {run.id: self._seen.get(run.id, now) for run in runs}
        if not runs:
            self._asked.clear()
            return
        engines = living_engines()
        mine = {child.pid for child in psutil.Process().children(recursive=True)}
        for run in runs:
            processes = [process for known, process in engines if known == str(run.id)]
            for process in processes:
                if process.pid not in mine or now - self._seen[run.id] > PATIENCE:
                    self._end(process, now)
            if not processes and now - self._seen[run.id] > PATIENCE:  # or it has just ended and reports that itself
                await client.set_flow_run_state(run.id, Cancelled(message="its process is gone"), force=True)

    def _end(self, process: psutil.Process, now: float) -> None:
        """Sends SIGTERM once, then SIGKILL if it does not end."""
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
