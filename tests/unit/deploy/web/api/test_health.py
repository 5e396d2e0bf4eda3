"""The health of the process and of services."""

from datetime import UTC, datetime

from tansaku.models.domain.accounts import Role
from tansaku.models.domain.requests import Answer, ServiceReport

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def test_users_see_services_and_what_waits_for_them(site):
    browser = site.logged_in(Role.VIEWER)
    assert browser.get("/api/v1/health").json() == {"services": [], "waiting": 0, "waiting_since": None}
    report = ServiceReport(id="s@h", name="s", host="h", pid=1, since=NOON, version="1", problem="no answer", sites=("queue",))
    site.services.requests.report(report)
    (service,) = browser.get("/api/v1/health").json()["services"]
    assert (service["name"], service["running"], service["problem"], service["sites"]) == ("s", True, "no answer", ["queue"])
    assert site.browser().get("/api/v1/health").status_code == 401
    assert site.browser().get("/health/live").json() == {"status": "live"}


def test_users_see_what_the_service_has_to_do(site_with):
    site = site_with("a1")
    site.with_session(Role.OPERATOR).submit("/campaigns/small-table/runs", {"key": "the-request"})
    browser = site.with_session(Role.VIEWER)
    found = browser.get("/api/v1/service").json()
    assert (found["running"], found["services"], [item["state"] for item in found["requests"]]) == (False, [], ["waiting"])
    requests = site.services.requests
    requests.report(ServiceReport(id="s@h", name="s", host="h", pid=1, since=NOON, version="1"))
    requests.answer_request("the-request", Answer(service="s", run="run-1"), NOON)
    found = browser.get("/api/v1/service").json()
    assert (found["running"], found["services"][0]["version"], found["requests"][0]["run"]) == (True, "1", "run-1")
    requests.end_request("the-request", "Completed", NOON)
    assert browser.get("/api/v1/service").json()["requests"] == []
