"""A campaign in a private project is seen by its members alone: on pages, in the API, in lists, searches and streams."""

from __future__ import annotations

import re

import pytest

from tansaku.models.domain.accounts import Role
from tansaku.models.domain.notifications import Happening, Message, MessageState, Subscription
from tansaku.models.domain.requests import Answer
from tansaku.models.domain.roles import ProjectRole
from tests.unit.deploy.web.conftest import SPEC
from tests.unit.deploy.web.test_app import matrix

NAME, PROJECT, API = "small-table", "secret-folder", "/api/v1"
OPERATOR, VIEWER, ADMIN = Role.OPERATOR, Role.VIEWER, Role.ADMIN


@pytest.fixture
def site(site_with):
    """The operator's campaign lies in the operator's private project; the viewer is no member."""
    site = site_with("a1", "a3")
    operator = site.with_session(OPERATOR)
    assert operator.change("POST", f"{API}/projects", json={"name": PROJECT}).status_code == 201
    assert operator.change("PUT", f"{API}/campaigns/{NAME}/project", json={"project": PROJECT}).json() == {"project": PROJECT}
    return site


@pytest.fixture
def busy(site, add_models):
    """The same with everything that may name a campaign elsewhere: requests, a schedule, a message, a subscription."""
    add_models(site)
    operator = site.with_session(OPERATOR)
    assert operator.change("POST", f"{API}/campaigns/{NAME}/runs", key="refused-run").status_code == 202
    site.services.requests.answer_request("refused-run", Answer(service="s", reason="no"), site.clock())
    operator.change("POST", f"{API}/campaigns/{NAME}/runs", key="waiting-run")
    schedule = {"campaign": NAME, "cron": "30 2 * * *"}
    assert operator.change("POST", f"{API}/schedules", key="schedule-1", json=schedule).status_code == 201
    identifier, now = site.services.store.campaign_id(NAME), site.clock()
    usual = {"user": "viewer", "created_at": now, "happenings": (Happening.FAILED,), "channel": "mail", "address": "a@b.org"}
    site.services.notifications.subscribe(Subscription(id="subscription", campaign=identifier, **usual))
    content = {"id": "m", "subscription": "subscription", "user": "viewer", "happening": "failed", "title": NAME, "text": NAME}
    message = Message(campaign=NAME, at=now, due_at=now, state=MessageState.SENT, **content)
    site.services.notifications.post(message)
    return site


def routes(site):
    """Each GET route but streams and those that a browser is not meant to wait for."""
    for method, path in sorted(matrix(site.app)):
        if method == "GET" and not path.endswith("/changes") and path != f"{API}/openapi.json":
            yield path


def filled(path: str, name: str) -> str:
    path = path.replace("/campaigns/{name}", f"/campaigns/{name}").replace("{project}", PROJECT)
    path = path.replace("{figure}", "convergence")
    path = path.replace("{sha256}", "0" * 64)
    return re.sub(r"\{\w+\}", "1", path)


def test_nobody_else_finds_the_campaign_on_any_route(busy):
    """Every GET route answers others as if neither campaign nor project were stored."""
    browser = busy.with_session(VIEWER)
    tried = 0
    for path in routes(busy):
        of_one = "{name}" in path and "/campaigns/" in path
        answer = browser.get(filled(path, NAME))
        text = answer.text.replace(f"/login?next=/campaigns/{NAME}", "")
        if of_one:
            unknown = browser.get(filled(path, "none-such-x"))
            assert answer.status_code == unknown.status_code, path
            assert re.sub(r'value="\w+"', "", text.replace(NAME, "none-such-x")) == re.sub(r'value="\w+"', "", unknown.text), (
                path
            )
            tried += answer.status_code == 404
        elif "{project}" in path:
            assert answer.status_code == 404, path
        else:
            assert NAME not in text, path
            assert PROJECT not in text, path
    assert tried > 30


def test_members_and_admins_find_it(busy):
    for role in (OPERATOR, ADMIN):
        browser = busy.with_session(role)
        for path in ("/", "/queue", "/schedules", "/compare", f"/projects/{PROJECT}", f"{API}/campaigns", f"{API}/service"):
            assert NAME in browser.get(path).text, (role, path)
        assert browser.get(f"/campaigns/{NAME}").status_code == 200
        assert f'/projects/{PROJECT}">' in browser.get(f"/campaigns/{NAME}").text


