"""Pages of the lists that are arrays: their next pages, until every entry was shown once."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from tansaku.models.domain.accounts import Role
from tansaku.models.domain.records import Command, LeaseOwner
from tansaku.models.domain.requests import Answer, ServiceRequest
from tansaku.models.domain.schedules import Schedule

NAME = "small-table"
OTHERS = ("copper", "iron")
OWNER = LeaseOwner(host="node7", pid=1, process_started=0.0, user="ada")
PATHS = {
    "/api/v1/queue": "name",
    "/api/v1/schedules": "id",
    f"/api/v1/campaigns/{NAME}/commands": "id",
    f"/api/v1/campaigns/{NAME}/runs": "id",
}


@pytest.fixture
def browser(site_with):
    site = site_with("a1")
    services, now, store = site.services, site.clock(), site.services.store
    record = store.campaign(NAME)
    of_campaign = {"campaign": NAME, "campaign_created_at": record.created_at, "user": "ada", "origin": "::1"}
    for number, other in enumerate(OTHERS):
        store.create_campaign(record.model_copy(update={"name": other, "spec": record.spec | {"name": other}}))
        at = now + timedelta(seconds=number // 2)  # two of them at the same time
        store.add_command(NAME, Command(id=f"pause-{number}", kind="pause", user="ada", created_at=now))
        services.schedules.add_schedule(
            Schedule(id=f"schedule-{number}", cron="0 3 * * *", zone="UTC", created_at=at, **of_campaign)
        )
    for name in (NAME, *OTHERS):
        store.acquire_lease(name, OWNER, 600.0)
    for number in range(3):
        at, key = now + timedelta(seconds=number // 2), f"request-{number}"
        services.requests.add_request(ServiceRequest(id=key, created_at=at, **of_campaign))
        services.requests.answer_request(key, Answer(service="s", reason="no"), now)
    return site.with_session(Role.VIEWER)


@pytest.mark.parametrize("path", PATHS)
def test_the_pages_of_a_list_are_the_whole_list(browser, path):
    everything, found = browser.get(path), []
    assert "Link" not in everything.headers
    address, pages = f"{path}?limit=1", 0
    while address is not None:
        answer = browser.get(address)
        found += answer.json()
        link = answer.headers.get("Link")
        address = None if link is None else re.fullmatch(r'<(/api/v1/[^>]+)>; rel="next"', link)[1]
        pages += 1
    assert found == everything.json()
    assert len({entry[PATHS[path]] for entry in found}) == len(found) == pages > 1


@pytest.mark.parametrize("path", PATHS)
def test_what_cannot_be_a_page_is_a_problem_with_its_key(browser, path):
    for query, key in (("limit=501", "limit"), ("limit=0", "limit"), (f"after={'x' * 129}", "after")):
        answer = browser.get(f"{path}?{query}")
        assert (answer.status_code, answer.json()["key"]) == (422, key)
    if PATHS[path] == "id":
        assert browser.get(f"{path}?after=unknown").json()["key"] == "after"
