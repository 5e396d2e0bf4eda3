"""Users, tokens and sessions through the API, and their audit entries."""

from __future__ import annotations

import pytest

from tansaku.deploy.web.auth.tokens import secret_hash
from tansaku.models.domain.accounts import Role
from tests.unit.deploy.web.conftest import PASSWORD

NEW = {"name": "ada", "role": "operator", "password": "another long password"}


def problem(answer) -> tuple[int, str]:
    """Status and key of a refusal."""
    assert answer.headers["Content-Type"] == "application/problem+json"
    body = answer.json()
    assert body["status"] == answer.status_code
    assert body["title"]
    assert body["detail"]
    return answer.status_code, body.get("key", "")


def bearer(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}


@pytest.fixture
def admin(site):
    return site.logged_in(Role.ADMIN)


def test_a_session_is_begun_and_ended_by_programs_too(site):
    browser = site.browser()
    answer = browser.post("/api/v1/session", json={"name": "operator", "password": PASSWORD})
    assert answer.status_code == 201
    identity = answer.json()
    assert (identity["name"], identity["role"]) == ("operator", "operator")
    assert browser.get("/api/v1/session").json()["name"] == "operator"
    headers = {"Origin": "http://localhost", "X-CSRF-Token": identity["csrf_token"]}
    assert browser.delete("/api/v1/session", headers=headers).status_code == 204
    assert problem(browser.get("/api/v1/session")) == (401, "")


def test_a_user_is_added_changed_and_removed(site, admin):
    added = admin.change("POST", "/api/v1/users", json=NEW)
    assert added.status_code == 201, added.text
    assert {key: added.json()[key] for key in ("name", "role", "disabled", "login_by_password")} == {
        "name": "ada",
        "role": "operator",
        "disabled": False,
        "login_by_password": True,
    }
    ada = site.browser()
    assert ada.log_in("ada", NEW["password"]).status_code == 303
    changed = admin.change("PATCH", "/api/v1/users/ada", json={"role": "viewer", "password": "yet another password"})
    assert changed.json()["role"] == "viewer"
    assert ada.get("/").status_code == 303, "the new password has ended the session"
    assert site.browser().log_in("ada", "yet another password").status_code == 303
    assert admin.change("DELETE", "/api/v1/users/ada").status_code == 204
    assert problem(admin.change("DELETE", "/api/v1/users/ada")) == (404, "")
    shown = str([entry.model_dump() for entry in site.services.accounts.audit()])
    actions = [entry.action for entry in site.services.accounts.audit() if entry.actor == "admin"]
    assert sorted(actions) == ["session.begin", "user.add", "user.change", "user.remove"]
    assert "password': 'changed" in shown
    assert not any(secret in shown for secret in ("argon2", NEW["password"], "yet another"))


@pytest.mark.parametrize(
    ("change", "status", "key"),
    [
        ({"name": "viewer"}, 422, "name"),
        ({"name": "No Name"}, 422, "name"),
        ({"name": 3}, 422, "name"),
        ({"role": "root"}, 422, "role"),
        ({"password": "short"}, 422, "password"),
        ({"is_admin": True}, 422, "is_admin"),
    ],
)
def test_a_refusal_names_the_key_and_shows_no_password(site, admin, change, status, key):
    answer = admin.change("POST", "/api/v1/users", json=NEW | change)
    assert problem(answer) == (status, key)
    assert "another long password" not in answer.text
    assert len(site.services.accounts.users()) == 3


def test_no_answer_contains_a_hash(site, admin):
    for path in ("/api/v1/users", "/api/v1/sessions", "/api/v1/tokens"):
        assert "argon2" not in admin.get(path).text
        assert "hash" not in admin.get(path).text


@pytest.mark.parametrize("change", [{"role": "viewer"}, {"disabled": True}, None])
def test_the_only_admin_stays_one(site, admin, change):
    method = "DELETE" if change is None else "PATCH"
    answer = admin.change(method, "/api/v1/users/admin", **({} if change is None else {"json": change}))
    assert problem(answer) == (409, "")
    assert site.services.accounts.user("admin").role is Role.ADMIN


def test_a_token_is_shown_once_and_stored_as_a_hash(site):
    browser = site.logged_in(Role.OPERATOR)
    issued = browser.change("POST", "/api/v1/tokens", json={"label": "notebook", "role": "operator"}).json()
    secret = issued["secret"]
    (stored,) = site.services.accounts.tokens()
    assert stored.id == secret_hash(secret) == issued["id"]
    assert secret not in browser.get("/api/v1/tokens").text
    assert secret not in str(site.services.accounts.audit())
    program = site.browser()
    assert program.get("/api/v1/session", headers=bearer(secret)).json() == {
        "name": "operator",
        "role": "operator",
        "csrf_token": None,
    }
    assert browser.change("DELETE", f"/api/v1/tokens/{stored.id}").status_code == 204
    assert program.get("/api/v1/session", headers=bearer(secret)).status_code == 401


