"""The health of the process and of services."""

from __future__ import annotations

from datetime import UTC, datetime

from tansaku.models.domain.accounts import Role
from tansaku.models.domain.requests import ServiceReport

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
