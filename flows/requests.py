"""Carries out requests of the dashboard: each starts one run on the Prefect server, which only the service may use.

A request is taken, its run is started under the request's id as idempotency key, and the answer is stored. The service can be
killed between any two of these steps: the next one finds the request waiting, and the run under its key.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from os import getpid
from pathlib import Path
from typing import Protocol

import httpx
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import FlowRunFilter
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.client.schemas.responses import DeploymentResponse
from prefect.exceptions import ObjectNotFound, PrefectHTTPStatusError

from tansaku import __version__
from tansaku.flows.database_thread import working
from tansaku.flows.names import CAMPAIGN, STORED, deployment_name
from tansaku.flows.relaunch import CALM, SILENCE
from tansaku.flows.schedules import PrefectSchedules, ScheduleDesk, ScheduleServer
from tansaku.models.domain.errors import (
    ConfigurationError,
    LeaseHeldError,
    NotFoundError,
    StoreError,
    TansakuError,
    TransientError,
)
from tansaku.models.domain.moments import utc_now
from tansaku.models.domain.ports import CampaignStore
from tansaku.models.domain.requests import Answer, Requests, RequestState, ServiceReport, ServiceRequest
from tansaku.tasks.act.commands.requested import carry_out
from tansaku.tasks.act.commands.runs import check_runnable
from tansaku.tasks.backends.resources import DatabaseResources, Resources

LOOK = 1.0
"""Interval at which the service looks for requests [s]."""

REPORT = 5.0
"""Interval of its reports [s]."""

HOLD = 600.0
"""A request that a service took and did not answer for this long may be taken by another deployment [s]."""

_MOST_RUNS = 200  # page size of the server's answers
_PREFIX = "request-"
_OPEN = [StateType.SCHEDULED, StateType.PENDING, StateType.RUNNING, StateType.CANCELLING]
_FINAL = (StateType.COMPLETED, StateType.FAILED, StateType.CANCELLED, StateType.PAUSED)
_CRASH_IS_FINAL = timedelta(seconds=CALM + SILENCE)  # before, the server's automation may restart it


class OutageError(TransientError):
    """The Prefect server does not answer."""


class Runs(Protocol):
    """Operations on a Prefect server; every method raises :class:`OutageError` when it does not answer."""

    def deployment(self) -> str | None:
        """Id of the deployment that continues stored campaigns; None: not registered yet."""
        ...

    def started_for(self, request_id: str) -> str | None:
        """Id of the run that was started for a request, or None."""
        ...

    def open_run(self, campaign: str) -> str | None:
        """Id of a run of the campaign that is due or in progress, or None."""
        ...

    def start(self, request: ServiceRequest) -> str:
        """Starts the run of a request, unless that was done before; returns its id.

        Raises:
            StoreError: The server refuses.
        """
        ...

    def ends(self, runs: Sequence[str]) -> dict[str, str]:
        """Returns how runs ended, by id; those that did not end are left out."""
        ...


@dataclass(frozen=True)
class Desk:
    """Dependencies for carrying out requests.

    Attributes:
        service: Name of the service.
        requests: Requests, answers, reports.
        runs: The Prefect server.
        change: Deletes or renames the campaign of a request; raises StoreError or ConfigurationError where it is refused.
    """

    service: str
    store: CampaignStore
    requests: Requests
    runs: Runs
    change: Callable[[ServiceRequest], None]

    def answer_all(self, others: Callable[[ServiceRequest], bool] = lambda _: False) -> None:
        """Answers the requests that wait, but for those of others. Raises OutageError, TransientError."""
        waiting = [request for request in self.requests.requests_in(RequestState.WAITING) if not others(request)]
        holder = self.runs.deployment() if waiting else None
        if holder is None:
            return
        for request in waiting:
            if self.requests.take_request(request.id, holder, HOLD):
                self.requests.answer_request(request.id, self.answer(request), utc_now())

    def follow(self) -> None:
        """Stores how runs of accepted requests ended. Raises OutageError, TransientError."""
        accepted = self.requests.requests_in(RequestState.ACCEPTED, _MOST_RUNS)
        holder = self.runs.deployment() if accepted else None
        mine = {request.run: request for request in accepted if request.run is not None and request.holder == holder}
        if not mine:
            return
        for run, reason in self.runs.ends(list(mine)).items():
            self.requests.end_request(mine[run].id, reason, utc_now())

    def answer(self, request: ServiceRequest) -> Answer:
        """Carries out a request that is this service's. Raises OutageError."""
        return self._run(request) if request.kind == "run" else self._changed(request)

    def _changed(self, request: ServiceRequest) -> Answer:
        known = self.runs.open_run(request.old_name or request.campaign)
        if known is not None:
            return Answer(service=self.service, reason=f"run {known} of this campaign is due or in progress")
        try:
            self.change(request)
        except (StoreError, ConfigurationError) as error:
            return Answer(service=self.service, reason=error.message)
        return Answer(service=self.service, done=True)

    def _run(self, request: ServiceRequest) -> Answer:
        started = self.runs.started_for(request.id)  # by a service that was killed before it stored the answer
        if started is None:
            reason = self._refusal(request)
            if reason is not None:
                return Answer(service=self.service, reason=reason)
            try:
                started = self.runs.start(request)
            except StoreError as error:
                return Answer(service=self.service, reason=error.message)
        return Answer(service=self.service, run=started)

    def objection(self, request: ServiceRequest) -> str | None:
        """Returns why the campaign of a request may not be run; None: it may be. Raises LeaseHeldError if a driver has it."""
        try:
            record = self.store.campaign(request.campaign)
            if record.created_at != request.campaign_created_at:
                return "the campaign was deleted, and another one of its name created, after the request"
            check_runnable(record, self.store.now())
        except LeaseHeldError:
            raise
        except (NotFoundError, StoreError) as error:
            return error.message
        return None

    def _refusal(self, request: ServiceRequest) -> str | None:
        """Returns why no run may be started; None: it may be."""
        try:
            objection = self.objection(request)
        except LeaseHeldError as error:
            return error.message
        known = self.runs.open_run(request.campaign) if objection is None else None
        return objection if known is None else f"run {known} of this campaign is due or in progress"


