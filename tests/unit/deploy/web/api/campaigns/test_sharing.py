"""Rights to change a campaign: its owner, those with whom it is shared, and admins; on every route of the API and the pages."""

from __future__ import annotations

import pytest

from tansaku.deploy.web.auth.sessions import open_session
from tansaku.models.domain.accounts import Role, User
from tests.unit.deploy.web.test_app import matrix

NAME, SCHEDULE = "small-table", "schedule-1"
TIMES = {"cron": "30 2 * * *", "zone": "UTC"}
ONE, API = "/campaigns/{name}", "/api/v1"
STEERING = {
    f"POST {API}{ONE}/commands": {"json": {"kind": "pause"}},
    f"POST {API}{ONE}/runs": {},
    f"POST {API}{ONE}/asks": {"json": {"count": 1}},
    f"POST {API}{ONE}/tells": {"json": {"rows": [{"id": "a2", "value": 1.0}]}},
    f"POST {API}{ONE}/links": {"json": {"days": 1}},
    f"POST {API}{ONE}/attachments": {"params": {"number": 1, "file": "a.txt"}, "content": b"x"},
    f"POST {API}/schedules": {"json": {"campaign": NAME, **TIMES}},
    f"PUT {API}/schedules/{{schedule_id}}": {"json": TIMES},
    f"DELETE {API}/schedules/{{schedule_id}}": {},
    f"POST {ONE}/links": {"data": {"days": "1"}},
    f"POST {ONE}/commands": {"data": {"kind": "cancel"}},
    f"POST {ONE}/runs": {"data": {}},
    f"POST {ONE}/asks": {"data": {"count": "1"}},
    f"POST {ONE}/tells": {"data": {"csv": "id,value\na2,1.0\n"}},
    "POST /schedules": {"data": {"campaign": NAME, **TIMES}},
    "POST /schedules/{schedule_id}": {"data": {"action": "off", **TIMES}},
}
OWNING = {
    f"DELETE {API}{ONE}": {"json": {"confirm": "wrong"}},
    f"PUT {API}{ONE}/name": {"json": {"name": "not a name"}},
    f"PUT {API}{ONE}/sharing": {"json": {"users": ["nobody"]}},
    f"PUT {API}{ONE}/project": {"json": {"project": None}},
    f"POST {ONE}/deletion": {"data": {"confirm": "wrong"}},
    f"POST {ONE}/name": {"data": {"name": "not a name"}},
    f"POST {ONE}/sharing": {"data": {"users": "nobody"}},
    f"POST {ONE}/project": {"data": {"project": ""}},
}
COMPUTED = {f"POST {API}{ONE}/{part}" for part in ("acquisitions", "predictions")}
ANYBODYS = {f"POST {API}{ONE}/copies", f"POST {ONE}/copies", *COMPUTED}
"""Routes for every operator: a copy is one's own, and a prediction changes nothing."""


@pytest.fixture
def site(site_with):
    """The campaign is the operator's; ``other`` is another operator."""
    site = site_with("a1")
    site.services.accounts.add_user(User(name="other", role=Role.OPERATOR, created_at=site.clock()))
    headers = {"Idempotency-Key": SCHEDULE}
    made = send(site, "operator", f"POST {API}/schedules", STEERING[f"POST {API}/schedules"], headers)
    assert made.status_code == 201
    return site


def browser_of(site, user: str):
    browser = site.browser()
    browser.cookies.set("tansaku-session", open_session(site.services, site.services.accounts.user(user), "testclient", None))
    return browser


def send(site, user: str, route: str, body: dict, headers: dict[str, str] | None = None):
    method, path = route.split()
    browser, key = browser_of(site, user), f"{user}-{abs(hash(route))}"
    if "data" in body:
        body = {"data": {"key": key, "revision": "1", **body["data"]}}
    sent = {"If-Match": '"9"', "Idempotency-Key": key} | (headers or {})
    return browser.change(method, path.format(name=NAME, schedule_id=SCHEDULE), headers=sent, **body)


def refused(site, user: str) -> set[str]:
    """Routes that answer a user with 403."""
    answers = {route: send(site, user, route, body) for route, body in (STEERING | OWNING).items()}
    assert {route for route, answer in answers.items() if answer.status_code >= 500} == set()
    return {route for route, answer in answers.items() if answer.status_code == 403}


def test_every_route_that_changes_a_campaign_is_tried(site):
    changing = {f"{method} {path}" for method, path in matrix(site.app) if method not in ("GET", "HEAD")}
    of_campaigns = {route for route in changing if "/campaigns/{name}" in route or "/schedules" in route}
    assert of_campaigns == {*STEERING, *OWNING, *ANYBODYS}


def test_another_operator_may_change_nothing_until_the_owner_shares_it(site):
    store = site.services.store
    assert refused(site, "other") == {*STEERING, *OWNING}
    assert store.campaign(NAME).commands == ()
    assert site.services.requests.requests_of(NAME) == []
    text = browser_of(site, "other").get(f"/campaigns/{NAME}").text + browser_of(site, "other").get("/schedules").text
    assert "Copy into the editor" in text
    for form in ("commands", "runs", "deletion", "sharing", "name"):
        assert f'action="/campaigns/{NAME}/{form}"' not in text
    assert 'action="/schedules' not in text
    route = f"PUT {API}{ONE}/sharing"
    assert send(site, "operator", route, {"json": {"users": ["other"]}}).json() == {"owner": "operator", "users": ["other"]}
    assert refused(site, "other") == set(OWNING)
    assert "shared with other" in browser_of(site, "other").get(f"/campaigns/{NAME}").text
    (entry,) = site.changes("campaign.share")
    assert (entry.before, entry.after) == ({"users": []}, {"users": ["other"]})
    assert send(site, "operator", route, {"json": {"users": []}}).json()["users"] == []
    assert refused(site, "other") == {*STEERING, *OWNING}


def test_the_owner_and_admins_may_do_everything(site):
    assert refused(site, "operator") == set()
    assert refused(site, "admin") == set()


def test_a_later_user_of_the_same_name_is_another_one(site):
    accounts = site.services.accounts
    send(site, "operator", f"PUT {API}{ONE}/sharing", {"json": {"users": ["other"]}})
    site.clock.pass_time(3600.0)
    accounts.remove_user("other")
    accounts.add_user(User(name="other", role=Role.OPERATOR, created_at=site.clock()))
    assert send(site, "other", f"POST {API}{ONE}/runs", {}).status_code == 403


def test_a_campaign_of_the_command_line_is_for_admins(site_with):
    site = site_with("a1", owner=None)
    answer = send(site, "operator", f"POST {API}{ONE}/runs", {})
    assert answer.status_code == 403
    assert "it was created on the command line; an admin can share it with you" in answer.json()["detail"]
    assert send(site, "admin", f"PUT {API}{ONE}/sharing", {"json": {"users": ["operator"]}}).status_code == 200
    assert send(site, "operator", f"POST {API}{ONE}/runs", {}).status_code == 202


@pytest.mark.parametrize("users", [["nobody"], ["viewer"], ["x"] * 101])
def test_it_is_shared_with_operators_only(site, users):
    assert send(site, "operator", f"PUT {API}{ONE}/sharing", {"json": {"users": users}}).status_code == 422
    assert site.services.store.campaign(NAME).shared_with == ()
