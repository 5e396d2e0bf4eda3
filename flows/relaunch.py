"""Runs that died: noticed by Prefect's heartbeats, started again by its automations, or by the service when it starts."""

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
"""A run that was not heard of for so long is dead [s]: three heartbeats."""

CALM = 60
"""A run that crashes again within this time stays crashed [s]: what kills it every time must not go on for ever."""

_MOST = 200  # what the server answers at once
_EVENT = "prefect.flow-run."
_OPEN = [StateType.RUNNING, StateType.PENDING, StateType.CANCELLING]


def automations(service: str, deployments: Iterable[UUID], silence: float) -> list[AutomationCore]:
    """The two automations of a service.

    Args:
        service: Its name.
        deployments: Those whose runs are to be started again.
        silence: A run that was not heard of for so long is dead [s].

    Returns:
        One that calls a silent run crashed, one that starts crashed runs again.
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
            description=f"A run that sent no heartbeat for {silence:.0f} s.",
            trigger=silent,
            actions=[ChangeFlowRunState(state=StateType.CRASHED, message=f"no heartbeat for {silence:.0f} s")],
        ),
        AutomationCore(
            name=f"tansaku {service}: crashed runs start again",
            description="The campaign goes on where it was: all that it knows is in its database.",
            trigger=crashed,
            actions=[ChangeFlowRunState(state=StateType.SCHEDULED, name="AwaitingRetry", message="starts again")],
        ),
    ]


async def store_automations(client: PrefectClient, wanted: Iterable[AutomationCore]) -> None:
    """Creates automations, or brings those of the same name up to date; one that was switched off stays so."""
    for automation in wanted:
        known = await client.read_automations_by_name(automation.name)
        if not known:
            await client.create_automation(automation)
        for one in known:
            await client.update_automation(one.id, automation.model_copy(update={"enabled": one.enabled}))


async def take_up(client: PrefectClient, deployments: Iterable[UUID]) -> list[str]:
    """Schedules again what the server believes to be running and what no process of this machine runs.

    One that was to be cancelled is cancelled.

    Returns:
        Names of the runs that start again.
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
        await client.set_flow_run_state(run.id, AwaitingRetry(message="its process is gone; starts again"), force=True)
        again.append(run.name)
    return again
