"""`tansaku serve` on one machine: database, Prefect server, service and dashboard.

All but the database are child processes, which end with this process, also when it is killed. The dashboard is started again
when it does not answer. It does not receive Prefect's secrets; the password of the Prefect server is random, is handed over
through pipes, and exists in memory alone.
"""

from __future__ import annotations

import http.client
import secrets
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from types import FrameType

from pydantic import SecretStr

from tansaku.flows.server import START_TIMEOUT, start_serving
from tansaku.flows.service_process import STOP_SECONDS
from tansaku.models.domain import errors
from tansaku.models.domain.errors import TansakuError, TransientError
from tansaku.models.domain.records import JsonDict
from tansaku.tasks.ground.settings import Settings, child_environment, service_environment
from tansaku.tasks.ground.site.bound_process import BoundProcess
from tansaku.tasks.ground.site.serve_lock import HeldLock, serve_lock
from tansaku.tasks.node.configuration.campaign_files import load_site

_UNANSWERED = 4

LIVE = "/health/live"
"""Path of the dashboard that answers as long as its process is alive."""

DATABASE, SERVER, SERVICE, DASHBOARD = "database", "Prefect server", "service", "dashboard"

_LOOK = 0.1
_SERVER_SECONDS = 1.5  # to end; its database survives a kill
_CALM, _MOST_ENDS = 60.0, 3  # a part that ends more often within this time is not started again
_PAUSE = 2.0
_END_SECONDS = 1.0  # for a part that reported an error
_SILENCE = 20.0  # of the dashboard, before it is started again
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(frozen=True)
class ServeOptions:
    """Options of `tansaku serve`.

    Attributes:
        service: Options of the service: name, folder, pool and so on, as plain data.
        own_server: Whether a Prefect server is started; else the service works for the configured one.
        web: Whether the dashboard is started.
        port: Of the dashboard; 0: any that is free.
        open_page: Opens the dashboard's address in a browser; None: does not.
    """

    service: JsonDict
    own_server: bool
    web: bool
    port: int
    site: Path | None
    open_page: Callable[[str], object] | None = None


@dataclass
class Part:
    """A child process and how it is restarted.

    Attributes:
        name: Shown to the user.
        answered: Called with what it answers when it is ready, and later.
        process: The present one.
        begun: When that was started, by the monotonic clock [s].
        ready: Whether the present one has answered.
        was_ready: Whether an earlier one has.
        ends: When earlier ones ended unexpectedly.
        again: When it is started again; None: it runs.
        liveness: Asks the present one whether it still answers; None: nobody does.
    """

    name: str
    start: Callable[[], BoundProcess]
    answered: Callable[[Part, JsonDict], None]
    process: BoundProcess
    begun: float = field(default_factory=time.monotonic)
    ready: bool = False
    was_ready: bool = False
    ends: list[float] = field(default_factory=list)
    again: float | None = None
    liveness: Liveness | None = None