def desk_of(service: str, resources: DatabaseResources, runs: Runs) -> Desk:
    """The desk of a service with opened resources."""
    return Desk(service, resources.store, resources.requests, runs, partial(carry_out, resources))


class PrefectRuns:
    """The configured Prefect server.

    Args:
        service: Name of the service whose deployments are used.
    """

    def __init__(self, service: str) -> None:
        self._name = f"{STORED}/{deployment_name(STORED, service)}"

    def deployment(self) -> str | None:
        """Id of the deployment that continues stored campaigns; None: not registered yet."""
        with _asked() as client:
            found = self._deployment(client)
        return None if found is None else str(found.id)

    def started_for(self, request_id: str) -> str | None:
        """Id of the run that was started for a request, or None."""
        with _asked() as client:
            found = _found(client, {"idempotency_key": {"any_": [_PREFIX + request_id]}})
        return str(found[0].id) if found else None

    def open_run(self, campaign: str) -> str | None:
        """Id of a run of the campaign that is due or in progress, or None: also one that was started on Prefect's page."""
        due = {"before_": utc_now() + timedelta(seconds=LOOK)}
        with _asked() as client:
            deployment = self._deployment(client)
            site = None if deployment is None else deployment.parameters.get("site")
            runs = _found(
                client, {"state": {"type": {"any_": _OPEN}}, "expected_start_time": due, "tags": {"all_": ["tansaku"]}}
            )
        same = [run for run in runs if _campaign_of(run) == campaign and run.parameters.get("site") == site]
        return str(same[0].id) if same else None

    def start(self, request: ServiceRequest) -> str:
        """Starts the run of a request, unless that was done before; returns its id."""
        with _asked() as client:
            deployment = self._deployment(client)
            if deployment is None:
                raise OutageError("the deployment of stored campaigns is gone; the service registers it again")
            parameters = deployment.parameters | {"name": request.campaign}
            key = _PREFIX + request.id
            run = client.create_flow_run_from_deployment(deployment.id, parameters=parameters, idempotency_key=key)
        return str(run.id)

    def ends(self, runs: Sequence[str]) -> dict[str, str]:
        """Returns how runs ended, by id; those that did not end are left out."""
        with _asked() as client:
            known = {str(run.id): run for run in _found(client, {"id": {"any_": list(runs)}})}
        ended = {}
        for run in runs:
            reason = _end_of(known[run]) if run in known else "its run was deleted"
            if reason is not None:
                ended[run] = reason
        return ended

    def _deployment(self, client: SyncPrefectClient) -> DeploymentResponse | None:
        try:
            return client.read_deployment_by_name(self._name)
        except ObjectNotFound:
            return None


