"""The service: deployments on a Prefect server, and the process that executes their runs and requests of the dashboard."""

from __future__ import annotations

import asyncio
import ipaddress
import signal
import ssl
import time
from collections.abc import Callable, Iterable
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from types import FunctionType
from uuid import UUID

import httpx
import psutil
from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.actions import DeploymentUpdate, WorkPoolCreate
from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterId, FlowRunFilter
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.deployments.runner import DeploymentApplyError, RunnerDeployment
from prefect.exceptions import ObjectAlreadyExists, PrefectHTTPStatusError
from prefect.runner import Runner
from prefect.schedules import Schedule
from prefect.settings import PREFECT_RESULTS_DEFAULT_SERIALIZER, get_current_settings, temporary_settings
from prefect.states import AwaitingRetry, Cancelled
from prefect.types.entrypoint import EntrypointType
from prefect.utilities.callables import parameter_schema

from tansaku.flows.engines import is_alive, living_engines
from tansaku.flows.launch import launch_flow, stored_flow
from tansaku.flows.measured import measured_requests, measuring
from tansaku.flows.names import RECONCILE, TRAIN, deployment_name
from tansaku.flows.notifications import notifying
from tansaku.flows.reconcile import reconcile_flow
from tansaku.flows.relaunch import HEARTBEAT, SILENCE, automations, store_automations, take_up
from tansaku.flows.requests import RequestService
from tansaku.flows.retrain import retrain_flow, train_flow
from tansaku.flows.server import configured_server
from tansaku.flows.trainings import training
from tansaku.models.domain.errors import ConfigurationError, FieldError, TransientError
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.tasks.act.commands.schedules import check_timing
from tansaku.tasks.ground.formats.schema import describe_parts
from tansaku.tasks.ground.site.service_mark import ServiceMark

BEAT = 5.0
"""Interval at which the service marks that it is alive [s]."""

_POLL = 5  # between two polls for due runs [s]
_PAUSE = 10.0  # before the next request after an outage [s]
_SLOW_ANSWERS = 5  # as many requests of a service that starts may take too long before it gives up
_LOOK = 0.1
_SLUG = "reconcile"  # distinguishes our schedule from those that users add


@dataclass(frozen=True)
class ServiceOptions:
    """Options of a service.

    Attributes:
        name: Name of the service; its deployments are called ``campaign/NAME-run-campaign`` and so on.
        folder: Relative paths of campaigns refer to this folder.
        site: Site file of all runs; None: that of the environment.
        pool: Work pool whose workers execute campaigns; None: this process executes them.
        training_pool: Work pool whose workers train surrogates, e.g. with a GPU; None: that of ``pool``.
        reconcile: Cron schedule for reconciling; None: only on request.
        silence: A run without a heartbeat for this long counts as dead [s].
    """

    name: str
    folder: Path
    site: Path | None = None
    pool: str | None = None
    training_pool: str | None = None
    reconcile: str | None = "*/10 * * * *"
    silence: float = SILENCE


def serve(options: ServiceOptions, home: Path, show: Callable[[str], None]) -> None:
    """Serves until SIGTERM or SIGINT, which interrupts active runs; they continue at the next start.

    Args:
        home: Folder for the service's heartbeat file.
        show: Shows a line to the user.

    Raises:
        ConfigurationError: No Prefect server is set, the schedule is not valid, or a service of this name already runs here.
        TransientError: The server is not there at the start, or too slow five times; later outages are waited out.
    """
    _check_schedule(options.reconcile)
    server = configured_server()
    if server is None:
        raise ConfigurationError(
            "PREFECT_API_URL: not set; expected the address of a Prefect server",
            hint="`prefect server start`, then PREFECT_API_URL=http://127.0.0.1:4200/api tansaku serve",
        )
    mark = ServiceMark(home, options.name)
    inside = options.pool is None  # else the workers of the pool drive every campaign
    requests = RequestService(options.name, options.site, show, others=measured_requests if inside else None)
    bench = measuring(options.name, options.site, show) if inside else nullcontext()
    json_results = temporary_settings(updates={PREFECT_RESULTS_DEFAULT_SERIALIZER: "json"})
    trains = training(options.name, options.site, show)
    with mark.held(), json_results, requests.running(), bench, notifying(options.site, show), trains:
        asyncio.run(_serve(options, mark, server.api_url, show))


