"""Makes the Prefect server agree with the schedules that users of the dashboard stored, and mirrors the server's.

Each pass compares both sides and changes what differs. If a service is killed at any point, the next pass completes its work: a
schedule on the server is known by the id of the stored one, which is its slug.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import DeploymentScheduleCreate
from prefect.client.schemas.filters import DeploymentFilter
from prefect.client.schemas.objects import DeploymentSchedule, FlowRun, State
from prefect.client.schemas.responses import DeploymentResponse
from prefect.client.schemas.schedules import CronSchedule
from prefect.client.schemas.sorting import FlowRunSort
from prefect.exceptions import ObjectNotFound

from tansaku.flows.names import RECONCILE, STORED, TRAIN, deployment_name, deployment_names
from tansaku.models.domain.errors import NotFoundError, StoreError
from tansaku.models.domain.ports import CampaignStore
from tansaku.models.domain.schedules import Schedule, ScheduleMirror, ScheduleRow, Schedules
from tansaku.tasks.backends.stores.campaigns import refuse_reserved

HOLD = 600.0
"""A schedule whose service did not look at it for this long may be taken by another deployment [s]."""

_SLUG = "dashboard-"
_MOST_RUNS = 200
_LONGEST = 300


class ScheduleServer(Protocol):
    """Operations on a Prefect server; every method raises OutageError when it does not answer."""

    def deployment(self) -> str | None:
        """Id of the deployment that continues stored campaigns; None: not registered yet."""
        ...

    def rows(self) -> list[ScheduleRow]:
        """Schedules of all deployments of the service."""
        ...

    def put(self, wanted: Schedule, present: ScheduleRow | None) -> None:
        """Makes or changes the schedule of a stored one. Raises StoreError where the server refuses."""
        ...

    def delete(self, row: ScheduleRow) -> None:
        """Deletes a schedule of a stored one."""
        ...


@dataclass(frozen=True)
class ScheduleDesk:
    """Dependencies for maintaining schedules.

    Attributes:
        service: Name of the service.
        schedules: The stored schedules, and reports on the server's.
        server: The Prefect server.
        now: The time.
    """

    service: str
    store: CampaignStore
    schedules: Schedules
    server: ScheduleServer
    now: Callable[[], datetime]

    def agree(self) -> None:
        """Changes differing schedules, and stores a report. Raises OutageError, TransientError."""
        holder = self.server.deployment()
        if holder is None:
            return
        held = [known for known in self.schedules.schedules() if self.schedules.hold_schedule(known.id, holder, HOLD)]
        problems = {known.id: problem for known in held if (problem := self._problem(known))}
        wanted = {known.id: known for known in held if not known.removed and known.id not in problems}
        present = {row.own: row for row in self.server.rows() if row.own is not None}
        for own, row in present.items():
            if own not in wanted:
                self.server.delete(row)
        for own, known in wanted.items():
            if not _agrees(known, present.get(own)):
                try:
                    self.server.put(known, present.get(own))
                except StoreError as error:
                    problems[own] = error.message
        rows = tuple(self.server.rows())
        self.schedules.mirror_schedules(ScheduleMirror(id=self.service, rows=rows, problems=problems, mirrored_at=self.now()))
        for known in held:
            if known.removed:
                self.schedules.forget_schedule(known.id)

    def _problem(self, known: Schedule) -> str:
        """Returns why a schedule must not be in force; empty: it may be."""
        if known.campaign is None:
            return ""
        try:
            record = self.store.campaign(known.campaign)
            refuse_reserved(record)
        except (NotFoundError, StoreError) as error:
            return error.message
        same = record.created_at == known.campaign_created_at
        return "" if same else "the campaign was deleted, and another one of its name created"


def _agrees(known: Schedule, row: ScheduleRow | None) -> bool:
    wanted = (known.campaign, known.cron, known.zone, known.active)
    return row is not None and (row.campaign, row.timing, row.zone, row.active) == wanted


class PrefectSchedules:
    """Schedules of the configured Prefect server.

    Args:
        service: Name of the service whose deployments have them.
        ask: Opens a client whose failures are ours.
    """

    def __init__(self, service: str, ask: Callable[[], AbstractContextManager[SyncPrefectClient]]) -> None:
        self._service, self._ask = service, ask

    def deployment(self) -> str | None:
        """Id of the deployment that continues stored campaigns; None: not registered yet."""
        with self._ask() as client:
            found = self._deployments(client).get(deployment_name(STORED, self._service))
        return None if found is None else str(found.id)

    def rows(self) -> list[ScheduleRow]:
        """Schedules of all deployments of the service."""
        rows = []
        with self._ask() as client:
            for name, deployment in self._deployments(client).items():
                found = client.read_deployment_schedules(deployment.id)
                runs = self._runs(client, deployment) if found else []
                rows += [_row(item, name, name == deployment_name(RECONCILE, self._service), runs) for item in found]
        return rows

    def put(self, wanted: Schedule, present: ScheduleRow | None) -> None:
        """Makes or changes the schedule of a stored one."""
        try:
            timing = CronSchedule(cron=wanted.cron, timezone=wanted.zone)
        except ValueError as error:  # Prefect knows fewer fields than we let through
            raise StoreError(f"Prefect refuses {wanted.cron!r} in {wanted.zone!r}") from error
        # What was deleted on the page in the meantime is put right in the next pass.
        with suppress(ObjectNotFound), self._ask() as client:
            deployment = self._found(client, deployment_name(STORED if wanted.training is None else TRAIN, self._service))
            parameters = {"name": wanted.campaign} if wanted.training is None else {"schedule": wanted.id}
            if present is not None:
                # Parameters that are not sent again would be lost.
                client.update_deployment_schedule(
                    deployment.id, UUID(present.id), active=wanted.active, schedule=timing, parameters=parameters
                )
            else:
                made = DeploymentScheduleCreate(
                    schedule=timing, active=wanted.active, parameters=parameters, slug=_SLUG + wanted.id
                )
                client.create_deployment_schedules(deployment.id, [made])
            # Otherwise the server makes its runs within the next minute, and one that is due before is left out.
            client.request("POST", "/deployments/{id}/schedule", path_params={"id": deployment.id}, json={})

    def delete(self, row: ScheduleRow) -> None:
        """Deletes a schedule of a stored one."""
        with suppress(ObjectNotFound), self._ask() as client:
            client.delete_deployment_schedule(self._found(client, row.task).id, UUID(row.id))

    def _deployments(self, client: SyncPrefectClient) -> dict[str, DeploymentResponse]:
        chosen = DeploymentFilter.model_validate({"name": {"any_": deployment_names(self._service)}})
        return {found.name: found for found in client.read_deployments(deployment_filter=chosen)}

    def _found(self, client: SyncPrefectClient, name: str) -> DeploymentResponse:
        found = self._deployments(client).get(name)
        if found is None:
            raise StoreError(f"the deployment {name} is gone; the service registers it again")
        return found

    def _runs(self, client: SyncPrefectClient, deployment: DeploymentResponse) -> list[FlowRun]:
        """The latest runs of a deployment, those that are due last first."""
        chosen = DeploymentFilter.model_validate({"id": {"any_": [deployment.id]}})
        order = FlowRunSort.EXPECTED_START_TIME_DESC
        return client.read_flow_runs(deployment_filter=chosen, sort=order, limit=_MOST_RUNS)


def _row(found: DeploymentSchedule, task: str, own_task: bool, runs: list[FlowRun]) -> ScheduleRow:
    """A schedule with its next and last run; the server writes the schedule's id into the keys of its runs."""
    timing, slug = found.schedule, found.slug or ""
    mine = [run for run in runs if str(found.id) in (run.idempotency_key or "")]
    due = [
        run.expected_start_time
        for run in mine
        if run.state is not None and run.state.is_scheduled() and run.expected_start_time
    ]
    last = next((run for run in mine if run.state is not None and run.state.is_final()), None)
    campaign = found.parameters.get("name")
    return ScheduleRow(
        id=str(found.id),
        own=slug.removeprefix(_SLUG) if slug.startswith(_SLUG) else None,
        campaign=campaign if isinstance(campaign, str) and not own_task else None,
        task=task,
        timing=timing.cron if isinstance(timing, CronSchedule) else _words(timing),
        zone=getattr(timing, "timezone", None) or "UTC",
        active=found.active,
        next_at=min(due) if due and found.active else None,
        last_result=_result(None if last is None or last.state is None else last.state, own_task),
        last_run=None if last is None else str(last.id),
    )


def _result(state: State | None, own_task: bool) -> str:
    """Returns the state in which a run ended, when, and why; what reconciling found is in the log of the service."""
    if state is None:
        return ""
    ended = f"{state.name} at {state.timestamp:%Y-%m-%d %H:%M:%S}Z"
    return f"{ended}: {state.message[:_LONGEST]}" if state.message and not own_task else ended


def _words(timing: object) -> str:
    interval = getattr(timing, "interval", None)
    return f"every {interval}" if interval is not None else str(getattr(timing, "rrule", "other"))
