"""The campaign as a Prefect flow: the plain loop divided into tasks of several rounds.

The database, not Prefect, holds the state: a flow run can be lost at any time, and the next one continues from the database.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from pathlib import Path

import httpx
from prefect import flow, task
from prefect.cache_policies import NO_CACHE

from tansaku.flows.retrain import ask_in_background
from tansaku.flows.server import RunningServer, StartingServer, client_settings, configured_server
from tansaku.models.domain.errors import TransientError
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.retraining import Retrain, RetrainEnd
from tansaku.tasks.backends.resources import open_resources
from tansaku.tasks.ground.settings import Settings
from tansaku.tasks.ground.site.processes import find_process
from tansaku.tasks.loop.driver.interruption import interruptible
from tansaku.tasks.loop.driver.lease import refuse_living_owner
from tansaku.tasks.loop.driver.loop import CampaignLoop
from tansaku.tasks.loop.driver.result import DriveResult
from tansaku.tasks.loop.ledger.observer import Observer, SilentObserver
from tansaku.tasks.node.configuration.campaign_files import load_site

SLICE = 30.0
"""Length of the first task [s]; each further task is twice as long. A task has an overhead of about 10 ms."""

LONGEST_SLICE = 1800.0
"""Longest task [s]: a campaign of months then has thousands of tasks, not a hundred thousand."""

SERVER = "prefect_server"
"""Key of the temporary server among the helper processes in a campaign's ``runtime``."""

_SERVER_LIVES = 3

# Prefect stores and shows a flow's parameters, so they are only names. Live objects reach the flow through this variable.
_OBSERVER: ContextVar[Observer | None] = ContextVar("observer", default=None)
_HELPERS: ContextVar[JsonDict | None] = ContextVar("helpers", default=None)
_ENDED: ContextVar[list[DriveResult] | None] = ContextVar("ended", default=None)


@flow(name="campaign", persist_result=False, validate_parameters=True)
def campaign_flow(name: str, site: str | None = None) -> JsonDict:
    """Drives a stored campaign to its end; resources are opened here, from the environment and the site file.

    Args:
        name: Name of the campaign.
        site: Path of the site file, None for that of the environment.

    Returns:
        :class:`DriveResult` as plain data.
    """
    result = drive_in_tasks(name, site, _OBSERVER.get())
    ended = _ENDED.get()
    if ended is not None:
        ended.append(result)
    return vars(result).copy()


def drive_in_tasks(name: str, site: str | None, observer: Observer | None, halt: threading.Event | None = None) -> DriveResult:
    """Drives a stored campaign in tasks, until it ends or is interrupted.

    Args:
        name: Name of the campaign.
        site: Path of the site file, None for that of the environment.
        observer: Receives the progress.
        halt: Interrupts the driver when set. Without one, a signal does.
    """
    settings = Settings.from_environment()
    with ExitStack() as stack:
        resources = stack.enter_context(open_resources(settings, load_site(Path(site) if site else settings.site_file)))
        if halt is None:
            halt = threading.Event()
            stack.enter_context(interruptible(halt))
        watch = observer or SilentObserver()
        if resources.site.training.by == "service":
            watch = AskingService(watch, resources.site.training.service, halt)
        loop = stack.enter_context(CampaignLoop(resources, name, watch, halt=halt, helpers=_HELPERS.get()))

        @task(name="rounds", cache_policy=NO_CACHE, persist_result=False)
        def rounds(seconds: float) -> bool:
            return loop.advance(seconds)

        seconds = SLICE
        while not (rounds(seconds) if _server_lives() else loop.advance()):
            seconds = min(2.0 * seconds, LONGEST_SLICE)
        return loop.result


class AskingService:
    """Forwards everything to another observer, and requests trainings from the service.

    Args:
        observer: Receives all messages.
        service: Name of the service.
        halt: Ends the requests when set.
    """

    def __init__(self, observer: Observer, service: str, halt: threading.Event) -> None:
        self._service = service
        self._halt = halt
        self._observer = observer
        self.on_start = observer.on_start
        self.on_proposal = observer.on_proposal
        self.on_outcome = observer.on_outcome
        self.on_refit = observer.on_refit
        self.on_certificate = observer.on_certificate
        self.on_edit = observer.on_edit
        self.on_wait = observer.on_wait
        self.on_stop = observer.on_stop

    def on_retrain(self, retrain: Retrain, end: RetrainEnd | None) -> None:
        """Requests a training when it begins, and when a driver finds one that an earlier driver began."""
        if end is None and retrain.dataset:
            ask_in_background(retrain, self._service, self._halt)
        self._observer.on_retrain(retrain, end)


def run_campaign(name: str, site: Path | None = None, observer: Observer | None = None) -> DriveResult:
    """Runs :func:`campaign_flow` against the configured Prefect server, or against a temporary one of this process.

    If a temporary server dies, the loop continues; if it dies before the loop has begun, it is replaced.

    Raises:
        TransientError: The temporary server does not start; nothing was done. `tansaku run --plain` needs no server.
        LeaseHeldError: Another driver owns the campaign.
    """
    settings = Settings.from_environment()
    with open_resources(settings, load_site(site or settings.site_file)) as resources:
        refuse_living_owner(resources.store, name)
    configured = configured_server()
    lives = 1 if configured is not None else _SERVER_LIVES
    watch = observer or SilentObserver()
    while True:
        lives -= 1
        ended: list[DriveResult] = []
        try:
            with _server(configured) as server, client_settings(server), _visible(watch, server, ended):
                campaign_flow(name, str(site.resolve()) if site else None)
        except httpx.TransportError as error:
            watch.on_wait(f"the Prefect server is unreachable ({type(error).__name__}); the campaign continues without it", 0.0)
            if not ended and lives == 0:
                raise TransientError(
                    f"the Prefect server is unreachable: {error!r}", hint="run `tansaku run` again to continue"
                ) from error
        if ended:
            return ended[0]


def _server_lives() -> bool:
    """Returns whether the server answers; events for a dead server would be retried for minutes."""
    server = (_HELPERS.get() or {}).get(SERVER)
    return server is None or find_process(server["pid"], server["started"]) is not None


@contextmanager
def _server(configured: RunningServer | None) -> Iterator[RunningServer]:
    if configured is not None:
        yield configured
        return
    starting = StartingServer.temporary(Settings.from_environment().home / "prefect")
    try:
        yield starting.ready()
    finally:
        starting.stop()


@contextmanager
def _visible(observer: Observer, server: RunningServer, ended: list[DriveResult]) -> Iterator[None]:
    helpers = {SERVER: server.identity} if server.identity else {}
    tokens = _OBSERVER.set(observer), _HELPERS.set(helpers), _ENDED.set(ended)
    try:
        yield
    finally:
        _OBSERVER.reset(tokens[0])
        _HELPERS.reset(tokens[1])
        _ENDED.reset(tokens[2])
