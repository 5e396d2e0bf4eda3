"""The dashboard on campaigns in memory, with a browser for each role."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from tansaku.deploy.web.app import create_app
from tansaku.deploy.web.auth.limits import AttemptLimiter
from tansaku.deploy.web.auth.passwords import HashCost
from tansaku.deploy.web.auth.sessions import open_session
from tansaku.deploy.web.services import Services, WebSettings
from tansaku.models.domain.accounts import AuditEntry, Role, User
from tansaku.models.domain.specs.site import SiteSpec
from tansaku.models.domain.specs.web import SandboxSpec
from tansaku.tasks.act.checks.request import CheckAnswer, CheckProgress, CheckRequest
from tansaku.tasks.act.checks.sandbox import ALONE, Sandbox, Watch
from tansaku.tasks.act.commands import sandbox_child as child
from tansaku.tasks.backends.resources import DatabaseResources
from tansaku.tasks.backends.stores.file_artifacts import FileArtifactStore
from tansaku.tasks.backends.stores.local_files import LocalFiles
from tansaku.tasks.backends.stores.memory import MemoryCampaignStore
from tansaku.tasks.backends.stores.memory_registry import MemoryRegistry
from tansaku.tasks.backends.stores.mongo_accounts import MongoAccounts
from tansaku.tasks.backends.stores.mongo_library import MongoLibrary
from tansaku.tasks.backends.stores.mongo_notifications import MongoNotifications
from tansaku.tasks.backends.stores.mongo_requests import MongoRequests
from tansaku.tasks.backends.stores.mongo_schedules import MongoSchedules
from tansaku.tasks.backends.stores.mongo_schema import MongoDatabase
from tansaku.tasks.ground.settings import Settings
from tests.support.campaign_files import rows_campaign
from tests.support.stored_models import store_models

HOST = "localhost"
PASSWORD = "correct horse battery"
TABLE = "id,value,cost,x\na,1.0,2.0,0.0\nb,2.0,2.0,0.5\nc,3.0,2.0,1.0\n"
SPEC = rows_campaign("rows", 2)
"""A campaign on :data:`TABLE`, which the library must have as ``rows.csv``."""

CHEAP = HashCost(passes=1, memory_kib=8, lanes=1)


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = datetime(2026, 1, 1, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def pass_time(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@dataclass(frozen=True)
class Site:
    """The application, what it works with, and its clock; there is a user of each role, with :data:`PASSWORD`."""

    app: FastAPI
    services: Services
    clock: Clock

    def changes(self, action: str) -> list[AuditEntry]:
        """Entries of the audit of an action."""
        return [entry for entry in self.services.accounts.audit() if entry.action == action]

    def browser(self) -> Browser:
        """A browser without cookies."""
        return Browser(self.app, base_url=f"http://{HOST}", follow_redirects=False)

    def logged_in(self, role: Role) -> Browser:
        """A browser in which the user of a role has logged in."""
        browser = self.browser()
        answer = browser.log_in(role.value)
        assert answer.status_code == 303, answer.text
        return browser

    def with_session(self, role: Role) -> Browser:
        """A browser with a session that no login began: logins are limited."""
        browser = self.browser()
        secret = open_session(self.services, self.services.accounts.user(role.value), "testclient", None)
        browser.cookies.set(self.services.settings.session_cookie, secret)
        return browser


class Browser(TestClient):
    """Sends what browsers send: the origin, and with forms their token."""

    def form_token(self, path: str = "/") -> str:
        """The token in the forms of a page."""
        return re.search(r'name="csrf_token" value="(\w+)"', self.get(path).text)[1]

    def submit(self, path: str, fields: dict[str, str] | None = None, page: str = "/"):
        """Sends a form of a page."""
        fields = {"csrf_token": self.form_token(page), **(fields or {})}
        return self.post(path, data=fields, headers={"Origin": f"http://{HOST}"})

    def log_in(self, name: str, password: str = PASSWORD, **fields: str):
        """Fills in the login form."""
        return self.submit("/session", {"name": name, "password": password, **fields}, "/login")

    def upload(self, name: str = "rows.csv", content: str | bytes = TABLE):
        """Uploads a file to the library."""
        return self.change("POST", f"/api/v1/files?name={name}", content=content)

    def change(self, method: str, path: str, *, key: str | None = None, headers: dict[str, str] | None = None, **more: object):
        """Asks for a change as a script of a page does, with an idempotency key where one is given."""
        sent = {"Origin": f"http://{HOST}", "X-CSRF-Token": self.form_token()} | (headers or {})
        return self.request(method, path, headers=sent if key is None else sent | {"Idempotency-Key": key}, **more)


class InProcess(Sandbox):
    """Carries out checks in this process: the tests of the sandbox start real ones."""

    def __init__(self) -> None:
        super().__init__(SandboxSpec())
        self.requests: list[CheckRequest] = []
        self.uploads: list[CheckRequest] = []

    def ask(self, request: CheckRequest, watch: Watch = ALONE) -> CheckAnswer:
        """The same answer."""
        assert watch.wanted()
        (self.uploads if request.task == "file" else self.requests).append(request)
        # The memory of this process is that of all tests.
        request, stream = request.model_copy(update={"resident": 10**6}), StringIO()
        answer = child.answer(CheckRequest.model_validate_json(request.model_dump_json()), stream)
        for line in stream.getvalue().splitlines():
            watch.on_progress(CheckProgress.model_validate_json(line))
        return CheckAnswer.model_validate_json(answer.model_dump_json())


@pytest.fixture
def make_site(tmp_path: Path, emptied_database: MongoDatabase) -> Callable[..., Site]:
    """``make_site(store, given={...}, owner="operator", **settings)``: an application on a store, with other services.

    The campaigns of the store are the operator's; with ``owner=None`` they are of the command line.
    """

    def make(
        store: MemoryCampaignStore | None = None,
        *,
        given: dict[str, object] | None = None,
        owner: str | None = "operator",
        **settings: object,
    ) -> Site:
        clock = Clock()
        if store is not None:
            owned = {name: record.model_copy(update={"owner": owner}) for name, record in store._campaigns.items()}
            store._campaigns |= owned
        services = Services(
            store=MemoryCampaignStore() if store is None else store,
            artifacts=FileArtifactStore(tmp_path / "artifacts"),
            accounts=MongoAccounts(emptied_database),
            registry=MemoryRegistry(),
            requests=MongoRequests(emptied_database),
            schedules=MongoSchedules(emptied_database),
            notifications=MongoNotifications(emptied_database),
            library=MongoLibrary(emptied_database),
            settings=WebSettings(hash_cost=CHEAP, **settings),
            clock=clock,
            **(given or {}),
        )
        limiter = AttemptLimiter(services.settings.attempts, lambda: clock().timestamp(), patience=0.0)
        object.__setattr__(services, "limiter", limiter)
        object.__setattr__(services.desk, "files", LocalFiles(services.artifacts, tmp_path / "library"))
        object.__setattr__(services.desk, "sandbox", InProcess())
        for role in Role:
            stored = services.passwords.hash(PASSWORD)
            services.accounts.add_user(User(name=role.value, role=role, password_hash=stored, created_at=clock()))
        return Site(create_app(services), services, clock)

    return make


@pytest.fixture
def site(make_site: Callable[..., Site]) -> Site:
    """The application with the usual settings."""
    return make_site()


@pytest.fixture
def browser(site: Site) -> Browser:
    """An operator's, who has uploaded :data:`TABLE`."""
    found = site.logged_in(Role.OPERATOR)
    assert found.upload().status_code == 201
    return found


