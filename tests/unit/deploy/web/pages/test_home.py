"""The page of all campaigns."""

from __future__ import annotations

import pytest

from tansaku.models.domain.accounts import Role
from tansaku.models.domain.requests import ServiceReport

NAME = "small-table"


def test_a_campaign_is_a_row_with_its_best_value_failures_and_cost(site_with):
    page = site_with("a1", "a3", "b1").logged_in(Role.VIEWER).get("/")
    assert page.status_code == 200
    row = page.text.partition(f'href="/campaigns/{NAME}"')[2].partition("</tr>")[0]
    assert "INTERRUPTED" in row
    assert "5 mJ/m2" in row
    assert '<td class="number">3</td>' in row
    assert '<td class="number bad">1</td>' in row
    assert "7 / 8 (87.5 %)" in row


def test_without_campaigns_the_page_says_so(site):
    assert "No campaign is stored" in site.logged_in(Role.VIEWER).get("/").text


@pytest.mark.parametrize("key", ["objective", "budget"])
def test_an_unreadable_campaign_is_a_row_with_the_reason(site_with, key):
    site = site_with("a1")
    record = site.services.store.campaign(NAME)
    broken = record.model_copy(
        update={"name": "broken", "spec": {**record.spec, "name": "broken", key: "<script>alert(1)</script>"}}
    )
    site.services.store.create_campaign(broken)
    text = site.logged_in(Role.VIEWER).get("/").text
    row = text.partition('href="/campaigns/broken"')[2].partition("</tr>")[0]
    assert "unreadable" in row
    assert key in row
    assert "<script>" not in row
    assert f'href="/campaigns/{NAME}"' in text


def test_the_health_of_services_is_shown(site):
    browser, requests = site.logged_in(Role.VIEWER), site.services.requests
    assert "no service runs</span>: <code>tansaku serve</code>" in browser.get("/").text
    report = ServiceReport(id="s@h", name="s", host="<host>", pid=1, since=site.clock(), version="1", problem="no answer")
    requests.report(report)
    text = browser.get("/").text
    assert "service s runs</span> on &lt;host&gt; since 2026-01-01 12:00:00Z" in text
    assert "no answer" in text
    requests.report(report.model_copy(update={"stopped": True}))
    assert "no service runs</span>; s on &lt;host&gt; was last seen at" in browser.get("/").text


def test_requests_that_wait_are_shown(site_with):
    site = site_with("a1")
    site.logged_in(Role.OPERATOR).submit(f"/campaigns/{NAME}/runs", {"key": "the-request"})
    assert "<strong>1 request waits</strong> since 2026-01-01 12:00:00Z" in site.logged_in(Role.VIEWER).get("/").text
