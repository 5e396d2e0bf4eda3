"""Sessions: begun, rotated, expired, revoked."""

import pytest

from tansaku.deploy.web.auth.tokens import secret_hash
from tansaku.models.domain.accounts import Role
from tests.unit.deploy.web.conftest import PASSWORD

COOKIE = "tansaku-session"


def test_only_the_hash_of_the_cookie_is_stored(site):
    browser = site.logged_in(Role.VIEWER)
    (session,) = site.services.accounts.sessions()
    secret = browser.cookies[COOKIE]
    assert session.id == secret_hash(secret)
    assert secret not in session.model_dump_json()
    assert len(secret) >= 43


def test_a_login_gives_a_new_cookie_and_ends_the_session_before(site):
    browser = site.logged_in(Role.VIEWER)
    before = browser.cookies[COOKIE]
    assert browser.log_in("operator").status_code == 303
    assert browser.cookies[COOKIE] != before
    assert [session.user for session in site.services.accounts.sessions()] == ["operator"]


def test_a_planted_cookie_is_not_taken_over(site):
    browser = site.browser()
    browser.cookies.set(COOKIE, "planted")
    answer = browser.log_in("viewer")
    assert answer.status_code == 303
    assert "planted" not in answer.headers["Set-Cookie"]
    assert site.services.accounts.session(secret_hash("planted")) is None


def test_a_session_expires(site):
    browser = site.logged_in(Role.VIEWER)
    site.clock.pass_time(12 * 3600 - 1)
    assert browser.get("/").status_code == 200
    site.clock.pass_time(1)
    assert browser.get("/").headers["Location"] == "/login?next=/"
    site.clock.pass_time(1)
    site.logged_in(Role.ADMIN)
    assert [session.user for session in site.services.accounts.sessions()] == ["admin"]


def test_logging_out_ends_the_session_and_not_only_the_cookie(site):
    browser = site.logged_in(Role.VIEWER)
    secret = browser.cookies[COOKIE]
    answer = browser.submit("/logout")
    assert answer.headers["Location"] == "/login"
    assert 'tansaku-session="";' in answer.headers["Set-Cookie"]
    browser.cookies.set(COOKIE, secret)
    assert browser.get("/").status_code == 303


@pytest.mark.parametrize(
    "change", [{"disabled": True}, {"created_at": None}], ids=["disabled", "removed and created again under the name"]
)
def test_a_session_counts_only_for_its_user(site, change):
    browser = site.logged_in(Role.VIEWER)
    user = site.services.accounts.user("viewer")
    site.clock.pass_time(1)
    change = {key: site.clock() if value is None else value for key, value in change.items()}
    site.services.accounts.replace_user(user.model_copy(update=change))
    assert browser.get("/").status_code == 303


def test_a_role_holds_from_the_next_request_on(site):
    browser = site.logged_in(Role.ADMIN)
    assert browser.get("/api/v1/users").status_code == 200
    user = site.services.accounts.user("admin")
    site.services.accounts.replace_user(user.model_copy(update={"role": Role.VIEWER}))
    assert browser.get("/api/v1/users").status_code == 403


@pytest.mark.parametrize("secret", ["", "x", "x" * 5000, "ü", "'; --"])
def test_invented_cookies_are_nobody(site, secret):
    answer = site.browser().get("/", headers={"Cookie": f"{COOKIE}={secret}".encode()})
    assert answer.status_code == 303


def test_a_request_of_a_script_is_answered_without_a_page(site):
    answer = site.browser().get("/", headers={"X-Part": "true"})
    assert (answer.status_code, answer.text) == (401, "")


@pytest.mark.parametrize(
    ("goal", "leads_to"),
    [("/models", "/models"), ("//evil.example", "/"), ("https://evil.example", "/"), ("/\\evil.example", "/"), ("", "/"),
     ("/a\r\nSet-Cookie: x=1", "/")],
)  # fmt: skip
def test_a_login_leads_to_no_other_site(site, goal, leads_to):
    assert site.browser().log_in("viewer", next=goal).headers["Location"] == leads_to


def test_a_login_is_in_the_audit_without_the_password(site):
    site.logged_in(Role.VIEWER).submit("/logout")
    entries = site.services.accounts.audit()
    # Sorted: entries of the same millisecond have no order.
    assert sorted((entry.action, entry.actor, entry.address) for entry in entries) == [
        ("session.begin", "viewer", "testclient"),
        ("session.end", "viewer", "testclient"),
    ]
    assert PASSWORD not in str(entries)