def test_changing_routes_are_closed_too(busy):
    """An operator who is no member is answered as for a campaign that is not stored; the form's fields are never judged."""
    busy.services.accounts.replace_user(busy.services.accounts.user("viewer").model_copy(update={"role": OPERATOR}))
    browser = busy.with_session(VIEWER)
    token = {"Origin": "http://localhost", "X-CSRF-Token": browser.form_token()}
    tried = 0
    for method, path in sorted(matrix(busy.app)):
        if method in ("GET", "HEAD") or not path.removeprefix(API).startswith(("/campaigns/{name}", "/projects/{project}")):
            continue
        answer = browser.request(method, filled(path, NAME), headers=token)
        assert answer.status_code in ((403, 404, 422) if "{project}" in path else (404,)), (method, path, answer.text)
        if answer.status_code != 403:
            tried += 1
    assert tried > 20
    headers = {"Idempotency-Key": "another-key"}
    for path, body in {
        "/schedules": {"campaign": NAME, "cron": "30 2 * * *"},
        "/notifications": {"campaign": NAME, "happenings": ["failed"], "channel": "slack", "address": "https://a.org/x"},
    }.items():
        assert browser.change("POST", f"{API}{path}", headers=headers, json=body).status_code == 404, path
    assert browser.change("DELETE", f"{API}/schedules/schedule-1").status_code == 404
    assert browser.get(f"{API}/comparison?name={NAME}&name=other").status_code == 404
    assert busy.services.schedules.schedules()[0].removed is False


def test_malformed_requests_do_not_tell_a_hidden_campaign_from_one_that_is_not_stored(busy):
    busy.services.accounts.replace_user(busy.services.accounts.user("viewer").model_copy(update={"role": OPERATOR}))
    browser = busy.with_session(VIEWER)
    headers = {"Origin": "http://localhost", "X-CSRF-Token": browser.form_token(), "Idempotency-Key": "x", "If-Match": "x"}
    query = dict.fromkeys(("limit", "after", "sort", "state", "days", "version", "form", "seen", "unknown"), "no")
    differs: set[tuple[str, str]] = set()
    for method, path in matrix(busy.app):
        if "/campaigns/{name}" not in path or path.endswith("/changes") or method == "HEAD":
            continue  # streams are followed below
        for sent in ({"params": query}, {"json": [1]}, {"content": "{", "headers": {"Content-Type": "application/json"}}):
            sent = sent | {"headers": headers | sent.get("headers", {})}
            seen = []
            for name in (NAME, "none-such-x"):
                address = re.sub(r"\{\w+\}", "no", path.replace("{name}", name))
                answer = browser.request(method, address, **sent)
                seen.append((answer.status_code, re.sub(r'value="\w+"', "", answer.text.replace(name, "NAME"))))
            differs |= {(method, path)} if seen[0] != seen[1] else set()
    assert sorted(differs) == []


def test_search_comparison_and_lists_leave_it_out(site):
    viewer, operator = site.with_session(VIEWER), site.with_session(OPERATOR)
    for path in (f"{API}/search?candidate=a1", "/search?candidate=a1", "/search.csv?candidate=a1"):
        assert NAME in operator.get(path).text, path
        assert NAME not in viewer.get(path).text, path
    assert viewer.get(f"{API}/search?candidate=a1").json()["campaigns"] == 0
    assert viewer.get(f"{API}/campaigns").json()["items"] == []
    assert NAME not in viewer.get("/compare").text


def test_a_token_sees_what_its_user_sees(site):
    secret = site.with_session(VIEWER).change("POST", f"{API}/tokens", json={"label": "x"}).json()["secret"]
    program = site.browser()
    program.headers["Authorization"] = f"Bearer {secret}"
    assert program.get(f"{API}/campaigns/{NAME}").status_code == 404
    operator = site.with_session(OPERATOR)
    operator.change("PUT", f"{API}/projects/{PROJECT}/members/viewer", json={"role": "viewer"})
    assert program.get(f"{API}/campaigns/{NAME}").status_code == 200
    operator.change("DELETE", f"{API}/projects/{PROJECT}/members/viewer")
    assert program.get(f"{API}/campaigns/{NAME}").status_code == 404


