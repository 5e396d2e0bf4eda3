"""A dashboard that listens on a port of this machine, and a service that carries out what is asked of it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest
from starlette.concurrency import run_in_threadpool

import tansaku_client as tc
from tansaku.deploy.web.auth.tokens import issue_token
from tansaku.deploy.web.server import Address, listening, server_of
from tansaku.models.domain.accounts import Role
from tansaku.models.domain.requests import Answer, RequestState
from tansaku.tasks.act.measurements.ask_tell import apply_commands_now
from tansaku.tasks.backends.resources import Resources
from tansaku.tasks.ground.settings import Settings
from tansaku.tasks.loop.driver.loop import CampaignLoop
from tests.unit.deploy.web.conftest import Site, make_site, site

__all__ = ["make_site", "site"]

TABLE = "id,x,kind\na,0.0,soft\nb,0.5,hard\nc,1.0,soft\nd,1.5,hard\ne,2.0,soft\nf,2.5,hard\n"
SPEC = """\
schema_version: 1
name: rows
space:
  type: table
  candidates: rows.csv
  columns: {id: id}
  features: {place: {columns: [x]}, kind: {columns: [kind], categories: one_hot}}
calculator: {type: manual}
objective: {unit: GPa}
proposer: {type: grid}
budget: {evaluations: 6}
execution: {in_flight: 2}
"""


class Killed(BaseException):
    """Stands for SIGKILL."""


@dataclass
class Dashboard:
    """A dashboard on a port, with its service.

    Attributes:
        site: The application and its stores.
        home: Of the service.
        address: Where it listens.
        killed_at: Number of the proposal before which the service is killed, once.
        lost: Answers to changes that still get lost on the way.
        instead: Status that comes for them.
        serves: Whether a service runs.
    """

    site: Site
    home: Path
    address: str = ""
    killed_at: int | None = None
    lost: int = 0
    instead: int = 502
    serves: bool = True
    _one: threading.Lock = field(default_factory=threading.Lock)

    def token(self, role: Role = Role.OPERATOR) -> str:
        services = self.site.services
        return issue_token(services, services.accounts.user(role.value), "test", role, 3600.0)[0]

    def connect(self, role: Role = Role.OPERATOR, **options: object) -> tc.Server:
        return tc.connect(self.address, token=self.token(role), **options)

    def stop_service(self) -> None:
        """Ends the service; returns when no earlier change is still being carried out."""
        with self._one:
            self.serves = False

    def serve(self) -> None:
        """Answers the requests that wait, where a service runs."""
        with self._one:
            if self.serves:
                self._answer()

    def carry_out(self) -> None:
        """Answers the requests that wait, as the service does."""
        with self._one:
            self._answer()

    def _answer(self) -> None:
        requests = self.site.services.requests
        for request in requests.requests_in(RequestState.WAITING):
            requests.answer_request(request.id, Answer(service="test", run="run-1"), datetime.now(UTC))
            with suppress(Killed):
                self._drive(request.campaign)
            requests.end_request(request.id, "completed", datetime.now(UTC))

    def _drive(self, name: str) -> None:
        services = self.site.services
        resources = Resources(Settings(home=self.home), services.site, services.store, services.artifacts, None)
        apply_commands_now(resources, name)
        with CampaignLoop(resources, name) as loop:
            loop.advance()


@pytest.fixture
def dashboard(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Dashboard]:
    """A dashboard with the table of candidates in its library, and no campaign."""
    found = Dashboard(site, tmp_path)
    monkeypatch.setattr(site.services.store, "insert_proposal", _mortal(found, site.services.store.insert_proposal))

    async def app(scope: dict, receive: Callable, send: Callable) -> None:
        lost = scope["type"] == "http" and scope["method"] == "POST" and found.lost > 0
        found.lost -= lost

        async def dropped(message: dict) -> None:
            if lost and message["type"] == "http.response.start":
                message["status"], message["headers"] = found.instead, []
            await send({**message, "body": b""} if lost and message["type"] == "http.response.body" else message)

        await site.app(scope, receive, dropped)
        if scope["type"] == "http" and scope["method"] == "POST":
            await run_in_threadpool(found.serve)

    with listening(Address(port=0)) as bound:
        server = server_of(app, Address())
        thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]})
        thread.start()
        found.address = f"http://127.0.0.1:{bound.getsockname()[1]}"
        site.logged_in(Role.OPERATOR).upload(content=TABLE)
        yield found
        server.should_exit = True
        thread.join()


def _mortal(dashboard: Dashboard, insert: Callable) -> Callable:
    def insert_proposal(lease: object, proposal: object) -> object:
        if proposal.number == dashboard.killed_at:
            dashboard.killed_at = None
            raise Killed
        return insert(lease, proposal)

    return insert_proposal
