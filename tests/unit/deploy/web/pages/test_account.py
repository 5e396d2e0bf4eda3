"""The pages of one's own account and of all accounts."""

from __future__ import annotations

import re

import pytest

from tansaku.models.domain.accounts import Role
from tests.unit.deploy.web.conftest import HOST, PASSWORD

NEW = "another long password"


def fields_of_password(present: str = PASSWORD, new: str = NEW, again: str = NEW) -> dict[str, str]:
    return {"present": present, "new": new, "again": again}


def test_a_new_password_ends_the_sessions_and_logs_in(site):
    browser, other = site.logged_in(Role.VIEWER), site.logged_in(Role.VIEWER)
    answer = browser.submit("/account/password", fields_of_password())
    assert (answer.status_code, answer.headers["Location"]) == (303, "/login")
    assert other.get("/").headers["Location"].startswith("/login")
    assert site.browser().log_in("viewer").status_code == 401
    assert site.browser().log_in("viewer", NEW).status_code == 303
    (entry,) = site.changes("user.change")
    assert (entry.actor, entry.after["password"]) == ("viewer", "changed")
    assert NEW not in entry.model_dump_json()


@pytest.mark.parametrize(
    ("fields", "key"),
    [
        (fields_of_password(present="wrong password"), "present"),
        (fields_of_password(new="short", again="short"), "password"),
        (fields_of_password(again="a different password"), "again"),
        ({}, "new"),
    ],
)
def test_a_password_that_cannot_be_set_changes_nothing(site, fields, key):
    browser = site.logged_in(Role.VIEWER)
    answer = browser.submit("/account/password", fields)
    assert answer.status_code == 422
    asked = browser.change("PUT", "/api/v1/session/password", json={"present": fields.get("present", ""), "new": "short"})
    assert asked.json()["key"] in {key, "present", "password"}
    assert site.changes("user.change") == []
    assert site.browser().log_in("viewer").status_code == 303


def test_guessing_the_present_password_is_limited(site):
    browser = site.logged_in(Role.VIEWER)
    guesses = [browser.submit("/account/password", fields_of_password(present="a guess")).status_code for _ in range(11)]
    assert guesses[-1] == 429


def test_the_api_changes_ones_own_password(site):
    browser = site.logged_in(Role.OPERATOR)
    assert browser.change("PUT", "/api/v1/session/password", json={"present": PASSWORD, "new": NEW}).status_code == 204
    assert site.browser().log_in("operator", NEW).status_code == 303


def test_a_token_is_shown_once_and_can_be_revoked(site):
    browser = site.logged_in(Role.OPERATOR)
    answer = browser.submit("/account/tokens", {"label": "note<b>book", "role": "viewer", "days": "3"}, "/account")
    assert answer.status_code == 201
    secret = re.search(r'<code id="secret">(\S+)</code>', answer.text)[1]
    program = {"Authorization": f"Bearer {secret}"}
    assert site.browser().get("/api/v1/session", headers=program).json()["role"] == "viewer"
    page = browser.get("/account").text
    assert secret not in page
    assert "note&lt;b&gt;book" in page
    (token,) = site.services.accounts.tokens()
    revoked = browser.submit(f"/account/tokens/{token.id}/revocation", {}, "/account").headers["Location"]
    assert revoked == f"/account?revoked={token.id}"
    assert "Revoked: it opens nothing any more." in browser.get(revoked).text
    assert site.browser().get("/api/v1/session", headers=program).status_code == 401


@pytest.mark.parametrize(
    "fields",
    [
        {"label": "x", "role": "admin", "days": "3"},
        {"label": "", "role": "viewer", "days": "3"},
        {"label": "x", "role": "viewer", "days": "nan"},
        {"label": "x", "role": "viewer", "days": "1e9"},
        {"label": "x", "role": "root", "days": "3"},
        {"label": "x", "role": "viewer", "days": "soon"},
    ],
)
def test_a_token_that_cannot_be_issued_is_refused(site, fields):
    assert site.logged_in(Role.OPERATOR).submit("/account/tokens", fields).status_code == 422
    assert site.services.accounts.tokens() == []


def test_nobody_ends_what_is_somebody_elses(site):
    site.logged_in(Role.ADMIN)
    browser = site.logged_in(Role.VIEWER)
    (theirs,) = site.services.accounts.sessions("admin")
    assert browser.submit(f"/account/sessions/{theirs.id}/end").status_code == 404
    assert site.services.accounts.session(theirs.id) == theirs
    (own,) = site.services.accounts.sessions("viewer")
    assert browser.submit(f"/account/sessions/{own.id}/end").status_code == 303
    assert browser.get("/").headers["Location"].startswith("/login")


def test_an_admin_manages_users(site):
    browser = site.logged_in(Role.ADMIN)

    def send(path: str, **fields: str):
        return browser.submit(f"/admin/users{path}", fields)

    assert send("", name="eve", role="viewer", password=PASSWORD).headers["Location"] == "/admin"
    assert send("/eve", change="role", role="operator").status_code == 303
    assert site.services.accounts.user("eve").role is Role.OPERATOR
    assert send("/eve", change="password", password=NEW).status_code == 303
    assert site.browser().log_in("eve", NEW).status_code == 303
    assert send("/eve", change="disable").status_code == 303
    assert "disabled" in browser.get("/admin").text
    assert site.services.accounts.sessions("eve") == []
    assert send("/eve", change="enable").status_code == 303
    assert site.services.accounts.user("eve").disabled is False
    assert send("/eve", change="remove").status_code == 303
    assert site.services.accounts.user("eve") is None
    assert [entry.action for entry in site.services.accounts.audit(subject="user:eve")].count("user.change") == 4


@pytest.mark.parametrize(
    ("path", "fields", "status"),
    [
        ("", {"name": "", "role": "viewer"}, 422),
        ("", {"name": "Eve!", "role": "viewer"}, 422),
        ("", {"name": "viewer", "role": "viewer"}, 422),
        ("", {"name": "eve", "role": "viewer", "password": "short"}, 422),
        ("/viewer", {"change": "promote"}, 422),
        ("/viewer", {"change": "password", "password": ""}, 422),
        ("/nobody", {"change": "remove"}, 404),
        ("/admin", {"change": "remove"}, 409),
        ("/admin", {"change": "disable"}, 409),
        ("/admin", {"change": "role", "role": "viewer"}, 409),
    ],
)
def test_changes_of_users_that_cannot_be_made_are_refused(site, path, fields, status):
    before = site.services.accounts.users()
    assert site.logged_in(Role.ADMIN).submit(f"/admin/users{path}", fields).status_code == status
    assert site.services.accounts.users() == before


def test_an_admin_ends_any_session_and_stays_on_the_page(site):
    site.logged_in(Role.VIEWER)
    browser = site.logged_in(Role.ADMIN)
    (theirs,) = site.services.accounts.sessions("viewer")
    page = browser.get("/admin").text
    assert "(this one)" in page
    answer = browser.submit(f"/account/sessions/{theirs.id}/end", {"page": "/admin"})
    assert answer.headers["Location"] == "/admin"
    assert browser.submit(f"/account/sessions/{'0' * 64}/end", {"page": f"http://{HOST}.evil/"}).status_code == 404
