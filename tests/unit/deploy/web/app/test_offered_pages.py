"""A page of a plug-in has its routes, an entry of the navigation, templates, files, and work in the sandbox."""

import sys

import pytest

from tansaku.deploy.web import app
from tansaku.deploy.web.pages.rendering import static_address
from tansaku.models.domain import rooms
from tansaku.models.domain.accounts import Role
from tansaku.models.domain.plugins import found_plugins
from tansaku.models.domain.specs.limits import LimitsSpec
from tansaku.tasks.act.checks.request import CheckRequest, PageRequest
from tansaku.tasks.act.checks.sandbox import Watch
from tests.support.plugged_front import add_front

MODULES = ("my_commands", "my_pages", "my_cli", "my_page", "my_page.routes", "my_page.work")


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
