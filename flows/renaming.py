"""Replaces deployments of older versions, which had the name of their service, and keeps users' settings."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING
from uuid import UUID

from prefect.client.schemas.actions import DeploymentScheduleCreate, DeploymentUpdate
from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterId, FlowRunFilter
from prefect.client.schemas.objects import StateType
from prefect.client.schemas.responses import DeploymentResponse
from prefect.events.schemas.automations import AutomationCore
from prefect.exceptions import ObjectNotFound

if TYPE_CHECKING:
    from prefect.client.orchestration import PrefectClient

_UPDATED = set(AutomationCore.model_fields) - {"owner_resource"}  # not allowed in an update
_OPEN = [StateType.SCHEDULED, StateType.PENDING, StateType.RUNNING, StateType.PAUSED, StateType.CANCELLING]


async def replaced_by(client: PrefectClient, old_name: str, new: UUID, *, own_slug: str) -> UUID | None:
    """Moves schedules and automations from a deployment's predecessor to it, and deletes the predecessor.

    Args:
        client: Client of the server.
        old_name: Flow and name of the predecessor.
        new: Its replacement.
        own_slug: Marks schedules that are ours, not the users'.

    Returns:
        The predecessor, if some of its runs have not ended; serve it until :func:`retire` can delete it.
    """
    try:
        old = await client.read_deployment_by_name(old_name)
    except ObjectNotFound:
        return None
    if "tansaku" not in old.tags:
        return None
    await _move_schedules(client, old, new, own_slug)
    await _move_automations(client, old.id, new)
    if old.paused:
        await client.update_deployment(new, DeploymentUpdate(paused=True))
    return old.id if await retire(client, [old.id]) else None


async def retire(client: PrefectClient, deployments: Iterable[UUID]) -> list[UUID]:
    """Deletes deployments without unfinished runs.

    Returns:
        The remaining deployments.
    """
    left = []
    for identity in deployments:
        open_runs = await client.read_flow_runs(
            flow_run_filter=FlowRunFilter.model_validate({"state": {"type": {"any_": _OPEN}}}),
            deployment_filter=DeploymentFilter(id=DeploymentFilterId(any_=[identity])),
            limit=1,
        )
        if open_runs:
            left.append(identity)
        else:
            await client.delete_deployment(identity)
    return left


async def _move_schedules(client: PrefectClient, old: DeploymentResponse, new: UUID, own_slug: str) -> None:
    there = [(schedule.schedule, schedule.parameters) for schedule in await client.read_deployment_schedules(new)]
    for schedule in await client.read_deployment_schedules(old.id):
        if schedule.slug != own_slug and (schedule.schedule, schedule.parameters) not in there:
            kept = schedule.model_dump(include=set(DeploymentScheduleCreate.model_fields) & set(type(schedule).model_fields))
            await client.create_deployment_schedules(new, [DeploymentScheduleCreate.model_validate(kept)])
        await client.delete_deployment_schedule(old.id, schedule.id)


async def _move_automations(client: PrefectClient, old: UUID, new: UUID) -> None:
    """Replaces the deployment's id in triggers and actions of automations."""
    for automation in await client.read_automations():
        text = automation.model_dump_json(include=_UPDATED)
        if str(old) in text:
            changed = AutomationCore.model_validate_json(text.replace(str(old), str(new)))
            await client.update_automation(automation.id, changed)
