"""Restarts dead runs: detected by Prefect's heartbeats, restarted by its automations or by the service at its start."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterId, FlowRunFilter
from prefect.client.schemas.objects import StateType
from prefect.client.schemas.sorting import FlowRunSort
from prefect.events.actions import ChangeFlowRunState
from prefect.events.schemas.automations import AutomationCore, EventTrigger, Posture
from prefect.events.schemas.events import ResourceSpecification
from prefect.states import AwaitingRetry, Cancelled

from tansaku.flows.engines import living_engines

if TYPE_CHECKING:
    from prefect.client.orchestration import PrefectClient

HEARTBEAT = 30
"""Interval of Prefect's heartbeats of a run [s]; Prefect allows no shorter one."""

SILENCE = 90
"""A run without a heartbeat for this long counts as dead [s]: three heartbeats."""

CALM = 60
"""A run that crashes again within this time is not restarted [s], which ends a loop of crashes."""

_MOST = 200  # page size of the server's answers
_EVENT = "prefect.flow-run."
_OPEN = [StateType.RUNNING, StateType.PENDING, StateType.CANCELLING]


def automations(service: str, deployments: Iterable[UUID], silence: float) -> list[AutomationCore]:
    """Defines the two automations of a service.

    Args:
        deployments: Deployments whose runs are restarted.
        silence: A run without a heartbeat for this long counts as dead [s].

    Returns:
        One that marks silent runs as crashed, and one that restarts crashed runs.
    """
    related = ResourceSpecification(
        {
            "prefect.resource.role": "deployment",
            "prefect.resource.id": [f"prefect.deployment.{identity}" for identity in deployments],
        }
    )
    runs = ResourceSpecification({"prefect.resource.id": f"{_EVENT}*"})
    silent = EventTrigger(
        posture=Posture.Proactive,
        match=runs,
        match_related=related,
        for_each={"prefect.resource.id"},
        after={f"{_EVENT}heartbeat"},
        expect={f"{_EVENT}*"},
        threshold=1,
        within=timedelta(seconds=silence),
    )
    crashed = EventTrigger(
        posture=Posture.Reactive,
        match=runs,
        match_related=related,
        for_each={"prefect.resource.id"},
        expect={f"{_EVENT}Crashed"},
        threshold=1,
        within=timedelta(seconds=CALM),
    )
    return [
        AutomationCore(
            name=f"tansaku {service}: silent runs have crashed",
            description=f"Marks runs as crashed that sent no heartbeat for {silence:.0f} s.",
            trigger=silent,
            actions=[ChangeFlowRunState(state=StateType.CRASHED, message=f"no heartbeat for {silence:.0f} s")],
        ),
        AutomationCore(
            name=f"tansaku {service}: crashed runs start again",
            description="The campaign continues where it was; its state is in the database.",
            trigger=crashed,
            actions=[ChangeFlowRunState(state=StateType.SCHEDULED, name="AwaitingRetry", message="restarting")],
        ),
    ]


async def store_automations(client: PrefectClient, wanted: Iterable[AutomationCore]) -> None:
    """Creates automations or updates those of the same name; a disabled automation stays disabled."""
    for automation in wanted:
        known = await client.read_automations_by_name(automation.name)
        if not known:
            await client.create_automation(automation)
        for item in known:
            await client.update_automation(item.id, automation.model_copy(update={"enabled": item.enabled}))


async def take_up(client: PrefectClient, deployments: Iterable[UUID]) -> list[str]:
    """Reschedules runs that the server believes to be running but no process of this machine executes.

    Runs with a pending cancellation are cancelled instead.

    Returns:
        Names of the restarted runs.
    """
    runs = await client.read_flow_runs(
        flow_run_filter=FlowRunFilter.model_validate({"state": {"type": {"any_": _OPEN}}}),
        deployment_filter=DeploymentFilter(id=DeploymentFilterId(any_=list(deployments))),
        sort=FlowRunSort.EXPECTED_START_TIME_ASC,
        limit=_MOST,
    )
    alive, again = {run for run, _ in living_engines()}, []
    for run in runs:
        if str(run.id) in alive or run.state is None:
            continue
        if run.state.is_cancelling():
            await client.set_flow_run_state(run.id, Cancelled(message="its process is gone"), force=True)
            continue
        await client.set_flow_run_state(run.id, AwaitingRetry(message="its process is gone; restarting"), force=True)
        again.append(run.name)
    return again