def test_a_link_of_a_member_shows_it_until_the_member_leaves(site):
    operator = site.with_session(OPERATOR)
    link = operator.change("POST", f"{API}/campaigns/{NAME}/links", json={"days": 2}).json()["link"]
    guest = site.browser()
    guest.cookies.set(site.services.settings.link_cookie, link.partition("#token=")[2])
    assert guest.get(f"/campaigns/{NAME}").status_code == 200
    admin = site.with_session(ADMIN)
    admin.change("PUT", f"{API}/projects/{PROJECT}/members/admin", json={"role": "owner"})
    admin.change("DELETE", f"{API}/projects/{PROJECT}/members/operator")
    assert guest.get(f"/campaigns/{NAME}").status_code == 404
    shown = admin.change("POST", f"{API}/campaigns/{NAME}/links", json={"days": 2}).json()["link"]
    guest.cookies.set(site.services.settings.link_cookie, shown.partition("#token=")[2])
    assert guest.get(f"/campaigns/{NAME}").status_code == 200


def test_a_later_user_of_the_same_name_is_no_member(site):
    admin = site.with_session(ADMIN)
    admin.change("PUT", f"{API}/projects/{PROJECT}/members/viewer", json={"role": "operator"})
    viewer = site.services.accounts.user("viewer")
    assert site.with_session(VIEWER).get(f"/campaigns/{NAME}").status_code == 200
    site.clock.pass_time(60)
    site.services.accounts.remove_user("viewer")
    site.services.accounts.add_user(viewer.model_copy(update={"created_at": site.clock()}))
    assert site.with_session(VIEWER).get(f"/campaigns/{NAME}").status_code == 404
    admin.change("PUT", f"{API}/projects/{PROJECT}/members/viewer", json={"role": "viewer"})
    assert site.with_session(VIEWER).get(f"/campaigns/{NAME}").status_code == 200


def test_a_campaign_that_is_hidden_can_neither_be_named_nor_learned_from_nor_copied(site):
    site.services.accounts.replace_user(site.services.accounts.user("viewer").model_copy(update={"role": OPERATOR}))
    browser = site.with_session(VIEWER)
    browser.upload()
    taken = browser.change("POST", f"{API}/campaigns", json={"spec": SPEC.replace("name: rows", f"name: {NAME}")})
    assert taken.status_code == 422
    assert "is taken" in taken.text
    learning = f"{SPEC.replace('grid', 'gp')}transfer: {{sources: [{{type: campaign, name: {NAME}}}]}}\n"
    refused = browser.change("POST", f"{API}/campaigns", json={"spec": learning})
    assert f"no campaign '{NAME}' is stored" in refused.text
    assert browser.get(f"/new?copy={NAME}").status_code == 404
    assert NAME not in browser.get("/new").text


def test_streams_end_with_what_may_be_seen(site):
    """A hidden campaign is gone from the start, as one that is not stored; `allowed` of a stream is asked again and again."""
    import asyncio

    from tansaku.deploy.web.changes import Changes, Pace

    viewer, identifier = site.with_session(VIEWER), site.services.store.campaign_id(NAME)
    assert viewer.get(f"{API}/campaigns/{NAME}/changes").status_code == 404

    async def followed() -> list[str]:
        feed = Changes(site.services.readings, Pace(poll=0.01, check=0.01))

        async def allowed() -> bool:
            return identifier not in site.services.sight(_actor(VIEWER)).hidden

        return [event async for event in feed.follow_several([NAME, "none-such"], allowed, {NAME})]

    events = asyncio.run(followed())
    assert [event.replace("none-such", NAME) for event in events] == [events[0]] * 2
    assert events[0].startswith("event: gone")


def test_operators_of_a_project_steer_its_campaigns_and_viewers_only_look(site):
    site.services.accounts.replace_user(site.services.accounts.user("viewer").model_copy(update={"role": OPERATOR}))
    operator, other = site.with_session(OPERATOR), site.with_session(VIEWER)
    members = f"{API}/projects/{PROJECT}/members"
    for role, status in (("viewer", 403), ("operator", 202), ("owner", 200)):
        assert operator.change("PUT", f"{members}/viewer", json={"role": role}).status_code == 200
        asked = other.change("POST", f"{API}/campaigns/{NAME}/runs", key="run-of-a-member")
        assert asked.status_code == status, asked.text
        assert ('name="days"' in other.get(f"/campaigns/{NAME}").text) is (role != "viewer")
    demoted = site.services.accounts.user("viewer").model_copy(update={"role": VIEWER})
    site.services.accounts.replace_user(demoted)
    assert other.change("POST", f"{API}/campaigns/{NAME}/runs", key="run-of-a-viewer").status_code == 403
    assert site.services.accounts.project(PROJECT).member("viewer").role is ProjectRole.OWNER


def _actor(role):
    from tansaku.models.domain.accounts import Actor

    return Actor(name=role.value, role=role)