def test_a_token_may_be_weaker_than_its_user_and_never_stronger(site):
    browser = site.logged_in(Role.ADMIN)
    weak = browser.change("POST", "/api/v1/tokens", json={"label": "l", "role": "viewer"}).json()["secret"]
    assert problem(site.browser().get("/api/v1/users", headers=bearer(weak))) == (403, "")
    viewer = site.logged_in(Role.VIEWER)
    assert problem(viewer.change("POST", "/api/v1/tokens", json={"label": "l", "role": "admin"})) == (422, "role")
    strong = browser.change("POST", "/api/v1/tokens", json={"label": "l", "role": "admin"}).json()["secret"]
    admin = site.services.accounts.user("admin")
    site.services.accounts.replace_user(admin.model_copy(update={"role": Role.OPERATOR}))
    assert site.browser().get("/api/v1/users", headers=bearer(strong)).status_code == 403


def test_a_token_issues_no_other_one(site):
    browser = site.logged_in(Role.OPERATOR)
    secret = browser.change("POST", "/api/v1/tokens", json={"label": "l", "role": "operator"}).json()["secret"]
    assert site.browser().post("/api/v1/tokens", json={"label": "m"}, headers=bearer(secret)).status_code == 403
    assert len(site.services.accounts.tokens()) == 1


def test_a_token_expires(site):
    secret = site.logged_in(Role.VIEWER).change("POST", "/api/v1/tokens", json={"label": "l", "days": 1}).json()["secret"]
    program = site.browser()
    site.clock.pass_time(86399)
    assert program.get("/api/v1/session", headers=bearer(secret)).status_code == 200
    site.clock.pass_time(1)
    assert program.get("/api/v1/session", headers=bearer(secret)).status_code == 401


@pytest.mark.parametrize("given", ["Bearer ", "Bearer x", "Bearer tsk_" + "x" * 43, "Basic YTpi", "tsk_x", "Bearer tsk_é"])
def test_invented_tokens_are_nobody_even_beside_a_session(site, given):
    browser = site.logged_in(Role.ADMIN)
    assert browser.get("/api/v1/users", headers={"Authorization": given.encode()}).status_code == 401


@pytest.mark.parametrize("kind", ["tokens", "sessions"])
def test_everybody_sees_and_ends_what_is_theirs_and_an_admin_all(site, kind):
    browsers = {role: site.logged_in(role) for role in Role}
    for browser in browsers.values():
        assert browser.change("POST", "/api/v1/tokens", json={"label": "l"}).status_code == 201
    seen = {role: {item["user"]: item["id"] for item in browsers[role].get(f"/api/v1/{kind}").json()["items"]} for role in Role}
    assert set(seen[Role.VIEWER]) == {"viewer"}
    assert set(seen[Role.ADMIN]) == {"viewer", "operator", "admin"}
    others = seen[Role.ADMIN]["operator"]
    assert problem(browsers[Role.VIEWER].change("DELETE", f"/api/v1/{kind}/{others}")) == (404, "")
    assert browsers[Role.ADMIN].change("DELETE", f"/api/v1/{kind}/{others}").status_code == 204
    if kind == "sessions":
        assert browsers[Role.OPERATOR].get("/").status_code == 303


def test_lists_come_in_pages(admin):
    first = admin.get("/api/v1/users?limit=2").json()
    assert [user["name"] for user in first["items"]] == ["admin", "operator"]
    rest = admin.get(f"/api/v1/users?limit=2&after={first['next']}").json()
    assert ([user["name"] for user in rest["items"]], rest["next"]) == (["viewer"], None)
    assert problem(admin.get("/api/v1/users?limit=501")) == (422, "limit")
    assert problem(admin.get("/api/v1/users?after=nobody")) == (422, "after")


def test_the_audit_is_read_page_by_page_by_admins(site, admin):
    for name in ("ada", "bob"):
        site.clock.pass_time(1)
        assert admin.change("POST", "/api/v1/users", json=NEW | {"name": name}).status_code == 201
    first = admin.get("/api/v1/audit?limit=2").json()
    assert [(entry["action"], entry["subject"]) for entry in first["items"]] == [
        ("user.add", "user:bob"),
        ("user.add", "user:ada"),
    ]
    assert first["items"][0]["actor"] == "admin"
    assert first["items"][0]["after"] == {"role": "operator", "disabled": False, "login_by_password": True}
    rest = admin.get(f"/api/v1/audit?limit=2&after={first['next']}").json()
    assert ([entry["action"] for entry in rest["items"]], rest["next"]) == (["session.begin"], None)
    assert problem(site.logged_in(Role.OPERATOR).get("/api/v1/audit")) == (403, "")
