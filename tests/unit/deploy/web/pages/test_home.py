"""The page of all campaigns."""

from __future__ import annotations

import html
import json
import re

import pytest

from tansaku.models.domain.accounts import Role
from tansaku.models.domain.records import LeaseOwner, Proposal
from tansaku.models.domain.requests import Answer, ServiceReport

NAME = "small-table"


def test_a_campaign_is_a_row_with_its_best_value_failures_and_cost(site_with):
    page = site_with("a1", "a3", "b1").logged_in(Role.VIEWER).get("/")
    assert page.status_code == 200
    row = page.text.partition(f'href="/campaigns/{NAME}"')[2].partition("</tr>")[0]
    assert "INTERRUPTED" in row
    assert "5 mJ/m²" in row
    assert '<td class="number">3<progress max="1" value="0.875"' in row
    assert '<td class="number bad">1</td>' in row
    assert "7 / 8 (87.5 %)" in row


def test_the_page_follows_the_campaigns_that_move_and_no_others(site_with):
    site = site_with("a1")
    browser, stream = site.with_session(Role.OPERATOR), f"/api/v1/campaigns/{NAME}/changes"

    def followed() -> list[str]:
        return json.loads(html.unescape(re.search(r'data-moving="([^"]*)"', browser.get("/").text)[1]))

    assert followed() == []
    browser.submit(f"/campaigns/{NAME}/runs", {"key": "the-request"})
    assert followed() == [stream]
    site.services.requests.answer_request("the-request", Answer(service="s", reason="no"), site.clock())
    assert followed() == []
    site.services.store.acquire_lease(NAME, LeaseOwner(host="node7", pid=1, process_started=0.0, user="bob"), 600.0)
    assert followed() == [stream]


def test_without_campaigns_the_page_says_so(site):
    texts = [site.with_session(role).get("/").text for role in (Role.VIEWER, Role.OPERATOR)]
    assert all("No campaign is stored" in text for text in texts)
    assert ['<a href="/new">Create one</a>' in text for text in texts] == [False, True]


def test_the_list_has_the_campaigns_of_a_state_and_with_a_part_of_a_name(site_with):
    site = site_with("a1")
    store = site.services.store
    record = store.campaign(NAME)
    store.create_campaign(
        record.model_copy(update={"id": "copper", "name": "copper", "spec": record.spec | {"name": "copper"}})
    )
    store.create_campaign(record.model_copy(update={"id": "broken", "name": "broken", "spec": {"name": "broken"}}))
    browser = site.with_session(Role.VIEWER)

    def shown(query: str) -> set[str]:
        return set(re.findall(r'<th scope="row">.*?<a href="/campaigns/([^"]*)"', browser.get(f"/{query}").text))

    assert shown("") == {NAME, "copper", "broken"}
    assert shown("?state=NEW") == {"copper"}
    assert shown("?state=unreadable&name=") == {"broken"}
    assert shown("?name=TABLE") == {NAME}
    page = browser.get("/?state=NEW&name=per").text
    assert 'data-poll="/?state=NEW&amp;name=per"' in page
    assert "1 of 3 campaigns" in page
    assert "None of 3 campaigns" in browser.get("/?name=%3Cb%3E").text
    assert "<b>" not in browser.get("/?name=%3Cb%3E").text


@pytest.mark.parametrize("key", ["objective", "budget"])
def test_an_unreadable_campaign_is_a_row_with_the_reason(site_with, key):
    site = site_with("a1")
    record = site.services.store.campaign(NAME)
    broken = record.model_copy(
        update={"id": "broken", "name": "broken", "spec": {**record.spec, "name": "broken", key: "<script>alert(1)</script>"}}
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
    assert "no service runs</span>: created campaigns wait; <code>tansaku serve --no-web</code>" in browser.get("/").text
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


def test_what_has_no_result_yet_is_counted_apart(site_with):
    site = site_with("a1", "a2")
    store = site.services.store
    lease = store.acquire_lease(NAME, LeaseOwner(host="node7", pid=1, process_started=0.0, user="bob"), 60.0)
    given = {"system": "alpha", "surface": "alpha/0", "source": "table", "predicted_cost": 2.0, "model": "test"}
    store.insert_proposal(lease, Proposal(number=3, candidate="a3", **given))
    store.release_lease(lease)
    page = site.logged_in(Role.VIEWER)
    assert '<td class="number">2 <span class="quiet">+ 1 in progress</span>' in page.get("/").text
    head = " ".join(page.get(f"/campaigns/{NAME}").text.partition('id="budget"')[2].partition("</section>")[0].split())
    assert re.search(r'Evaluations</span> <span class="large">2</span>.*?<span class="quiet">ended, 1 in progress;', head)
