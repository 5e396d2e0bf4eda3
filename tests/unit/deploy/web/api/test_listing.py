"""Pages of the lists that are arrays: their next pages, until every entry was shown once."""

import re
from datetime import timedelta

import pytest

from tansaku.models.domain.accounts import Role
from tansaku.models.domain.records import Command, Failure, LeaseOwner
from tansaku.models.domain.requests import Answer, ServiceRequest
from tansaku.models.domain.schedules import Schedule
from tansaku.models.domain.states import FailureKind

NAME = "small-table"
OTHERS = ("copper", "iron")
OWNER = LeaseOwner(host="node7", pid=1, process_started=0.0, user="ada")
PATHS = {
    "/api/v1/queue": "name",
    "/api/v1/schedules": "id",
    f"/api/v1/campaigns/{NAME}/commands": "id",
    f"/api/v1/campaigns/{NAME}/runs": "id",
    f"/api/v1/campaigns/{NAME}/evaluations/2/log": "attempt",
    "/api/v1/queue/refused": "id",
}


@pytest.fixture
def browser(site_with):
    site = site_with("a1")
    services, now, store = site.services, site.clock(), site.services.store
    record = store.campaign(NAME)
    of_campaign = {"campaign": NAME, "campaign_created_at": record.created_at, "user": "ada", "origin": "::1"}
    for number, other in enumerate(OTHERS):
        store.create_campaign(record.model_copy(update={"id": other, "name": other, "spec": record.spec | {"name": other}}))
        at = now + timedelta(seconds=number // 2)  # two of them at the same time
        store.add_command(NAME, Command(id=f"pause-{number}", kind="pause", user="ada", created_at=now))
        services.schedules.add_schedule(
            Schedule(id=f"schedule-{number}", cron="0 3 * * *", zone="UTC", created_at=at, **of_campaign)
        )
    leases = [store.acquire_lease(name, OWNER, 600.0) for name in (NAME, *OTHERS)]
    proposal = store.evaluations(NAME)[0].proposal.model_copy(update={"number": 2, "candidate": "a2"})
    evaluation = store.insert_proposal(leases[0], proposal)
    for attempt in (1, 2, 3):
        store.begin_attempt(leases[0], evaluation.id, attempt, f"token-{attempt}", f"job-{attempt}")
        lost = Failure(kind=FailureKind.PLUMBING, reason="node_fail", message="lost")
        store.mark_lost(leases[0], evaluation.id, f"token-{attempt}", lost, 0.0)
    for number in range(3):
        at, key = now + timedelta(seconds=number // 2), f"request-{number}"
        services.requests.add_request(ServiceRequest(id=key, created_at=at, **of_campaign))
        services.requests.answer_request(key, Answer(service="s", reason="no"), now)
    return site.with_session(Role.OPERATOR)


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
    if PATHS[path] != "name":
        assert browser.get(f"{path}?after=unknown").json()["key"] == "after"