class Everything:
    """All parts of the served system, from start to end.

    Args:
        lock: The lock of the home folder.
        show: Shows a line to the user.
    """

    def __init__(self, settings: Settings, options: ServeOptions, lock: HeldLock, show: Callable[[str], None]) -> None:
        self._settings, self._options, self._lock, self._show = settings, options, lock, show
        self._begun = time.monotonic()
        self._parts: dict[str, Part] = {}
        self._auth = f"tansaku:{secrets.token_urlsafe(32)}"
        self._server_port, self._web_port = 0, options.port
        self._asked = False

    def run(self) -> None:
        """Serves until SIGINT, SIGTERM or SIGHUP; then ends all parts within ten seconds.

        Raises:
            TansakuError: A part cannot be started, or ended repeatedly.
        """
        with self._asked_by_signals():
            try:
                self._open_database()
                if self._options.web:
                    self._add(DASHBOARD, self._start_dashboard, self._dashboard_answered)
                if self._options.own_server:
                    self._show(f"{SERVER}: starting; the first time it takes half a minute")
                    self._add(SERVER, self._start_server, self._server_answered)
                else:
                    self._add(SERVICE, self._start_service, self._service_answered)
                while not self._asked:
                    for part in list(self._parts.values()):
                        self._look_at(part)
                    Event().wait(_LOOK)
                self._show("stopping")
            finally:
                self._stop()

    @contextmanager
    def _asked_by_signals(self) -> Iterator[None]:
        def ask(_: int, __: FrameType | None) -> None:
            self._asked = True

        before = {number: signal.signal(number, ask) for number in _SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _open_database(self) -> None:
        from tansaku.tasks.backends.stores.connection import connect

        connect(self._settings, load_site(self._options.site or self._settings.site_file)).client.close()
        self._show(f"{DATABASE}: ready {self._elapsed()}")

    def _add(self, name: str, start: Callable[[], BoundProcess], answered: Callable[[Part, JsonDict], None]) -> None:
        if not self._asked:
            self._parts[name] = Part(name, start, answered, start())

    def _look_at(self, part: Part) -> None:
        now = time.monotonic()
        if part.again is not None:
            if now >= part.again:
                part.process, part.begun, part.ready, part.again = part.start(), now, False, None
            return
        try:
            answer = part.process.answer(0.0)
        except TimeoutError:
            if not part.ready and now > part.begun + START_TIMEOUT:
                raise TransientError(f"the {part.name} did not start within {START_TIMEOUT:.0f} s") from None
            if part.liveness is not None and part.liveness.silent:
                self._start_again(part, TransientError(f"it did not answer for {_SILENCE:g} s"))
            return
        if answer is None:
            self._start_again(part, TransientError(f"the {part.name} ended: {part.process.log_tail() or 'no output'}"))
        elif "error" in answer:
            self._start_again(part, _error_of(answer))
        else:
            part.answered(part, answer)
            part.ready = part.was_ready = True

    def _start_again(self, part: Part, error: TansakuError) -> None:
        """Plans the restart of a part that ended; raises the error if it was never ready, or ended too often."""
        if part.liveness is not None:
            part.liveness.end()
            part.liveness = None
        part.process.stop(_END_SECONDS)
        now = time.monotonic()
        part.ends = [moment for moment in part.ends if moment > now - _CALM] + [now]
        if not (part.was_ready and isinstance(error, TransientError)) or len(part.ends) > _MOST_ENDS:
            raise error
        self._show(f"{part.name}: {error.message.splitlines()[0]}; starting it again")
        part.again = now + _PAUSE

    def _stop(self) -> None:
        """Ends the parts: first those that need the Prefect server."""
        for part in self._parts.values():
            if part.liveness is not None:
                part.liveness.end()
        processes = {name: part.process for name, part in self._parts.items()}
        first = [processes.pop(name) for name in (SERVICE, DASHBOARD) if name in processes]
        for process in first:
            process.close()
        until = time.monotonic() + STOP_SECONDS + 0.5
        for process in first:
            process.stop(max(0.0, until - time.monotonic()))
        for process in processes.values():
            process.stop(_SERVER_SECONDS)

    def _start_server(self) -> BoundProcess:
        home = self._settings.home / "prefect" / "server"
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        return start_serving(home, self._lock.descriptor, self._server_port, self._auth)

    def _server_answered(self, part: Part, answer: JsonDict) -> None:
        self._server_port = answer["port"]  # a later server takes the same one, so that the service finds it
        self._show(f"{SERVER}: ready {self._elapsed()}")
        if not part.was_ready:
            self._add(SERVICE, self._start_service, self._service_answered)

    def _start_service(self) -> BoundProcess:
        message = {"settings": self._client_settings(), "options": self._options.service}
        environment = service_environment() if self._options.own_server else None
        return self._started("tansaku.flows.service_process", message, SERVICE, environment)

    def _client_settings(self) -> dict[str, str]:
        """Settings of the service for our own Prefect server; empty for a configured one."""
        if not self._options.own_server:
            return {}
        home = self._settings.home / "prefect" / "client"
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        return {
            "PREFECT_HOME": str(home),
            "PREFECT_PROFILES_PATH": str(home / "profiles.toml"),
            "PREFECT_API_URL": f"http://127.0.0.1:{self._server_port}/api",
            "PREFECT_API_AUTH_STRING": self._auth,
            "PREFECT_LOGGING_TO_API_ENABLED": "false",  # the server's page, which would show the logs, is off
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "DO_NOT_TRACK": "1",
        }

    def _service_answered(self, _: Part, answer: JsonDict) -> None:
        self._show(f"{SERVICE}: {answer['say']} {self._elapsed()}")

    def _start_dashboard(self) -> BoundProcess:
        settings, site = self._settings, self._options.site
        known = {
            "home": str(settings.home),
            "site_file": None if settings.site_file is None else str(settings.site_file),
            "require_all": settings.require_all,
            "runtime": None if settings.runtime is None else str(settings.runtime),
            "mongo_uri": _plain(settings.mongo_uri),
            "proxy_secret": _plain(settings.proxy_secret),
        }
        message = {
            "settings": known,
            "site": None if site is None else str(site.absolute()),
            "port": self._web_port,
            "link": DASHBOARD not in self._parts,
        }
        return self._started("tansaku.deploy.cli.web_process", message, DASHBOARD, child_environment())

    def _dashboard_answered(self, part: Part, answer: JsonDict) -> None:
        self._web_port = answer["port"]
        self._lock.note(answer["url"])
        part.liveness = Liveness(self._web_port, LIVE, _SILENCE)
        self._show(f"{DASHBOARD}: {answer['page']}")
        if not part.was_ready and self._options.open_page is not None:
            self._options.open_page(answer["page"])

    def _started(self, module: str, message: JsonDict, name: str, environment: dict[str, str] | None) -> BoundProcess:
        log = self._settings.home / "service" / f"{name}-process.log"
        return BoundProcess(module, message, log, environment, kept=[self._lock.descriptor])

    def _elapsed(self) -> str:
        return f"({time.monotonic() - self._begun:.0f} s)"


def serve_everything(settings: Settings, options: ServeOptions, show: Callable[[str], None]) -> None:
    """Serves until a signal asks for the end.

    Args:
        show: Shows a line to the user.

    Raises:
        ConfigurationError: One runs on this home folder already, or the port is taken.
        StoreError: The database cannot be used.
        TransientError: A part does not start, or ended again and again.
    """
    with serve_lock(settings.home) as lock:
        Everything(settings, options, lock, show).run()
    show("stopped")


def _plain(secret: SecretStr | None) -> str | None:
    """Returns a secret as plain text, for the pipe to a child."""
    return None if secret is None else secret.get_secret_value()


def _error_of(answer: JsonDict) -> TansakuError:
    """The error that a child reported."""
    kind = getattr(errors, str(answer["kind"]), None)
    usual = (errors.ConfigurationError, errors.MissingComponentError, errors.NotFoundError, errors.StoreError)
    same = next((known for known in usual if isinstance(kind, type) and issubclass(kind, known)), TransientError)
    return same(answer["error"], hint=answer["hint"])


class Liveness:
    """Asks in a thread of its own, until it is ended.

    Attempts that fail are counted, not the time: a machine that was suspended, or a process that was stopped, misses one.

    Args:
        port: Of the server, on the loopback interface.
        path: That answers with 200 as long as the server is alive.
        silence: Time without an answer after which it counts as hung [s].
    """

    def __init__(self, port: int, path: str, silence: float) -> None:
        self._port, self._path, self._patience = port, path, silence / _UNANSWERED
        self._missed = 0
        self._ended = threading.Event()
        threading.Thread(target=self._watch, name=f"liveness of port {port}", daemon=True).start()

    @property
    def silent(self) -> bool:
        """Whether the server did not answer the last attempts."""
        return self._missed >= _UNANSWERED

    def end(self) -> None:
        """Asks no more."""
        self._ended.set()

    def _watch(self) -> None:
        due = time.monotonic()
        while not self._ended.wait(max(0.0, due - time.monotonic())):
            due = time.monotonic() + self._patience
            self._missed = 0 if self._answers() else self._missed + 1

    def _answers(self) -> bool:
        with closing(http.client.HTTPConnection("127.0.0.1", self._port, timeout=self._patience)) as connection:
            try:
                connection.request("GET", self._path)
                return connection.getresponse().status == http.client.OK
            except (OSError, http.client.HTTPException):
                return False
