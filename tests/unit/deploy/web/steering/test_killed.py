"""A dashboard that is killed between its writes: the same request again loses nothing and does nothing twice."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tansaku.deploy.web import steering
from tansaku.models.domain.accounts import Actor, Role
from tansaku.models.domain.requests import Answer, RequestState, ServiceReport
from tests.support.killed_writes import KilledError, MortalStore
from tests.support.passed_time import let_pass

NAME, KEY = "small-table", "the-only-key"
ADA = Actor(name="operator", role=Role.OPERATOR)
WRITES = {"store": ("add_command",), "accounts": ("append_audit",), "requests": ("add_request",)}
POINTS = [(part, method, after) for part, methods in WRITES.items() for method in methods for after in (False, True)]


def give(services) -> None:
    steering.give(services, ADA, NAME, steering.Order("retry", KEY, ("a3",)))


def ask_to_run(services) -> None:
    steering.ask_to_run(services, ADA, NAME, KEY)


@pytest.mark.parametrize(("part", "method", "after"), POINTS)
@pytest.mark.parametrize("act", [give, ask_to_run])
def test_whatever_was_killed_the_same_request_again_completes_it_once(site_with, act, part, method, after):
    site = site_with("a1", "a3")
    mortal = MortalStore(getattr(site.services, part), method, after)
    if (act, part) == (ask_to_run, "store"):
        act(replace(site.services, store=mortal))
        assert not mortal.hit
    else:
        with pytest.raises(KilledError):
            act(replace(site.services, **{part: mortal}))
        assert mortal.hit
    for _ in range(2):
        act(replace(site.services))
    commands = site.services.store.campaign(NAME).commands
    assert [command.id for command in commands] == ([KEY] if act is give else [])
    (request,) = site.services.requests.requests_of(NAME)
    assert (request.id, request.state) == (KEY, RequestState.WAITING)
    entries = {"campaign.retry": int(act is give), "campaign.run": 1}
    assert {action: len(site.changes(action)) for action in entries} == entries


def test_an_answer_that_came_in_between_is_kept(site_with):
    """The service may start the run before the browser, whose answer was lost, asks again."""
    site = site_with("a1", "a3")
    ask_to_run(site.services)
    site.services.requests.answer_request(KEY, Answer(service="s", run="run-1"), site.clock())
    ask_to_run(site.services)
    (request,) = site.services.requests.requests_of(NAME)
    assert (request.state, request.run) == (RequestState.ACCEPTED, "run-1")


def test_requests_wait_while_the_service_is_down_for_an_hour_and_the_pages_say_so(site_with, emptied_database):
    site = site_with("a1")
    requests = site.services.requests
    requests.report(report())
    browser = site.logged_in(Role.OPERATOR)
    assert "service s runs" in browser.get("/").text
    site.clock.pass_time(60.0)
    steering.ask_to_run(site.services, ADA, NAME, KEY)
    for minutes in (1, 59):
        site.clock.pass_time(60.0 * minutes)
        let_pass(emptied_database, 60.0 * minutes)
        seen_at = requests.services()[0].seen_at
        for path in ("/", "/queue"):
            text = " ".join(browser.get(path).text.split())
            assert "no service runs" in text
            assert f"s on h was last seen at {seen_at:%Y-%m-%d %H:%M}" in text
            assert "<strong>1 request waits</strong> since 2026-01-01 12:01" in text
        assert "run: requested; waiting for the service" in browser.get(f"/campaigns/{NAME}").text
        health = browser.get("/api/v1/health").json()
        assert (health["waiting"], health["services"][0]["running"]) == (1, False)
    requests.report(report())
    assert requests.take_request(KEY, "deployment", 600.0)
    assert requests.answer_request(KEY, Answer(service="s", run="run-1"), site.clock())
    text = browser.get("/").text
    assert "service s runs" in text
    assert "request waits" not in text


@pytest.mark.parametrize("hours", [-24, 24])
def test_a_dashboard_whose_clock_is_wrong_shows_services_and_hands_requests_over(site_with, emptied_database, hours):
    """Silence and holds count by the clock of the store, so that a service of another machine has one run for a request."""
    site = site_with("a1")
    requests = site.services.requests
    site.clock.now = datetime.now(UTC) + timedelta(hours=hours)
    requests.report(report())
    browser = site.logged_in(Role.OPERATOR)
    assert "service s runs" in browser.get("/").text
    steering.ask_to_run(site.services, ADA, NAME, KEY)
    assert requests.take_request(KEY, "first", 600.0)
    site.clock.pass_time(3600.0)
    assert not requests.take_request(KEY, "second", 600.0)
    let_pass(emptied_database, 601.0)
    assert requests.take_request(KEY, "second", 600.0)
    requests.report(report())
    assert "service s runs" in browser.get("/").text
    let_pass(emptied_database, 31.0)
    assert "no service runs" in browser.get("/").text


def report() -> ServiceReport:
    moment = datetime(2026, 1, 1, 12, tzinfo=UTC)
    return ServiceReport(id="s@h", name="s", host="h", pid=1, since=moment, version="1")
