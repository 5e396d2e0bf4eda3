"""Whether a service runs, and what waits for it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tansaku.models.domain.requests import Answer, ServiceReport, ServiceRequest
from tansaku.tasks.backends.stores.mongo_requests import MongoRequests
from tansaku.tasks.read.views.service_health import describe_request, open_requests, read_health
from tests.support.passed_time import let_pass

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.fixture
def requests(emptied_database) -> MongoRequests:
    return MongoRequests(emptied_database)


def report(name: str = "s", **changes: object) -> ServiceReport:
    made = ServiceReport(id=f"{name}@h", name=name, host="h", pid=1, since=NOON, version="1")
    return made.model_copy(update=changes)


def asked(request_id: str, campaign: str, minutes: float = 0.0) -> ServiceRequest:
    moment = NOON + timedelta(minutes=minutes)
    return ServiceRequest(id=request_id, campaign=campaign, campaign_created_at=NOON, user="a", origin="o", created_at=moment)


def test_a_service_runs_while_it_reports_and_until_it_says_that_it_ends(requests, emptied_database):
    assert not read_health(requests).running
    requests.report(report())
    assert read_health(requests).running
    let_pass(emptied_database, 31)
    (service,) = read_health(requests).services
    assert (service.running, service.seen_at) == (False, requests.services()[0].seen_at)
    assert 31 <= service.silent_for < 60
    requests.report(report(stopped=True))
    assert not read_health(requests).running
    let_pass(emptied_database, 86400)
    assert [service.old for service in read_health(requests).services] == [True]
    let_pass(emptied_database, 30 * 86400)
    assert read_health(requests).services == ()


def test_requests_that_wait_are_counted_from_the_oldest(requests):
    requests.add_request(asked("request-1", "al", 5))
    requests.add_request(asked("request-2", "cu", 3))
    health = read_health(requests)
    assert (health.waiting, health.waiting_since) == (2, NOON + timedelta(minutes=3))
    requests.answer_request("request-2", Answer(service="s", run="r"), NOON)
    requests.add_request(asked("request-3", "mg", 4))
    requests.answer_request("request-3", Answer(service="s", reason="no"), NOON)
    assert read_health(requests).waiting == 1
    assert set(open_requests(requests)) == {"al", "cu"}


def test_a_request_in_words(requests):
    requests.add_request(asked("request-1", "al"))
    said = [describe_request(requests.request("request-1"))]
    requests.answer_request("request-1", Answer(service="s", run="r"), NOON)
    said.append(describe_request(requests.request("request-1")))
    requests.end_request("request-1", "Completed: budget", NOON)
    said.append(describe_request(requests.request("request-1")))
    assert said == ["run: requested; waiting for the service", "run: started by service s", "run: ended: Completed: budget"]
    paused = requests.request("request-1").model_copy(update={"reason": "Suspended: paused after proposal 3"})
    assert describe_request(paused) == "run: paused"
    requests.add_request(asked("request-2", "al").model_copy(update={"kind": "delete"}))
    requests.answer_request("request-2", Answer(service="s", done=True), NOON)
    assert describe_request(requests.request("request-2")) == "delete: done by service s"