@pytest.fixture
def site_with(make_site: Callable[..., Site], recorded: Callable[..., MemoryCampaignStore]) -> Callable[..., Site]:
    """``site_with("a1", "a3")``: an application with one campaign, in which these candidates were evaluated; a3 fails."""
    return lambda *candidates, owner="operator", **arguments: make_site(recorded(*candidates, **arguments), owner=owner)


@pytest.fixture
def owned_site(site_with: Callable[..., Site]) -> Site:
    """A server that only stores requests: with the campaign ``rows`` of an operator, and one of the command line."""
    site = site_with("a1", owner=None)
    operator = site.with_session(Role.OPERATOR)
    operator.upload()
    assert operator.change("POST", "/api/v1/campaigns", json={"spec": SPEC}).status_code == 201
    return site


@pytest.fixture
def its_resources(owned_site: Site, tmp_path: Path) -> DatabaseResources:
    """What a service on the same stores works with."""
    services = owned_site.services
    return DatabaseResources(
        settings=Settings(home=tmp_path),
        site=SiteSpec(),
        store=services.store,
        artifacts=services.artifacts,
        open_launcher=lambda _: pytest.fail("no job of it runs"),
        requests=services.requests,
        schedules=services.schedules,
        notifications=services.notifications,
        registry=services.registry,
        accounts=services.accounts,
        library=services.library,
    )


@pytest.fixture
def add_models(tmp_path: Path) -> Callable[[Site], Site]:
    """Adds three versions of a model to an application."""

    def add(site: Site) -> Site:
        store_models(site.services.registry, site.services.artifacts, tmp_path)
        return site

    return add
