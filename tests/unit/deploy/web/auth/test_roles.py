"""A read-only link shows one campaign, and nothing else, until it expires or is revoked."""

import re

import pytest

from tansaku.models.domain.accounts import Role
from tests.unit.deploy.web.test_app import matrix

NAME, API = "small-table", "/api/v1"
ENDED = "This link was revoked or has ended. Ask the person who sent it for a new one."


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
    answer = follow(browser, link["link"])
    assert (answer.status_code, answer.headers["Location"]) == (303, f"/campaigns/{NAME}")
    return browser


def follow(browser, link):
    """What a browser gets that opens a link."""
    path, _, token = link.removeprefix("http://localhost").partition("#token=")
    token_of_form = re.search(r'name="csrf_token" value="(\w+)"', browser.get(path).text)[1]
    fields = {"csrf_token": token_of_form, "token": token, "next": path.partition("next=")[2]}
    return browser.post("/session", data=fields, headers={"Origin": "http://localhost"})


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
    late = follow(site.browser(), link["link"])
    assert late.status_code == 401
    assert ENDED in late.text
    assert "login-link" not in late.text


def test_a_guest_is_led_back_to_the_campaign(guest):
    refused = guest.get("/")
    assert refused.status_code == 403
    for page in (refused.text, guest.get(f"/campaigns/{NAME}").text):
        assert 'href="/"' not in page
        assert f'href="/campaigns/{NAME}"' in page


def test_its_user_revokes_a_link(site, guest, link):
    operator = site.with_session(Role.OPERATOR)
    assert f"link to {NAME}" in operator.get("/account").text
    assert operator.change("DELETE", f"{API}/tokens/{link['token_id']}").status_code == 204
    sent_on = guest.get(f"/campaigns/{NAME}")
    assert sent_on.status_code == 303
    assert ENDED in guest.get(sent_on.headers["Location"]).text
    assert ENDED not in guest.get(sent_on.headers["Location"]).text  # said once: somebody may log in here


def test_a_campaign_lists_its_links_and_revokes_them(site, link):
    operator = site.with_session(Role.OPERATOR)
    page = operator.get(f"/campaigns/{NAME}").text
    revocation = f"/account/tokens/{link['token_id']}/revocation"
    assert page.index("Share…") < page.index(revocation) < page.index('id="tabs"')
    assert "Revoked:" not in operator.get(f"/campaigns/{NAME}?revoked={link['token_id']}").text
    done = operator.submit(revocation, {"page": f"/campaigns/{NAME}"})
    assert done.headers["Location"] == f"/campaigns/{NAME}?revoked={link['token_id']}"
    said = operator.get(done.headers["Location"]).text
    assert "Revoked: it opens nothing any more." in said
    assert revocation not in said
    assert "Share…" not in site.with_session(Role.VIEWER).get(f"/campaigns/{NAME}").text


@pytest.mark.parametrize("page", ["//elsewhere.org", NAME, "/campaigns/../x", ""])
def test_a_revocation_leads_to_no_other_page(site, link, page):
    done = site.with_session(Role.OPERATOR).submit(f"/account/tokens/{link['token_id']}/revocation", {"page": page})
    assert done.headers["Location"] == f"/account?revoked={link['token_id']}"


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
    assert 'data-copy="link"' in made.text
    assert "It works on this computer only, as its address begins with" in made.text
    for days in ("0", "400", "x", ""):
        assert operator.submit(f"/campaigns/{NAME}/links", {"days": days}).status_code == 422
    assert len(site.services.accounts.tokens("operator")) == 1
