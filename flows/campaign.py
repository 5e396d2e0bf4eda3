"""The campaign as a Prefect flow: the plain loop divided into tasks of several rounds.

The database, not Prefect, holds the state: a flow run can be lost at any time, and the next one continues from the database.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import httpx
from prefect import flow, task
from prefect.cache_policies import NO_CACHE
from prefect.client.orchestration import get_client
from prefect.exceptions import ObjectNotFound
from prefect.runtime import flow_run
from prefect.states import Crashed

from tansaku.flows.retrain import ask_in_background
from tansaku.flows.server import PrivatePrefect, RunningServer, client_settings, configured_server
from tansaku.models.domain.errors import TransientError
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.retraining import Retrain, RetrainEnd
from tansaku.tasks.backends.resources import open_resources
from tansaku.tasks.ground.settings import Settings
from tansaku.tasks.ground.site.processes import find_process
from tansaku.tasks.loop.driver.lease import refuse_living_owner
from tansaku.tasks.loop.driver.loop import CampaignLoop, interruptible
from tansaku.tasks.loop.driver.result import DriveResult
from tansaku.tasks.loop.ledger.observer import Observer
from tansaku.tasks.node.configuration.campaign_files import load_site

SLICE = 30.0
"""Length of the first task [s]; each further task is twice as long. A task has an overhead of about 10 ms."""

LONGEST_SLICE = 1800.0
"""Longest task [s]: a campaign of months then has thousands of tasks, not a hundred thousand."""

_SERVER_LIVES = 3


@dataclass(frozen=True)
class _Run:
    """Live objects of a run."""

    observer: Observer
    server: RunningServer
    ended: list[DriveResult]
    show: Callable[[str], None]


# Prefect stores and shows a flow's parameters, so they are only names. Live objects reach the flow through this variable.
_RUN: ContextVar[_Run | None] = ContextVar("run", default=None)


@flow(name="campaign", persist_result=False, validate_parameters=True)
def campaign_flow(name: str, site: str | None = None) -> JsonDict:
    """Drives a stored campaign to its end; resources are opened here, from the environment and the site file.

    Args:
        site: Path of the site file, None for that of the environment.

    Returns:
        :class:`DriveResult` as plain data.
    """
    run = _RUN.get()
    if run is not None and run.server.mark is not None:
        run.server.mark.write_text(flow_run.id)
        run.show(f"Prefect shows this run on {run.server.run_page(flow_run.id)}; `tansaku prefect-login` says how to log in")
    result = drive_in_tasks(name, site, None if run is None else run.observer)
    if run is not None:
        run.ended.append(result)
    return vars(result).copy()


def drive_in_tasks(name: str, site: str | None, observer: Observer | None, halt: threading.Event | None = None) -> DriveResult:
    """Drives a stored campaign in tasks, until it ends or is interrupted.

    Args:
        site: Path of the site file, None for that of the environment.
        halt: Interrupts the driver when set. Without one, a signal does.
    """
    settings = Settings.from_environment()
    with ExitStack() as stack:
        resources = stack.enter_context(open_resources(settings, load_site(Path(site) if site else settings.site_file)))
        if halt is None:
            halt = threading.Event()
            stack.enter_context(interruptible(halt))
        watch = observer or Observer()
        if resources.site.training.by == "service":
            watch = AskingService(watch, name, resources.site.training.service, halt)
        loop = stack.enter_context(CampaignLoop(resources, name, watch, halt=halt))

        @task(name="rounds", cache_policy=NO_CACHE, persist_result=False)
        def rounds(seconds: float) -> bool:
            return loop.advance(seconds)

        seconds = SLICE
        while not (rounds(seconds) if _server_lives() else loop.advance()):
            seconds = min(2.0 * seconds, LONGEST_SLICE)
        return loop.result


class AskingService(Observer):
    """Forwards everything to another observer, and requests trainings from the service.

    Args:
        observer: Receives all messages.
        halt: Ends the requests when set.
    """

    def __init__(self, observer: Observer, name: str, service: str, halt: threading.Event) -> None:
        self._name = name
        self._service = service
        self._halt = halt
        self._observer = observer
        for name in vars(Observer).keys() - vars(AskingService).keys():
            if name.startswith("on_"):
                setattr(self, name, getattr(observer, name))

    def on_retrain(self, retrain: Retrain, end: RetrainEnd | None) -> None:
        """Requests a training when it begins, and when a driver finds one that an earlier driver began."""
        if end is None and retrain.dataset:
            ask_in_background(self._name, retrain, self._service, self._halt)
        self._observer.on_retrain(retrain, end)


def run_campaign(
    name: str, site: Path | None = None, observer: Observer | None = None, show: Callable[[str], None] = lambda _: None
) -> DriveResult:
    """Runs :func:`campaign_flow` against the configured Prefect server, or against the private one, which is kept.

    If the private server dies, the loop continues; if it dies before the loop has begun, it is replaced.

    Args:
        site: Path of the site file, None for that of the environment.
        show: Shows a line to the user: where the run is to be seen.

    Raises:
        TransientError: The private server does not start; nothing was done. `tansaku run --plain` needs no server.
        LeaseHeldError: Another driver owns the campaign.
    """
    settings = Settings.from_environment()
    with open_resources(settings, load_site(site or settings.site_file)) as resources:
        refuse_living_owner(resources.store, name)
    configured = configured_server()
    lives = 1 if configured is not None else _SERVER_LIVES
    watch = observer or Observer()
    while True:
        lives -= 1
        ended: list[DriveResult] = []
        try:
            with _server(configured) as server, client_settings(server), _visible(_Run(watch, server, ended, show)):
                close_abandoned(server.abandoned)
                campaign_flow(name, str(site.resolve()) if site else None)
        except httpx.TransportError as error:
            watch.on_wait(f"the Prefect server is unreachable ({type(error).__name__}); the campaign continues without it", 0.0)
            if not ended and lives == 0:
                raise TransientError(
                    f"the Prefect server is unreachable: {error!r}", hint="run `tansaku run` again to continue"
                ) from error
        if ended:
            return ended[0]


def close_abandoned(marks: Iterable[Path]) -> None:
    """Ends flow runs whose driver was killed, and removes the marks of their drivers."""
    for mark in marks:
        # Another driver may have done it meanwhile, and a mark may hold something else.
        with suppress(FileNotFoundError, ObjectNotFound, ValueError):
            if identity := mark.read_text():
                with get_client(sync_client=True) as client:
                    state = client.read_flow_run(UUID(identity)).state
                    if state is not None and not state.is_final():
                        client.set_flow_run_state(UUID(identity), Crashed(message="its driver has ended"), force=True)
        mark.unlink(missing_ok=True)


def _server_lives() -> bool:
    """Returns whether the server answers; events for a dead server would be retried for minutes."""
    run = _RUN.get()
    identity = None if run is None else run.server.identity
    return identity is None or find_process(identity["pid"], identity["started"]) is not None


def _server(configured: RunningServer | None) -> AbstractContextManager[RunningServer]:
    if configured is not None:
        return nullcontext(configured)
    return PrivatePrefect.of(Settings.from_environment().home).driven()


@contextmanager
def _visible(run: _Run) -> Iterator[None]:
    token = _RUN.set(run)
    try:
        yield
    finally:
        _RUN.reset(token)
