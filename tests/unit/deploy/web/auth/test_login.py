"""Logging in by password or link: the same answer to whatever is wrong, and limits."""

from __future__ import annotations

import pytest

from tansaku.deploy.web.auth.passwords import BusyError, Passwords
from tansaku.deploy.web.auth.tokens import issue_login_link
from tansaku.models.domain.accounts import Role, User
from tests.unit.deploy.web.conftest import PASSWORD


@pytest.fixture
def hashes(monkeypatch) -> list[str]:
    """The stored hashes against which passwords are verified, with their cost."""
    seen: list[str] = []

    class Counting:
        def __init__(self, hasher):
            self.hasher = hasher

        def verify(self, stored, password):
            seen.append(stored.rsplit("$", 2)[0])
            return self.hasher.verify(stored, password)

        def hash(self, password):
            return self.hasher.hash(password)

    original = Passwords.__init__

    def counting(self, cost):
        original(self, cost)
        self._hasher = Counting(self._hasher)

    monkeypatch.setattr(Passwords, "__init__", counting)
    return seen


@pytest.fixture
def asked(hashes, site):
    """Users of every kind that may not log in, besides the three who may."""
    add = site.services.accounts.add_user
    stored = site.services.passwords.hash(PASSWORD)
    add(User(name="disabled", role=Role.ADMIN, password_hash=stored, disabled=True, created_at=site.clock()))
    add(User(name="link-only", role=Role.ADMIN, created_at=site.clock()))
    return site


@pytest.mark.parametrize(
    ("name", "password"),
    [
        ("viewer", "wrong"),
        ("nobody", PASSWORD),
        ("disabled", PASSWORD),
        ("link-only", PASSWORD),
        ("", ""),
        ("viewer", "x" * 9999),
    ],
)
def test_whatever_is_wrong_the_answer_and_the_work_are_the_same(asked, hashes, name, password):
    asked.services.passwords.prepare()
    expected = asked.browser().log_in("viewer", "another wrong one")
    (usual,) = hashes
    hashes.clear()
    answer = asked.browser().log_in(name, password)
    assert (answer.status_code, answer.status_code) == (expected.status_code, 401)
    assert "wrong name, password or token" in answer.text
    assert hashes == [usual], "one hash of the same cost, whether the user exists or not"


def test_the_answer_shows_nothing_that_was_entered(site):
    answer = site.browser().log_in("<script>alert(1)</script>", "se<cr>et of ada")
    assert "alert(1)" not in answer.text
    assert "se<cr>et" not in answer.text
    assert "se&lt;cr" not in answer.text


def test_wrong_passwords_cost_time_and_lock_no_name(asked, hashes):
    browser = asked.browser()
    statuses = [browser.log_in("viewer", "wrong").status_code for _ in range(5)]
    assert statuses == [401] * 5
    hashes.clear()
    answer = browser.log_in("viewer")
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "1")
    assert "too many wrong attempts; try again in 1 s" in answer.text
    assert hashes == []
    assert browser.log_in("operator").status_code == 303, "others may still log in"
    for _ in range(100):
        wait = int(asked.browser().log_in("viewer", "wrong").headers.get("Retry-After", "0"))
        assert wait <= 11
        asked.clock.pass_time(wait)
    asked.clock.pass_time(10)
    assert asked.browser().log_in("viewer").status_code == 303


def test_correct_logins_are_not_limited(site):
    body = {"name": "viewer", "password": PASSWORD}
    assert {site.browser().post("/api/v1/session", json=body).status_code for _ in range(25)} == {201}


def test_the_api_says_when_to_try_again(site):
    browser = site.browser()
    body = {"name": "viewer", "password": "wrong"}
    for _ in range(5):
        answer = browser.post("/api/v1/session", json=body)
    assert (answer.status_code, answer.json()["detail"]) == (401, "wrong name, password or token")
    answer = browser.post("/api/v1/session", json=body)
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "1")


def test_a_link_logs_in_once(site):
    secret = issue_login_link(site.services, "operator")
    assert site.browser().submit("/session", {"token": secret}, "/login").status_code == 303
    assert site.browser().submit("/session", {"token": secret}, "/login").status_code == 401
    assert [session.user for session in site.services.accounts.sessions()] == ["operator"]


def test_a_link_expires(site):
    secret = issue_login_link(site.services, "operator")
    site.clock.pass_time(901)
    assert site.browser().submit("/session", {"token": secret}, "/login").status_code == 401


def test_links_are_limited_as_passwords_are(site):
    browser = site.browser()
    statuses = [browser.submit("/session", {"token": "invented"}, "/login").status_code for _ in range(6)]
    assert statuses == [401] * 5 + [429]


def test_a_form_of_elsewhere_logs_nobody_in(site):
    """Otherwise a victim could be logged in as somebody else, and enter secrets there."""
    headers = {"Origin": "http://localhost"}
    answer = site.browser().post("/session", data={"name": "viewer", "password": PASSWORD}, headers=headers)
    assert answer.status_code == 403
    browser = site.browser()
    browser.get("/login")
    fields = {"name": "viewer", "password": PASSWORD, "csrf_token": "0" * 64}
    assert browser.post("/session", data=fields, headers=headers).status_code == 403
    assert site.services.accounts.sessions() == []


def test_too_many_at_once_are_asked_to_wait(site, monkeypatch):
    def busy(stored, password):
        raise BusyError("too many logins at once")

    monkeypatch.setattr(site.services.passwords, "verify", busy)
    for _ in range(9):
        answer = site.browser().log_in("viewer")
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")


def test_a_used_link_says_so_and_what_to_do(site):
    secret = issue_login_link(site.services, "viewer")
    browser = site.browser()
    assert browser.submit("/session", {"token": secret}, "/login").status_code == 303
    again = browser.submit("/session", {"token": secret}, "/login")
    assert again.status_code == 401
    assert "it was used already, or is older than 15 minutes" in again.text
    assert "<code>tansaku web login-link USER</code> prints another one" in again.text
    # The browser is still logged in by the first use.
    assert 'as viewer: <a href="/">continue</a>' in again.text
    other = site.browser().submit("/session", {"token": secret}, "/login")
    assert "logged in already" not in other.text
    assert browser.get("/").status_code == 200