async def deployments(options: ServiceOptions) -> tuple[list[RunnerDeployment], RunnerDeployment, RunnerDeployment]:
    """Defines the deployments of a service.

    Returns:
        The deployments that drive campaigns or train surrogates; the one that reconciles; the one that asks for trainings.
    """
    site = str(options.site.resolve()) if options.site is not None else None
    drivers = [
        await flow.ato_deployment(
            name=deployment_name(flow.name, options.name),
            description=description,
            parameters=parameters | {"site": site},
            tags=["tansaku"],
            work_pool_name=options.training_pool or options.pool if flow is retrain_flow else options.pool,
            entrypoint_type=EntrypointType.MODULE_PATH,
        )
        for flow, description, parameters in (
            (launch_flow, launch_flow.description, {"folder": str(options.folder.resolve())}),
            (stored_flow, stored_flow.description, {}),
            (retrain_flow, retrain_flow.description, {}),
        )
    ]
    schedule = Schedule(cron=options.reconcile, slug=_SLUG) if options.reconcile is not None else None
    reconcile = await reconcile_flow.ato_deployment(
        name=deployment_name(RECONCILE, options.name),
        description=reconcile_flow.description,
        parameters={"site": site},
        tags=["tansaku"],
        schedules=[schedule] if schedule is not None else None,
        entrypoint_type=EntrypointType.MODULE_PATH,
    )
    asking = await train_flow.ato_deployment(
        name=deployment_name(TRAIN, options.name),
        description=train_flow.description,
        parameters={"site": site},
        tags=["tansaku"],
        entrypoint_type=EntrypointType.MODULE_PATH,
    )
    for item in (*drivers, reconcile, asking):
        if not item.schedules:
            item.model_fields_set.discard("schedules")  # otherwise an update would delete those that users added
    return drivers, reconcile, asking


@dataclass(frozen=True)
class _Offer:
    options: ServiceOptions
    drivers: list[RunnerDeployment]
    reconcile: RunnerDeployment
    asking: RunnerDeployment


async def _serve(options: ServiceOptions, mark: ServiceMark, url: str, show: Callable[[str], None]) -> None:
    stop, known, slow = asyncio.Event(), False, 0
    offer = _Offer(options, *await deployments(options))
    loop = asyncio.get_running_loop()
    beating = asyncio.create_task(_beat(mark, stop))
    while not stop.is_set():
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop.set)
        try:
            warning = await asyncio.to_thread(check_access, url)
            async with get_client() as client:
                served = await _register(client, offer)
                again = await take_up(client, served.mine)
            if warning is not None and not known:
                show(warning)
            known = True
            show(f"service {options.name} at {url}" + (f"; restarting: {', '.join(again)}" if again else ""))
            await _run(served, stop)
        except (httpx.TransportError, PrefectHTTPStatusError, RuntimeError, ExceptionGroup) as error:
            if not _is_outage(error):
                raise
            slow += _is_slow(error)
            if not known and (slow == _SLOW_ANSWERS or not _is_slow(error)):
                raise TransientError(f"the Prefect server at {url} does not answer: {_words(error)}") from error
            show(f"the Prefect server does not answer ({_words(error)}); retrying every {_PAUSE:.0f} s")
            await _wait(stop, _PAUSE)
    await beating


async def _beat(mark: ServiceMark, stop: asyncio.Event) -> None:
    while not stop.is_set():
        mark.beat()
        await _wait(stop, BEAT)


@dataclass(frozen=True)
class _Served:
    """The deployments of a service on the server.

    Attributes:
        runner: Executes runs.
        mine: Deployments whose runs it executes.
    """

    runner: Runner
    mine: list[UUID]


async def _register(client: PrefectClient, offer: _Offer) -> _Served:
    """Brings deployments and automations on the server up to date."""
    options = offer.options
    # Interrupted runs are restarted, and settings made on the page are kept.
    runner = Runner(options.name, query_seconds=_POLL, heartbeat_seconds=HEARTBEAT, limit=None, pause_on_shutdown=False)
    identities, mine = [], []
    for driver in offer.drivers:
        if driver.work_pool_name is None:
            mine.append(await runner.aadd_deployment(driver))
            identities.append(mine[-1])
            continue
        with suppress(ObjectAlreadyExists):
            await client.create_work_pool(WorkPoolCreate(name=driver.work_pool_name, type="process"))
        identities.append(await driver.aapply())
    await client.update_deployment(identities[0], DeploymentUpdate(parameter_openapi_schema=campaign_form()))
    reconcile, asking = [await runner.aadd_deployment(item) for item in (offer.reconcile, offer.asking)]
    if options.reconcile is None:
        for schedule in await client.read_deployment_schedules(reconcile):
            if schedule.slug == _SLUG:
                await client.delete_deployment_schedule(reconcile, schedule.id)
    await store_automations(client, automations(options.name, identities, options.silence))
    return _Served(runner, [reconcile, asking, *mine])


async def _watch(served: _Served, stop: asyncio.Event) -> None:
    """Cancels runs that the runner did not start."""
    cancelling = CancelWatch(served.mine)
    async with get_client() as client:
        while not stop.is_set():
            # The runner detects a long outage of the server.
            with suppress(httpx.TransportError, PrefectHTTPStatusError):
                await cancelling.look(client)
            await _wait(stop, _POLL)


