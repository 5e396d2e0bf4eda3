"""A read-only link shows one campaign, and nothing else, until it expires or is revoked."""

from __future__ import annotations

import re

import pytest

from tansaku.models.domain.accounts import Role
from tests.unit.deploy.web.test_app import matrix

NAME, API = "small-table", "/api/v1"


@pytest.fixture
def site(site_with):
    return site_with("a1", "a3")


@pytest.fixture
def link(site):
    answer = site.with_session(Role.OPERATOR).change("POST", f"{API}/campaigns/{NAME}/links", json={"days": 2})
    assert answer.status_code == 201, answer.text
    return answer.json()


@pytest.fixture
def guest(site, link):
    """A browser without an account that followed the link."""
    browser = site.browser()
    path, _, token = link["link"].removeprefix("http://localhost").partition("#token=")
    token_of_form = re.search(r'name="csrf_token" value="(\w+)"', browser.get(path).text)[1]
    fields = {"csrf_token": token_of_form, "token": token, "next": path.partition("next=")[2]}
    answer = browser.post("/session", data=fields, headers={"Origin": "http://localhost"})
    assert (answer.status_code, answer.headers["Location"]) == (303, f"/campaigns/{NAME}")
    return browser


def test_a_guest_sees_the_campaign_without_forms_or_other_pages(guest):
    page = guest.get(f"/campaigns/{NAME}")
    assert page.status_code == 200
    assert "read-only link of operator" in page.text
    assert 'aria-label="Main"' not in page.text
    assert "csrf_token" not in page.text
    for path in ("/parts", "/table", "/evaluations/1"):
        assert guest.get(f"/campaigns/{NAME}{path}").status_code == 200, path
    assert guest.get(f"{API}/campaigns/{NAME}/evaluations").status_code == 200


def test_every_other_route_is_refused(site, guest):
    store = site.services.store
    record = store.campaign(NAME)
    store.create_campaign(record.model_copy(update={"id": "other", "name": "other", "spec": record.spec | {"name": "other"}}))
    shown = "/campaigns/{name}"
    tried = 0
    for (method, path), roles in matrix(site.app).items():
        if not roles or method == "HEAD":
            continue
        inside = path.removeprefix(API).startswith(shown) and method == "GET" and not path.endswith("/audit")
        name = "other" if inside else NAME
        address = re.sub(r"\{\w+\}", "1", path.replace("{name}", name))
        answer = guest.request(method, address, headers={"Origin": "http://localhost"})
        assert answer.status_code == 403, (method, path, answer.status_code)
        tried += 1
    assert tried > 100


def test_a_link_ends(site, guest, link):
    site.clock.pass_time(2 * 86400 - 1)
    assert guest.get(f"/campaigns/{NAME}").status_code == 200
    site.clock.pass_time(2)
    assert guest.get(f"/campaigns/{NAME}").status_code in (303, 401)


def test_its_user_revokes_a_link(site, guest, link):
    operator = site.with_session(Role.OPERATOR)
    assert f"link to {NAME}" in operator.get("/account").text
    assert operator.change("DELETE", f"{API}/tokens/{link['token_id']}").status_code == 204
    assert guest.get(f"/campaigns/{NAME}").status_code in (303, 401)


def test_a_token_that_is_no_link_works_in_no_cookie(site):
    operator = site.with_session(Role.OPERATOR)
    secret = operator.change("POST", f"{API}/tokens", json={"label": "x", "role": "operator", "days": 1}).json()["secret"]
    browser = site.browser()
    browser.cookies.set(site.services.settings.link_cookie, secret)
    assert browser.get(f"{API}/campaigns").status_code == 401


def test_a_form_makes_a_link_and_refuses_others(site):
    operator = site.with_session(Role.OPERATOR)
    made = operator.submit(f"/campaigns/{NAME}/links", {"days": "7"})
    assert made.status_code == 201
    assert f"/login?next=/campaigns/{NAME}#token=tsk_" in made.text
    for days in ("0", "400", "x", ""):
        assert operator.submit(f"/campaigns/{NAME}/links", {"days": days}).status_code == 422
    assert len(site.services.accounts.tokens("operator")) == 1
