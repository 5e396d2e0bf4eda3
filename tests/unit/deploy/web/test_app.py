"""Every route says who may use it, and every answer carries the protecting headers."""

from __future__ import annotations

import re
import sys

import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts

from tansaku.deploy.web import app
from tansaku.deploy.web.auth.roles import Requires
from tansaku.deploy.web.pages.rendering import static_address
from tansaku.models.domain import rooms
from tansaku.models.domain.accounts import Role
from tansaku.models.domain.plugins import found_plugins
from tansaku.models.domain.specs.limits import LimitsSpec
from tansaku.tasks.act.checks.request import CheckRequest, PageRequest
from tansaku.tasks.act.checks.sandbox import Watch
from tests.support.plugged_front import add_front

MODULES = ("my_commands", "my_pages", "my_cli", "my_page", "my_page.routes", "my_page.work")
OPEN = {("GET", "/login"), ("POST", "/session"), ("POST", "/api/v1/session"), ("GET", "/health/live")}
"""Routes for everybody; static files are no route."""


def requirements(dependant) -> list[Role]:
    """Roles that a route depends on, also through other dependencies."""
    own = [dependant.call.role] if isinstance(dependant.call, Requires) else []
    return own + [role for below in dependant.dependencies for role in requirements(below)]


def matrix(app: FastAPI) -> dict[tuple[str, str], list[Role]]:
    """Roles by method and path, found in the application itself."""
    found = {}
    for route in iter_route_contexts(app.routes):
        if route.name != "static":
            found |= {(method, route.path): requirements(route.dependant) for method in route.methods}
    return found


def test_every_route_requires_a_role(site):
    without = {route for route, roles in matrix(site.app).items() if not roles}
    assert without == OPEN


def test_a_route_without_a_role_is_noticed(site):
    site.app.get("/planted")(lambda: "planted")
    assert ("GET", "/planted") in {route for route, roles in matrix(site.app).items() if not roles}


@pytest.mark.parametrize("role", [None, *Role])
def test_each_role_may_use_its_routes_and_no_others(site, role):
    for (method, path), roles in matrix(site.app).items():
        if not roles:
            continue
        # A new session each time: some routes end it.
        browser = site.browser() if role is None else site.with_session(role)
        token = "" if role is None else browser.form_token()
        answer = browser.request(method, path, headers={"Origin": "http://localhost", "X-CSRF-Token": token})
        allowed = role is not None and all(role.includes(needed) for needed in roles)
        if allowed:
            assert answer.status_code not in {401, 403}, (method, path, answer.text)
            assert not answer.headers.get("Location", "").startswith("/login") or path == "/logout"
        elif role is None and path.startswith(("/api/", "/optimade/")):
            assert answer.status_code == 401
        elif role is None:
            assert answer.headers["Location"].startswith("/login?next=")
        else:
            assert answer.status_code == 403


def test_no_page_or_style_has_anything_inline_or_from_elsewhere(site):
    browser = site.logged_in(Role.ADMIN)
    pages = [
        path
        for method, path in matrix(site.app)
        if method == "GET" and "{" not in path and not path.startswith(("/api/", "/optimade/"))
    ]
    assert {"/", "/login"} <= set(pages)
    for path in pages:
        text = browser.get(path).text
        assert "style=" not in text
        assert "<style" not in text
        # The reference cites articles, as text.
        assert "://" not in re.sub(r"(?<![\"'=])https://doi\.org/", "", text)
        assert text.count("<script") == text.count("<script src=")
        assert " on" not in {text[place : place + 3] for place in range(len(text)) if text[place + 3 : place + 9] == "click="}


@pytest.fixture
def front(tmp_path, monkeypatch):
    """This process finds the package; what it knows of plug-ins is forgotten before and after."""

    def forget():
        for known in (found_plugins, rooms._offered, app._routes, static_address):
            known.cache_clear()
        for name in MODULES:
            sys.modules.pop(name, None)

    add_front(tmp_path / "packages")
    monkeypatch.syspath_prepend(tmp_path / "packages")
    forget()
    yield
    monkeypatch.undo()
    forget()


def test_a_page_of_a_plugin_is_shown_to_those_who_may_see_it(front, make_site):
    site = make_site()
    browser = site.logged_in(Role.VIEWER)
    page = browser.get("/mine").text
    assert "<h1>&lt;mine&gt;</h1>" in page
    assert '<a href="/mine" aria-current="page">Mine</a>' in page
    assert "Sparse search" not in page
    address = page.partition("</h1>")[2].partition("\n")[0]
    assert address.startswith("/static/mine/own.js?v=")
    assert browser.get(address).text == "1;"
    assert site.browser().get("/mine").headers["Location"].startswith("/login")


def test_its_work_is_done_in_the_sandbox(front, make_site, tmp_path):
    page = PageRequest(page="mine", asked={"number": 21}, long=False, remedy="a smaller number is faster")
    request = CheckRequest(task="page", base_path=str(tmp_path), limits=LimitsSpec(), page=page)
    stages = []
    answer = make_site().services.desk.sandbox.ask(request, Watch(lambda progress: stages.append(progress.stage)))
    assert answer.found == {"twice": 42}
    assert stages == ["doubling"]