class RequestService:
    """Looks for requests and reports on the service until it ends, in a thread of its own.

    Args:
        site: Site file, which names the database; None: that of the environment.
        show: Shows a line to the user.
        runs: The Prefect server.
        others: Returns for a desk which requests something else answers; None: nothing does.
    """

    def __init__(
        self,
        service: str,
        site: Path | None,
        show: Callable[[str], None],
        runs: Runs | None = None,
        scheduled: ScheduleServer | None = None,
        others: Callable[[Desk], Callable[[ServiceRequest], bool]] | None = None,
    ) -> None:
        self._others = others or (lambda _: lambda _: False)
        self._site, self._show = site, show
        self._service, self._runs = service, runs or PrefectRuns(service)
        self._scheduled = scheduled
        self._since, self._said = utc_now(), ""

    @contextmanager
    def running(self) -> Iterator[None]:
        """Runs while the context is open."""
        with working("requests", self._site, self._serve, self._wait):
            yield

    def _wait(self, problem: str) -> None:
        self._say(f"requests of the dashboard wait: {problem}")

    def _serve(self, resources: DatabaseResources, halt: threading.Event) -> None:
        desk = desk_of(self._service, resources, self._runs)
        others = self._others(desk)
        server = self._scheduled or PrefectSchedules(self._service, _asked)
        schedules = ScheduleDesk(self._service, resources.store, resources.schedules, server, utc_now)
        reported: datetime | None = None
        while not halt.is_set():
            problem = ""
            due = reported is None or utc_now() - reported >= timedelta(seconds=REPORT)
            try:
                desk.answer_all(others)
                if due:
                    self._runs.deployment()
                    desk.follow()
                    problem = _agree(schedules)
            except OutageError as error:
                problem = error.message
            if due or problem:
                desk.requests.report(self._report(resources, problem))
                reported = utc_now()
            self._say(problem)
            halt.wait(REPORT if problem else LOOK)
        desk.requests.report(self._report(resources, "", stopped=True))

    def _report(self, resources: Resources, problem: str, *, stopped: bool = False) -> ServiceReport:
        host, queue = socket.gethostname(), resources.queue()
        return ServiceReport(
            id=f"{self._service}@{host}",
            name=self._service,
            host=host,
            pid=getpid(),
            since=self._since,
            version=__version__,
            problem=problem,
            sites=() if queue is None else (queue.line,),
            refused=() if queue is None else queue.refused,
            stopped=stopped,
        )

    def _say(self, problem: str) -> None:
        """Shows a problem once, until there is another one."""
        if problem and problem != self._said:
            self._show(problem)
        self._said = problem


def _agree(schedules: ScheduleDesk) -> str:
    """Maintains the schedules; returns their problem, which does not delay requests."""
    try:
        schedules.agree()
    except StoreError as error:
        return f"schedules: {error.message}"
    return ""


@contextmanager
def _asked() -> Iterator[SyncPrefectClient]:
    """A client whose failures become tansaku's errors. Raises OutageError, or StoreError where the server refuses."""
    try:
        with get_client(sync_client=True) as client:
            yield client
    except PrefectHTTPStatusError as error:
        if error.response.status_code < httpx.codes.INTERNAL_SERVER_ERROR:
            raise StoreError(f"the Prefect server refuses: {str(error).splitlines()[0]}") from error
        raise OutageError("the Prefect server does not answer") from error
    except (httpx.TransportError, RuntimeError) as error:
        if isinstance(error, TansakuError):
            raise
        raise OutageError("the Prefect server does not answer") from error


def _found(client: SyncPrefectClient, chosen: dict[str, object]) -> list[FlowRun]:
    return client.read_flow_runs(flow_run_filter=FlowRunFilter.model_validate(chosen), limit=_MOST_RUNS)


def _campaign_of(run: FlowRun) -> object:
    """Name of the campaign that a run drives; None for trainings and reconciling."""
    campaign = run.parameters.get(CAMPAIGN)
    if isinstance(campaign, dict):
        return campaign.get("name")
    return None if "number" in run.parameters else run.parameters.get("name")


def _end_of(run: FlowRun) -> str | None:
    """Returns how a run ended, or None.

    A suspended run counts as ended: it belongs to a paused campaign, which another run continues.
    """
    state = run.state
    if state is None:
        return None
    crashed = state.type is StateType.CRASHED and utc_now() - state.timestamp > _CRASH_IS_FINAL
    if state.type not in _FINAL and not crashed:
        return None
    return f"{state.name}: {state.message}" if state.message else str(state.name)
