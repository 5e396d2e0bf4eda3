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
    statuses = [browser.log_in("viewer", f"wrong {number}").status_code for number in range(10)]
    assert statuses == [401] * 10
    hashes.clear()
    answer = browser.log_in("viewer")
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "1")
    assert "too many wrong attempts from here; try again in 1 s: your turn is kept for 15 s" in answer.text
    assert hashes == []
    asked.clock.pass_time(1)
    assert asked.browser().log_in("viewer").status_code == 303


def test_correct_logins_are_not_limited(site):
    body = {"name": "viewer", "password": PASSWORD}
    assert {site.browser().post("/api/v1/session", json=body).status_code for _ in range(25)} == {201}


def test_the_api_says_when_to_try_again(site):
    browser = site.browser()
    body = {"name": "viewer", "password": "wrong"}
    for _ in range(10):
        answer = browser.post("/api/v1/session", json=body)
    assert (answer.status_code, answer.json()["detail"]) == (401, "wrong name, password or token")
    answer = browser.post("/api/v1/session", json=body)
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "1")


def test_a_link_expires(site):
    secret = issue_login_link(site.services, "operator")
    site.clock.pass_time(901)
    assert site.browser().submit("/session", {"token": secret}, "/login").status_code == 401


def attack(site, name: str = "viewer") -> None:
    """Uses up the attempts of the address from which all requests of tests come."""
    body = {"name": name, "password": "wrong"}
    while site.browser().post("/api/v1/session", json=body).status_code != 429:
        pass


def test_an_attack_holds_up_no_link_no_session_and_no_token(site):
    operator = site.logged_in(Role.OPERATOR)
    token = operator.change("POST", "/api/v1/tokens", json={"label": "script"}).json()["secret"]
    secret = issue_login_link(site.services, "operator")
    attack(site, "operator")
    assert operator.get("/api/v1/session").status_code == 200
    assert site.browser().get("/api/v1/session", headers={"Authorization": f"Bearer {token}"}).status_code == 200
    assert site.browser().submit("/session", {"token": secret}, "/login").status_code == 303


def forget_session(browser, site):
    del browser.cookies[site.services.settings.session_cookie]
    return browser


def test_a_browser_in_which_the_user_has_logged_in_does_not_wait(site):
    viewer, other = (forget_session(site.logged_in(role), site) for role in (Role.VIEWER, Role.OPERATOR))
    attack(site)
    assert other.log_in("viewer").status_code == 429, "the cookie is that of another user"
    assert site.browser().log_in("viewer").status_code == 429
    assert viewer.log_in("viewer").status_code == 303
    statuses = [viewer.log_in("viewer", f"wrong {number}").status_code for number in range(11)]
    assert statuses == [401] * 10 + [429], "its wrong ones are limited, too"


def test_two_users_of_a_browser_have_a_cookie_each(site):
    browser = site.logged_in(Role.VIEWER)
    assert forget_session(browser, site).log_in("operator").status_code == 303
    attack(site)
    forget_session(browser, site)
    assert [browser.log_in(name).status_code for name in ("viewer", "operator")] == [303, 303]


def device_cookie(browser) -> str:
    (name,) = (cookie.name for cookie in browser.cookies.jar if "-device-" in cookie.name)
    return name


def test_a_new_password_or_a_disabled_user_makes_the_cookie_void_and_nobody_can_make_one(site):
    viewer, name = site.logged_in(Role.VIEWER), device_cookie(site.logged_in(Role.VIEWER))
    good, forged = viewer.cookies[name], forget_session(site.logged_in(Role.VIEWER), site)
    attack(site)
    (cookie,) = (cookie for cookie in forged.cookies.jar if cookie.name == name)
    for bad in ("", ".", "x.y", good[:-1], f"x{good}", good + "0", good.partition(".")[0]):
        cookie.value = bad
        assert forged.log_in("viewer").status_code == 429, bad
    admin = site.with_session(Role.ADMIN)
    forget_session(viewer, site)
    for change, status in (({"disabled": True}, 429), ({"disabled": False}, 303), ({"password": "another good word"}, 429)):
        assert admin.change("PATCH", "/api/v1/users/viewer", json=change).status_code == 200
        assert viewer.log_in("viewer").status_code == status, change


def test_the_cookie_is_hidden_from_scripts_and_lets_nobody_in(site):
    browser = site.browser()
    answer = browser.log_in("viewer")
    (header,) = (value for value in answer.headers.get_list("Set-Cookie") if "-device-" in value)
    assert "HttpOnly" in header
    assert "SameSite=lax" in header
    assert "viewer" not in header
    assert forget_session(browser, site).get("/api/v1/session").status_code == 401


def test_a_user_who_is_logged_in_changes_the_password_during_an_attack(site):
    viewer = site.with_session(Role.VIEWER)
    attack(site)
    change = {"present": PASSWORD, "new": "another good word"}
    wrong = [viewer.change("PUT", "/api/v1/session/password", json=change | {"present": "no"}).status_code for _ in range(11)]
    assert wrong == [422] * 10 + [429]
    site.clock.pass_time(1)
    assert viewer.change("PUT", "/api/v1/session/password", json=change).status_code == 204


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
    def busy(stored, password, rank):
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
    assert (other.status_code, "logged in already" in other.text) == (401, False)
    assert [session.user for session in site.services.accounts.sessions()] == ["viewer"]
    assert browser.get("/").status_code == 200
