"""Run on the pages: a request is stored once and audited, and the page says what becomes of it."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest

from tansaku.models.domain.accounts import Role
from tansaku.models.domain.records import Command, LeaseOwner
from tansaku.models.domain.requests import Answer, RequestState, ServiceReport
from tansaku.models.domain.states import StopReason

NAME = "small-table"
PAGE = f"/campaigns/{NAME}"
OWNER = LeaseOwner(host="node7", pid=4321, process_started=0.0, user="bob")
REPORT = ServiceReport(id="s@h", name="s", host="h", pid=1, since=datetime(2026, 1, 1, tzinfo=UTC), version="1")


def run_key(browser, page: str = PAGE) -> str:
    return re.search(rf'action="{PAGE}/runs">.*?name="key" value="([^"]+)"', browser.get(page).text, re.DOTALL)[1]


@pytest.mark.parametrize("page", ["/", PAGE])
def test_the_button_asks_the_service_once(site_with, page):
    site = site_with("a1")
    browser = site.logged_in(Role.OPERATOR)
    key = run_key(browser, page)
    for _ in range(2):
        answer = browser.submit(f"{PAGE}/runs", {"key": key}, page)
        assert (answer.status_code, answer.headers["Location"]) == (303, PAGE)
    (request,) = site.services.requests.requests_of(NAME)
    assert (request.id, request.user, request.origin) == (key, "operator", "dashboard, testclient")
    assert [entry.action for entry in site.services.accounts.audit() if entry.subject == f"campaign:{NAME}"] == ["campaign.run"]
    for shown in ("/", PAGE):
        assert f'action="{PAGE}/runs"' not in browser.get(shown).text


def test_a_viewer_sees_the_request_but_no_button(site_with):
    site = site_with("a1")
    viewer = site.logged_in(Role.VIEWER)
    assert f"{PAGE}/runs" not in viewer.get("/").text + viewer.get(PAGE).text
    assert viewer.submit(f"{PAGE}/runs", {"key": "from-a-viewer"}).status_code == 403
    site.logged_in(Role.OPERATOR).submit(f"{PAGE}/runs", {"key": "by-operator"})
    assert "run: requested; waiting for the service" in viewer.get(PAGE).text
    assert "(run waiting)" in viewer.get("/").text


def test_the_part_of_the_page_follows_the_request_until_its_run_ends(site_with):
    site = site_with("a1")
    browser = site.logged_in(Role.OPERATOR)
    browser.submit(f"{PAGE}/runs", {"key": "the-request"})
    requests = site.services.requests
    polled = f'data-poll="{PAGE}/runs" data-seconds="2"'
    part = browser.get(f"{PAGE}/runs").text
    assert polled in part
    assert "No service runs: the request waits" in part
    requests.report(REPORT)
    assert "No service runs" not in browser.get(f"{PAGE}/runs").text
    requests.answer_request("the-request", Answer(service="tansaku", run="run-1"), site.clock())
    part = browser.get(f"{PAGE}/runs").text
    assert polled in part
    assert "run: started by service tansaku" in part
    assert re.findall(r'name="kind" value="(\w+)"', browser.get(PAGE).text)[:2] == ["pause", "cancel"]  # it is starting
    lease = site.services.store.acquire_lease(NAME, OWNER, 60.0)
    assert polled not in browser.get(f"{PAGE}/runs").text
    site.services.store.release_lease(lease)
    requests.end_request("the-request", "Failed: no <potential>", site.clock())
    part = browser.get(f"{PAGE}/runs").text
    assert polled not in part
    assert "run: ended: Failed: no &lt;potential&gt;" in part
    assert ">Run</button>" in part


def test_between_a_request_and_its_driver_a_campaign_is_starting(site_with):
    site = site_with("a1")
    browser, requests = site.logged_in(Role.OPERATOR), site.services.requests

    def states() -> list[str]:
        home = re.search(r'</th>\s*<td><span class="badge \w+">(\w+)', browser.get("/").text)[1]
        return [
            home,
            *(
                re.search(r'id="state"><strong class="badge \w+">(\w+)', browser.get(path).text)[1]
                for path in (PAGE, f"{PAGE}/runs")
            ),
        ]

    assert states() == ["INTERRUPTED"] * 3
    browser.submit(f"{PAGE}/runs", {"key": "the-request"})
    assert states() == ["STARTING"] * 3
    assert "(no service runs)" in browser.get("/").text
    requests.answer_request("the-request", Answer(service="tansaku", run="run-1"), site.clock())
    assert states() == ["STARTING"] * 3
    # The service took the request and ended.
    assert "No service runs: the run waits for one" in browser.get(PAGE).text
    lease = site.services.store.acquire_lease(NAME, OWNER, 60.0)
    assert states() == ["RUNNING"] * 3
    # The service has not noticed yet that the run has ended.
    site.services.store.release_lease(lease)
    assert states() == ["INTERRUPTED"] * 3


@pytest.mark.parametrize(("kind", "then"), [("pause", "PAUSED"), ("cancel", "CANCELLED")])
def test_what_waits_for_the_service_can_be_paused_or_cancelled(site_with, kind, then):
    browser = site_with("a1").logged_in(Role.OPERATOR)
    browser.submit(f"{PAGE}/runs", {"key": "the-request"})
    browser.submit(f"{PAGE}/commands", {"kind": kind, "key": "the-command"})
    shown = [
        re.search(r'id="state"><strong class="badge (\w+)">(\w+)', browser.get(path).text) for path in (PAGE, f"{PAGE}/runs")
    ]
    assert [found.groups() for found in shown] == [(then.lower(), then)] * 2


@pytest.mark.parametrize(("kind", "meanwhile", "then"), [("pause", "PAUSING", "PAUSED"), ("cancel", "CANCELLING", "CANCELLED")])
def test_until_its_driver_has_ended_a_campaign_is_pausing_or_cancelling(site_with, kind, meanwhile, then):
    """And it runs again as soon as it is resumed."""
    site = site_with("a1")
    browser = site.logged_in(Role.OPERATOR)
    lease = site.services.store.acquire_lease(NAME, OWNER, 60.0)

    def states() -> set[str]:
        shown = (browser.get(path).text for path in (PAGE, f"{PAGE}/runs", f"{PAGE}/parts"))
        return {re.search(r'id="state"><strong class="badge (\w+)">(\w+)', text).groups() for text in shown}

    assert states() == {("running", "RUNNING")}
    browser.submit(f"{PAGE}/commands", {"kind": kind, "key": "the-command"})
    assert states() == {(meanwhile.lower(), meanwhile)}
    browser.submit(f"{PAGE}/commands", {"kind": "resume", "key": "the-resume"})
    assert states() == {("running", "RUNNING")}
    browser.submit(f"{PAGE}/commands", {"kind": kind, "key": "the-command-again"})
    site.services.store.release_lease(lease)
    assert states() == {(then.lower(), then)}, "the request of the resume still waits"


def test_a_finished_campaign_with_more_budget_is_starting_too(site_with):
    site = site_with("a1", "a3", "a2", stop=StopReason.BUDGET)
    browser = site.logged_in(Role.OPERATOR)
    assert "FINISHED</strong> its cost was spent" in browser.get(PAGE).text
    browser.submit(f"{PAGE}/commands", {"kind": "retry", "key": "the-retry", "all": "yes"})
    assert '<p id="state"><strong class="badge starting">STARTING</strong></p>' in browser.get(PAGE).text
    site.services.store.acquire_lease(NAME, OWNER, 60.0)
    assert "STARTING" not in browser.get(PAGE).text


def test_a_refused_request_says_why_and_may_be_repeated(site_with):
    site = site_with("a1")
    browser = site.logged_in(Role.OPERATOR)
    browser.submit(f"{PAGE}/runs", {"key": "the-request"})
    site.services.requests.answer_request("the-request", Answer(service="s", reason="run 7 is due"), site.clock())
    assert "run: refused by service s: run 7 is due" in browser.get(PAGE).text
    assert browser.submit(f"{PAGE}/runs", {"key": run_key(browser)}).status_code == 303
    assert len(site.services.requests.requests_of(NAME)) == 2


def test_a_campaign_that_is_driven_or_paused_has_no_button_and_refuses(site_with):
    site = site_with("a1")
    store, browser = site.services.store, site.logged_in(Role.OPERATOR)
    lease = store.acquire_lease(NAME, OWNER, 60.0)
    assert f'action="{PAGE}/runs"' not in browser.get("/").text + browser.get(PAGE).text
    assert browser.submit(f"{PAGE}/runs", {"key": "while-driven"}).status_code == 409
    store.release_lease(lease)
    store.add_command(NAME, Command(id="p", kind="pause", created_at=site.clock()))
    assert f'action="{PAGE}/runs"' not in browser.get("/").text + browser.get(PAGE).text
    answer = browser.submit(f"{PAGE}/runs", {"key": "while-paused"})
    assert answer.status_code == 409
    assert "is paused" in answer.text
    assert site.services.requests.requests_of(NAME) == []


@pytest.mark.parametrize("kind", ["resume", "retry", "cancel"])
def test_a_command_that_needs_a_driver_asks_for_one_where_none_runs(site_with, kind):
    site = site_with("a1", "a3")
    browser = site.logged_in(Role.OPERATOR)
    fields = {"kind": kind, "key": f"the-{kind}", "all": "yes"}
    for _ in range(2):
        browser.submit(f"{PAGE}/commands", fields)
    (request,) = site.services.requests.requests_of(NAME)
    assert (request.id, request.state) == (f"the-{kind}", RequestState.WAITING)
    site.services.requests.answer_request(request.id, Answer(service="s", run="run-1"), site.clock())
    site.services.store.acquire_lease(NAME, OWNER, 60.0)
    assert browser.submit(f"{PAGE}/commands", fields | {"key": f"again-{kind}"}).status_code == 303
    assert len(site.services.requests.requests_of(NAME)) == 1


@pytest.mark.parametrize("kind", ["pause", "edit"])
def test_other_commands_ask_for_none(site_with, kind):
    site = site_with("a1")
    browser = site.logged_in(Role.OPERATOR)
    revision = re.search(r'name="revision" value="(\w+)"', browser.get(PAGE).text)[1]
    fields = {"kind": kind, "key": f"the-{kind}", "revision": revision, "cost": "12"}
    assert browser.submit(f"{PAGE}/commands", fields).status_code == 303
    assert site.services.requests.requests_of(NAME) == []


def test_a_run_that_ended_without_a_reason_has_no_half_sentence(site_with):
    site = site_with("a1")
    browser, requests = site.logged_in(Role.OPERATOR), site.services.requests
    browser.submit(f"{PAGE}/runs", {"key": "the-request"})
    requests.answer_request("the-request", Answer(service="tansaku", run="run-1"), site.clock())
    requests.end_request("the-request", "", site.clock())
    assert re.search(r"run: ended <span", browser.get(f"{PAGE}/runs").text)


def test_a_new_campaign_is_run_or_cancelled_and_neither_paused_nor_resumed(site_with):
    page = site_with().logged_in(Role.OPERATOR).get(PAGE).text
    assert ">Run</button>" in page
    assert set(re.findall(r'name="kind" value="(\w+)"', page)) == {"cancel", "edit"}
