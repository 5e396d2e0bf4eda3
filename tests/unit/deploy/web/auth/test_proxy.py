"""Sign-on by a proxy: whom it may name, from where, and what a client that sends the header itself gains."""

from __future__ import annotations

import pytest
from pydantic import SecretStr, ValidationError

from tansaku.deploy.web.server import Address
from tansaku.models.domain.accounts import Role
from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.specs.site import SiteSpec
from tansaku.models.domain.specs.web import ProxySpec
from tests.unit.deploy.web.conftest import HOST

SECRET = "shared by the proxy and the server"
ADA = {"X-Forwarded-User": "operator"}
PROVED = {**ADA, "X-Proxy-Secret": SECRET}


@pytest.fixture
def proxied(make_site):
    """``proxied(groups_header=..., secret=..., unix_socket=...)``: an application behind a proxy."""

    def make(*, unix_socket: bool = False, secret: str | None = SECRET, **proxy: object):
        site = SiteSpec.model_validate({"web": {"proxy": proxy}})
        given = None if secret is None else SecretStr(secret)
        return make_site(given={"site": site}, unix_socket=unix_socket, proxy_secret=given)

    return make


def who(site, headers) -> dict[str, object]:
    """What the API says of who asks, with the status of the answer."""
    answer = site.browser().get("/api/v1/session", headers=headers)
    return {**answer.json(), "status": answer.status_code}


def test_without_the_setting_the_header_means_nothing(make_site):
    site = make_site(unix_socket=True, proxy_secret=SecretStr(SECRET))
    assert who(site, PROVED)["status"] == 401
    assert site.browser().get("/", headers=PROVED).headers["Location"] == "/login?next=/"


def test_the_secret_proves_the_proxy(proxied):
    site = proxied()
    assert who(site, PROVED).items() >= {"status": 200, "name": "operator", "role": "operator"}.items()
    assert "operator" in site.browser().get("/", headers=PROVED).text
    assert who(site, {})["status"] == 401


@pytest.mark.parametrize(
    "headers", [ADA, {**ADA, "X-Proxy-Secret": ""}, {**ADA, "X-Proxy-Secret": SECRET[:-1]}, {**ADA, "X-Proxy-Secret": "é"}]
)
def test_a_header_that_a_client_sends_is_refused(proxied, headers):
    """With or without a session of its own, on plain TCP and on a socket."""
    for site in (proxied(), proxied(unix_socket=True)):
        raw = {name: value.encode("latin-1") for name, value in headers.items()}
        answer = site.browser().get("/api/v1/session", headers=raw)
        assert (answer.status_code, "from the proxy only" in answer.json()["detail"]) == (403, True)
        assert site.with_session(Role.ADMIN).get("/admin", headers=raw).status_code == 403
        assert site.with_session(Role.ADMIN).get("/admin").status_code == 200


def test_two_secrets_or_two_names_are_refused(proxied):
    site = proxied()
    twice = [*PROVED.items(), ("X-Proxy-Secret", SECRET)]
    assert site.browser().get("/api/v1/session", headers=twice).status_code == 403
    answer = site.browser().get("/api/v1/session", headers=[*PROVED.items(), ("x-forwarded-user", "admin")])
    assert "must replace what clients send" in answer.json()["detail"]


def test_on_a_unix_socket_no_secret_is_needed(proxied):
    assert who(proxied(unix_socket=True, secret=None), ADA)["name"] == "operator"


def test_on_tcp_without_a_secret_the_server_does_not_start(proxied):
    with pytest.raises(ConfigurationError, match="could name any user"):
        proxied(secret=None)
    with pytest.raises(ConfigurationError, match="at least 16 characters"):
        proxied(secret="short")
    assert Address().settings(8421).unix_socket is False


def test_an_address_says_whether_it_is_a_unix_socket(tmp_path):
    assert Address(uds=tmp_path / "web.sock").settings(0).unix_socket


def test_users_who_are_unknown_or_disabled_are_told(proxied):
    site = proxied()
    for name in ("nobody", "Operator", "operator " + "x" * 80, "<b>"):
        answer = who(site, {**PROVED, "X-Forwarded-User": name})
        assert answer["status"] == 403
        assert "is not a user here; an admin can add users" in answer["detail"]
    page = site.browser().get("/", headers={**PROVED, "X-Forwarded-User": "<b>"})
    assert (page.status_code, "<b>" in page.text) == (403, False)
    ada = site.services.accounts.user("operator")
    site.services.accounts.replace_user(ada.model_copy(update={"disabled": True}))
    assert who(site, PROVED)["detail"] == "user 'operator' is disabled"


def test_groups_give_roles(proxied):
    site = proxied(groups_header="X-Groups", roles={"lab heads": "admin", "lab": "viewer"})
    for groups, role in (("lab", "viewer"), ("guests, lab heads,lab", "admin")):
        assert who(site, {**PROVED, "X-Groups": groups})["role"] == role
    for groups in ("", "guests", "LAB"):
        assert "none of the groups" in who(site, {**PROVED, "X-Groups": groups})["detail"]
    assert who(site, PROVED)["status"] == 403


def test_changes_need_the_token_of_a_form(proxied):
    """The proxy lets a browser in by itself, as a cookie does: a page elsewhere must not use that."""
    site = proxied()
    browser = site.browser()
    browser.headers.update(PROVED)
    new = {"label": "notebook", "role": "viewer", "days": "1"}
    plain = {"Origin": f"http://{HOST}"}
    assert browser.post("/account/tokens", data=new, headers=plain).status_code == 403
    assert browser.submit("/account/tokens", new, "/account").status_code == 201
    other = site.browser()
    other.headers.update({**PROVED, "X-Forwarded-User": "viewer"})
    stolen = {**new, "csrf_token": browser.form_token("/account")}
    assert other.post("/account/tokens", data=stolen, headers=plain).status_code == 403
    (token,) = site.services.accounts.tokens()
    assert token.user == "operator"


def test_a_token_counts_before_the_proxy_and_other_credentials_do_not(proxied):
    site = proxied()
    browser = site.browser()
    browser.headers.update(PROVED)
    proof = {"X-CSRF-Token": browser.form_token("/account"), "Origin": f"http://{HOST}"}
    issued = browser.post("/api/v1/tokens", json={"label": "x", "role": "viewer", "days": 1}, headers=proof).json()
    assert who(site, {**PROVED, "Authorization": f"Bearer {issued['secret']}"})["role"] == "viewer"
    assert who(site, {**PROVED, "Authorization": "Basic b3BlcmF0b3I6eA=="})["role"] == "operator"


def test_there_is_nothing_to_log_out_of(proxied):
    browser = proxied().browser()
    browser.headers.update(PROVED)
    assert "Log out" not in browser.get("/").text


@pytest.mark.parametrize(
    "wrong",
    [
        {"user_header": "Cookie"},
        {"user_header": "Sec-Fetch-Site"},
        {"user_header": "X Forwarded"},
        {"user_header": "X-Proxy-Secret"},
        {"groups_header": "x-forwarded-user", "roles": {"lab": "viewer"}},
        {"groups_header": "X-Groups"},
        {"roles": {"lab": "viewer"}},
        {"groups_header": "X-Groups", "roles": {"lab,x": "viewer"}},
        {"groups_header": "X-Groups", "roles": {"lab": "root"}},
        {"secret": "in the site file"},
    ],
)
def test_a_site_file_that_makes_no_sense_is_refused(wrong):
    with pytest.raises(ValidationError):
        ProxySpec.model_validate(wrong)
