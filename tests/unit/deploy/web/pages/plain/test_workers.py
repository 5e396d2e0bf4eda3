"""The timeline of workers on its page."""

from __future__ import annotations

import re

from tansaku.models.domain.accounts import Role
from tests.support.alloys import NAME, alloy_store


def test_the_timeline_is_drawn_and_told_in_a_table(make_site):
    browser = make_site(alloy_store()).with_session(Role.VIEWER)
    page = browser.get(f"/campaigns/{NAME}/workers").text
    assert page.count('<rect class="done"') == 5
    assert "<title>not known: round 2, L10-AuCu, done, " in page
    assert '<li title="not known">not known</li>' in page
    assert re.search(r"<foreignObject[^>]+><p>\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ</p></foreignObject>", page)
    assert '<tr><th scope="row">not known</th>' in page
    assert f'data-poll="/campaigns/{NAME}/workers"' in page
    assert '<script src="/static/together/taken+poll' in page  # the page follows what runs
    for tab in ("workers", "structures"):
        assert f'<a href="/campaigns/{NAME}/{tab}">' in browser.get(f"/campaigns/{NAME}").text
        assert f'<a href="/campaigns/{NAME}/{tab}" aria-current="page">' in browser.get(f"/campaigns/{NAME}/{tab}").text


def test_a_campaign_on_a_table_has_no_workers(site_with):
    browser = site_with("a1").with_session(Role.VIEWER)
    assert "Nothing was computed yet." in browser.get("/campaigns/small-table/workers").text
    assert "/workers" not in browser.get("/campaigns/small-table").text