async def _run(served: _Served, stop: asyncio.Event) -> None:
    """Executes runs until the service is stopped or the server is unreachable for too long."""
    runner = served.runner
    serving, stopping = asyncio.create_task(runner.start()), asyncio.create_task(stop.wait())
    loop = asyncio.get_running_loop()
    while not (runner.started or serving.done()):
        await asyncio.sleep(_LOOK)
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)  # the runner's own handler would cancel active runs
    watching = asyncio.create_task(_watch(served, stop))
    try:
        await asyncio.wait({serving, stopping, watching}, return_when=asyncio.FIRST_COMPLETED)
        if not serving.done():
            await _interrupt()
            await runner.astop()
        await serving
        if watching.done():
            watching.result()
    finally:
        stopping.cancel()
        watching.cancel()


async def _interrupt() -> None:
    """Interrupts the drivers of this process and schedules their runs for the next start."""
    mine = {child.pid for child in psutil.Process().children(recursive=True)}
    engines = {run: process for run, process in living_engines() if process.pid in mine}
    for process in engines.values():
        process.terminate()
    until = time.monotonic() + _GRACE
    # Only poll, do not wait: the runner reaps its own children.
    while any(is_alive(process) for process in engines.values()) and time.monotonic() < until:
        await asyncio.sleep(_LOOK)
    async with get_client() as client:
        for run in engines:
            state = (await client.read_flow_run(UUID(run))).state
            if state is not None and state.is_cancelling():
                await client.set_flow_run_state(UUID(run), Cancelled(message="its process is gone"), force=True)
            elif state is None or state.is_crashed() or not (state.is_final() or state.is_paused()):
                await client.set_flow_run_state(UUID(run), AwaitingRetry(message="the service was stopped"), force=True)


