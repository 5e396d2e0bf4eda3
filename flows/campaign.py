"""The campaign as a Prefect flow: the plain loop in coarse tasks, each some seconds of rounds.

Prefect is the clockwork, the database the truth: a flow run can be lost at any time, the next one goes on where it was.
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
from tansaku.tasks.configuration import load_site
from tansaku.tasks.lease import refuse_living_owner
from tansaku.tasks.loop import CampaignLoop, DriveResult, interruptible
from tansaku.tasks.observer import Observer, SilentObserver
from tansaku.tasks.processes import find_process
from tansaku.tasks.resources import open_resources
from tansaku.tasks.settings import Settings

SLICE = 30.0
"""Length of the first task [s]: a task costs some 10 ms, so it must be coarse. Each further one is twice as long …"""

LONGEST_SLICE = 1800.0
"""… up to this [s]: a campaign of months is some thousand tasks and not a hundred thousand."""

SERVER = "prefect_server"
"""Name of the temporary server among the helpers that a campaign's ``runtime`` records."""

_SERVER_LIVES = 3

# A flow's parameters are stored and shown by Prefect: names only. What lives in this process reaches the flow this way.
_OBSERVER: ContextVar[Observer | None] = ContextVar("observer", default=None)
_HELPERS: ContextVar[JsonDict | None] = ContextVar("helpers", default=None)
_ENDED: ContextVar[list[DriveResult] | None] = ContextVar("ended", default=None)


@flow(name="campaign", persist_result=False, validate_parameters=True)
def campaign_flow(name: str, site: str | None = None) -> JsonDict:
    """Drives a stored campaign to its end; resources are opened here, from the environment and the site file.

    Args:
        name: The campaign.
        site: Path of the site file, None for the one of the environment.

    Returns:
        :class:`DriveResult` as plain data.
    """
    result = drive_in_tasks(name, site, _OBSERVER.get())
    ended = _ENDED.get()
    if ended is not None:
        ended.append(result)
    return vars(result).copy()


def drive_in_tasks(name: str, site: str | None, observer: Observer | None) -> DriveResult:
    """The body of a flow that drives a stored campaign: the loop in tasks, until it ends or a signal comes."""
    settings = Settings.from_environment()
    halt = threading.Event()
    with ExitStack() as stack:
        resources = stack.enter_context(open_resources(settings, load_site(Path(site) if site else settings.site_file)))
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
    """Passes everything on to another observer, and asks the service to train what is to be trained.

    Args:
        observer: Is told.
        service: Name of the service.
        halt: Ends the asking.
    """

    def __init__(self, observer: Observer, service: str, halt: threading.Event) -> None:
        self._service = service
        self._halt = halt
        self._told = observer
        self.on_start = observer.on_start
        self.on_proposal = observer.on_proposal
        self.on_outcome = observer.on_outcome
        self.on_refit = observer.on_refit
        self.on_certificate = observer.on_certificate
        self.on_wait = observer.on_wait
        self.on_stop = observer.on_stop

    def on_retrain(self, retrain: Retrain, end: RetrainEnd | None) -> None:
        """Asks when it begins, and when a driver meets one that was begun before it."""
        if end is None and retrain.dataset:
            ask_in_background(retrain, self._service, self._halt)
        self._told.on_retrain(retrain, end)


def run_campaign(name: str, site: Path | None = None, observer: Observer | None = None) -> DriveResult:
    """Runs :func:`campaign_flow` against the configured Prefect server, or against a temporary one of this process.

    A temporary server that dies does not stop the loop; one that dies before the loop has begun is replaced.

    Raises:
        TransientError: The temporary server does not start; nothing was done. `tansaku run --plain` needs none.
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
            watch.on_wait(f"the Prefect server went away ({type(error).__name__}); the campaign does not need it", 0.0)
            if not ended and lives == 0:
                raise TransientError(f"the Prefect server went away: {error!r}", hint="`tansaku run` again goes on") from error
        if ended:
            return ended[0]


def _server_lives() -> bool:
    """Whether there is a server to report to; events for one that is dead would be tried again for minutes."""
    server = (_HELPERS.get() or {}).get(SERVER)
    return server is None or find_process(server["pid"], server["started"]) is not None


@contextmanager
def _server(configured: RunningServer | None) -> Iterator[RunningServer]:
    if configured is not None:
        yield configured
        return
    starting = StartingServer(Settings.from_environment().home / "prefect")
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