async def _wait(stop: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return


def _causes(error: BaseException) -> list[BaseException]:
    """Errors that are behind one, without the groups and the errors of deployments around them."""
    if isinstance(error, BaseExceptionGroup):
        return [cause for inner in error.exceptions for cause in _causes(inner)]
    if isinstance(error, DeploymentApplyError) and error.__cause__ is not None:
        return _causes(error.__cause__)
    return [error]


def _is_outage(error: BaseException) -> bool:
    return all(map(_tells_outage, _causes(error)))


def _tells_outage(error: BaseException) -> bool:
    if isinstance(error, PrefectHTTPStatusError):
        return error.response.status_code >= httpx.codes.INTERNAL_SERVER_ERROR
    # Prefect raises RuntimeError if it finds no server or gets no answer for too long.
    return isinstance(error, httpx.TransportError) or type(error) is RuntimeError


def _is_slow(error: BaseException) -> bool:
    """Whether the server took the request, and did not answer in time."""
    return all(
        isinstance(cause, httpx.TimeoutException) and not isinstance(cause, httpx.ConnectTimeout) for cause in _causes(error)
    )


def _words(error: BaseException) -> str:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return str(error).strip() or type(error).__name__


def _check_schedule(cron: str | None) -> None:
    if cron is None:
        return
    try:
        check_timing(cron, "UTC")
    except FieldError as error:
        raise ConfigurationError(f"--reconcile: {error.message.removeprefix('cron: ')}") from error


_ASKED = "/admin/version"  # a server with a password rejects this request without it, while `/health` is always answered
_TIMEOUT = 30.0
_REMEDY = "set PREFECT_SERVER_API_AUTH_STRING=USER:PASSWORD for the server, and PREFECT_API_AUTH_STRING for its clients"


def is_loopback(host: str) -> bool:
    """Returns whether a host name, judged by the name alone, can only mean this machine."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _answers_without_password(url: str) -> bool:
    """Returns whether the API answers requests without credentials; a proxy that requires some counts as a password."""
    settings = get_current_settings().api
    verify: bool | ssl.SSLContext = False
    if not settings.tls_insecure_skip_verify:
        verify = ssl.create_default_context(cafile=settings.ssl_cert_file or None)
    address = httpx.URL(url).copy_with(userinfo=b"")
    with httpx.Client(verify=verify, timeout=_TIMEOUT) as client:
        answer = client.get(str(address).rstrip("/") + _ASKED)
    if answer.status_code >= httpx.codes.INTERNAL_SERVER_ERROR:
        raise httpx.ReadError(f"status {answer.status_code}", request=answer.request)
    return answer.is_success


def check_access(url: str) -> str | None:
    """Rejects a server that answers requests from other machines without a password.

    Returns:
        A warning for a server that answers every user of this machine without a password.

    Raises:
        ConfigurationError: It needs no password and is not on loopback.
        httpx.TransportError: There is no answer.
    """
    if not _answers_without_password(url):
        return None
    host = httpx.URL(url).host
    if not is_loopback(host):
        raise ConfigurationError(
            f"PREFECT_API_URL: the server at {host!r} answers without a password, so anyone who can reach it can run code as "
            "this user; expected a server with a password or on loopback",
            hint=_REMEDY,
        )
    return f"the Prefect server has no password: every user of this machine can run code as this user; {_REMEDY}"


_PATIENCE = 20.0
"""Time for the runner to end a process it started [s]; after an outage of the server it may miss the cancellation."""

_GRACE = 60.0
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
                if process.pid not in mine or now - self._seen[run.id] > _PATIENCE:
                    self._end(process, now)
            if not processes and now - self._seen[run.id] > _PATIENCE:  # or it has just ended and reports that itself
                await client.set_flow_run_state(run.id, Cancelled(message="its process is gone"), force=True)

    def _end(self, process: psutil.Process, now: float) -> None:
        """Sends SIGTERM once, then SIGKILL if it does not end."""
        try:
            if process.pid not in self._asked:
                self._asked[process.pid] = now
                process.terminate()
            elif now - self._asked[process.pid] > _GRACE:
                process.kill()
        except psutil.NoSuchProcess:
            return


async def _cancelling(client: PrefectClient, deployments: list[UUID]) -> list[FlowRun]:
    return await client.read_flow_runs(
        flow_run_filter=FlowRunFilter.model_validate({"state": {"type": {"any_": [StateType.CANCELLING]}}}),
        deployment_filter=DeploymentFilter(id=DeploymentFilterId(any_=deployments)),
    )


def campaign_form() -> JsonDict:
    """JSON Schema of the parameters of :func:`launch_flow`, so that the page shows fields instead of a text box.

    The page shows the members of an ``anyOf`` as tabs and opens the first, so the default member comes first. It does not
    support ``oneOf``, fills in defaults, and ignores ``const``. The schema accepts the same documents as before: the members
    differ in a constant, mostly ``type``.
    """
    schema: JsonDict = parameter_schema(_with_whole_spec(launch_flow.fn)).model_dump()
    describe_parts(CampaignSpec, schema["definitions"])
    for name, key in _discriminated(schema).items():
        part = schema["definitions"][name]
        kinds = part["properties"][key]
        values = ", ".join(str(kind) for kind in ([kinds["const"]] if "const" in kinds else kinds["enum"]))
        part["title"] = values if key == "type" else f"{key}: {values}"
        part["required"] = sorted({*part.get("required", ()), key})  # required by the discriminator
    _adapt(schema, schema["definitions"])
    return schema


def _with_whole_spec(launch: Callable[..., object]) -> FunctionType:
    """The same function, whose parameter ``campaign`` is annotated with the campaign's model itself."""
    assert isinstance(launch, FunctionType)
    copied = FunctionType(launch.__code__, launch.__globals__, launch.__name__, launch.__defaults__)
    copied.__doc__, copied.__annotations__ = launch.__doc__, launch.__annotations__ | {"campaign": CampaignSpec}
    return copied


def _discriminated(node: object) -> dict[str, str]:
    """Returns the definitions that a discriminator distinguishes, and its key, by name."""
    if isinstance(node, list):
        return {name: key for item in node for name, key in _discriminated(item).items()}
    if not isinstance(node, dict):
        return {}
    given = node.get("discriminator", {}) if "oneOf" in node else {}
    own = {reference.rpartition("/")[2]: given["propertyName"] for reference in given.get("mapping", {}).values()}
    return own | _discriminated(list(node.values()))


def _adapt(node: object, definitions: JsonDict) -> None:
    """Rewrites a schema and everything below it."""
    if isinstance(node, list):
        for item in node:
            _adapt(item, definitions)
    if not isinstance(node, dict):
        return
    for item in node.values():
        _adapt(item, definitions)
    if "oneOf" in node:
        node["anyOf"] = node.pop("oneOf")
        node.pop("discriminator", None)
    if "anyOf" in node:
        leaves = [leaf for member in node["anyOf"] for leaf in (member["anyOf"] if set(member) == {"anyOf"} else [member])]
        node["anyOf"] = sorted(leaves, key=lambda leaf: not _is_of(node.get("default"), leaf, definitions))
    if "const" in node:
        node.setdefault("default", node["const"])


def _is_of(default: object, member: JsonDict, definitions: JsonDict) -> bool:
    """Returns whether a mapping has the keys of this member of a union."""
    part = definitions.get(member.get("$ref", "").rpartition("/")[2], member)
    keys = part.get("properties", {})
    if not isinstance(default, dict) or not set(part.get("required", ())) <= set(default) <= set(keys):
        return False
    return all(keys[key].get("const", value) == value for key, value in default.items())
