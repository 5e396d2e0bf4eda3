"""Hosts, origins, sizes and headers."""

from __future__ import annotations

import asyncio

import pytest
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send
from starlette.websockets import WebSocketDisconnect

from tansaku.deploy.web.middleware import CONTENT_SECURITY_POLICY, HEADERS_OF_PARTS, SECURITY_HEADERS, BodyLimit
from tansaku.deploy.web.scripts import address_of
from tansaku.models.domain.accounts import Role

OURS = {"Origin": "http://localhost"}


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "", "localhost@evil.example", "127.0.0.1.nip.io", "["]
)
def test_other_host_names_are_refused(site, host):
    assert site.browser().get("/login", headers={"Host": host}).status_code == 400


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:8421", "127.0.0.1:1", "[::1]:8421"])
def test_our_host_names_are_known(site, host):
    assert site.browser().get("/login", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "https://localhost"},
        {"Origin": "http://localhost:8080"},
        {"Origin": "http://localhost", "Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
        {},
    ],
)
def test_changes_that_another_site_asks_for_are_refused(site, headers):
    browser = site.logged_in(Role.ADMIN)
    token = browser.form_token()
    answer = browser.post("/logout", data={"csrf_token": token}, headers=headers)
    said = "the request comes from another site" if headers else "a change with a cookie needs the header Origin"
    assert answer.status_code == 403
    assert answer.text.startswith(said)
    assert len(site.services.accounts.sessions()) == 1


@pytest.mark.parametrize("headers", [OURS, {"Sec-Fetch-Site": "same-origin"}, OURS | {"Sec-Fetch-Site": "same-origin"}])
def test_changes_that_our_pages_ask_for_pass(site, headers):
    browser = site.logged_in(Role.VIEWER)
    token = browser.form_token()
    assert browser.post("/logout", data={"csrf_token": token}, headers=headers).status_code == 303
    assert site.services.accounts.sessions() == []


@pytest.mark.parametrize("token", [None, "", "0" * 64, "é"])
def test_a_form_without_its_token_is_refused(site, token):
    browser = site.logged_in(Role.ADMIN)
    fields = {} if token is None else {"csrf_token": token}
    assert browser.post("/logout", data=fields, headers=OURS).status_code == 403
    assert browser.delete("/api/v1/session", headers=OURS | {"X-CSRF-Token": "x"}).status_code == 403
    assert len(site.services.accounts.sessions()) == 1


def test_the_token_of_another_session_is_refused(site):
    other = site.logged_in(Role.VIEWER).form_token()
    answer = site.logged_in(Role.VIEWER).post("/logout", data={"csrf_token": other}, headers=OURS)
    assert answer.status_code == 403


def test_the_policy_allows_nothing_inline_or_foreign():
    assert "unsafe" not in CONTENT_SECURITY_POLICY
    assert "default-src 'none'" in CONTENT_SECURITY_POLICY
    assert "frame-ancestors 'none'" in CONTENT_SECURITY_POLICY
    assert {part.split()[1] for part in CONTENT_SECURITY_POLICY.split(";")} == {"'none'", "'self'"}


@pytest.mark.parametrize(
    ("path", "status"),
    [("/login", 200), ("/", 303), ("/nothing", 404), ("/api/v1/users", 401), ("/static/style.css", 200), ("/broken", 500)],
)
def test_every_answer_carries_the_headers(site, path, status):
    @site.app.get("/broken")
    def broken():
        raise RuntimeError("secret detail")

    browser = site.browser()
    browser._transport.raise_server_exceptions = False
    answer = browser.get(path)
    assert answer.status_code == status
    assert {name: answer.headers[name] for name in SECURITY_HEADERS} == SECURITY_HEADERS
    assert "secret detail" not in answer.text
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize("path", [address_of("style.css"), "/static/vendor/uplot-1.6.32.min.js"])
def test_scripts_and_style_sheets_of_pages_carry_what_browsers_heed(site, path):
    browser = site.browser()
    headers, of_worker = browser.get(path).headers, browser.get("/static/changes-worker.js").headers
    assert {name: headers[name] for name in SECURITY_HEADERS if name in headers} == HEADERS_OF_PARTS
    assert SECURITY_HEADERS.keys() <= {name for name in SECURITY_HEADERS if name in of_worker}
    assert browser.get("/static/together/none.js").headers["Content-Security-Policy"] == CONTENT_SECURITY_POLICY


def test_refusals_carry_the_headers_too(site):
    answer = site.browser().get("/", headers={"Host": "evil.example"})
    assert answer.headers["Content-Security-Policy"] == CONTENT_SECURITY_POLICY


def test_browsers_keep_static_files_by_their_content_and_no_page(site):
    browser = site.browser()
    assert browser.get("/static/style.css").headers["Cache-Control"] == "no-cache"
    assert "immutable" in browser.get("/static/style.css?v=1").headers["Cache-Control"]
    assert browser.get("/static/nothing.css?v=1").headers["Cache-Control"] == "no-store"
    assert browser.get("/login").headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("name", ["../app.py", "%2e%2e/app.py", "..%2fapp.py", "/etc/passwd"])
def test_static_files_are_those_of_the_folder(site, name):
    assert site.browser().get(f"/static/{name}").status_code == 404


def test_large_bodies_are_refused_whole_and_in_pieces(make_site):
    site = make_site(largest_body=1000)
    browser = site.browser()
    assert browser.post("/session", content=b"x" * 1001, headers=OURS).status_code == 413
    form = OURS | {"Content-Type": "application/x-www-form-urlencoded", "Cookie": f"{site.services.settings.login_cookie}=x"}
    assert browser.post("/session", content=iter([b"x" * 600] * 2), headers=form).status_code == 413
    assert browser.post("/session", content=b"x" * 999, headers=form).status_code == 403
    pieces = OURS | {"Content-Type": "application/json"}
    assert browser.post("/api/v1/session", content=iter([b" " * 600] * 2), headers=pieces).status_code == 413
    refused = browser.post("/api/v1/session", content=b" " * 1001, headers=pieces)
    assert (refused.status_code, refused.headers["Content-Type"]) == (413, "application/problem+json")
    assert refused.json()["detail"] == "the body is larger than 1000 bytes"


@pytest.mark.parametrize(
    ("kind", "proved", "status"),
    [
        ("application/x-www-form-urlencoded", False, 413),
        ("Application/X-WWW-form-urlencoded ; charset=utf-8", False, 413),
        ("application/octet-stream", False, 403),
        ("text/csv", True, 403),
    ],
)
def test_an_upload_that_says_it_is_a_form_is_no_larger_than_other_forms(make_site, kind, proved, status):
    """The look for the form's token would read all of it into memory, before the role is checked."""
    site = make_site(largest_body=1000)
    browser = site.with_session(Role.VIEWER)
    headers = OURS | {"Content-Type": kind} | ({"X-CSRF-Token": browser.form_token()} if proved else {})
    table = b"id,value\n" + b"a,1\n" * 500
    for content in (table, iter([table[:900], table[900:]])):
        answer = browser.post("/api/v1/files?name=a.csv", content=content, headers=headers)
        assert answer.status_code == status, answer.text


def test_behind_tls_cookies_are_bound_to_the_host_and_the_browser_is_to_stay_with_tls(make_site):
    site = make_site(secure=True)
    answer = site.browser().get("/login")
    assert answer.headers["Set-Cookie"].startswith("__Host-tansaku-session-login=")
    assert {"Secure", "HttpOnly", "SameSite=lax", "Path=/"} <= set(answer.headers["Set-Cookie"].split("; "))
    assert "Domain" not in answer.headers["Set-Cookie"]
    assert answer.headers["Strict-Transport-Security"].startswith("max-age=")
    assert "Strict-Transport-Security" not in make_site().browser().get("/login").headers


def test_there_is_no_cross_origin_permission_and_no_websocket(site):
    headers = {"Origin": "http://evil.example", "Access-Control-Request-Method": "POST"}
    answer = site.browser().options("/session", headers=headers)
    assert not [name for name in answer.headers if name.startswith("access-control")]
    with pytest.raises(WebSocketDisconnect) as refusal, site.browser().websocket_connect("/"):
        pass
    assert refusal.value.code == 1008


def test_pages_are_compressed_and_their_tokens_differ_each_time(site):
    browser = site.logged_in(Role.VIEWER)
    plain, packed = (browser.get("/login", headers={"Accept-Encoding": way}) for way in ("identity", "gzip"))
    assert "Content-Encoding" not in plain.headers
    assert packed.headers["Content-Encoding"] == "gzip"
    tokens = [browser.form_token() for _ in range(3)]
    assert len({token[:32] for token in tokens}) == len({token[32:] for token in tokens}) == 3
    salted = tokens[0][:32] + tokens[1][32:]
    assert browser.post("/logout", data={"csrf_token": salted}, headers=OURS).status_code == 403
    assert browser.post("/logout", data={"csrf_token": tokens[0]}, headers=OURS).status_code == 303


@pytest.mark.parametrize(
    ("path", "pieces", "size", "status"),
    [
        ("/api/v1/session", 0, 0, 408),
        ("/api/v1/session", 3, 16_384, 408),  # a body in slow pieces is late as a whole
        ("/api/v1/files", 0, 0, 408),
        ("/api/v1/files", 3, 1, 408),
        ("/api/v1/files", 3, 16_384, 200),  # a file may take long, as long as enough comes
    ],
)
def test_a_body_that_does_not_arrive_is_ended(path, pieces, size, status):
    async def read(scope: Scope, receive: Receive, send: Send) -> None:
        await Response(await Request(scope, receive).body())(scope, receive, send)

    left = [{"type": "http.request", "body": b"x" * size, "more_body": number > 1} for number in range(pieces, 0, -1)]

    async def receive() -> Message:
        await asyncio.sleep(0.4 if left else 60.0)
        return left.pop(0)

    async def ask() -> int:
        scope = {"type": "http", "method": "POST", "path": path, "headers": [(b"content-length", b"9")], "query_string": b""}
        answered: list[int] = []

        async def send(message: Message) -> None:
            answered.append(message.get("status", 0))

        limited = BodyLimit(read, largest=100_000, largest_upload=100_000, patience=1.0)
        if status == 200:
            await limited(scope, receive, send)
            return answered[0]
        with pytest.raises(HTTPException, match="the body did not arrive within 1 s") as refusal:
            await limited(scope, receive, send)
        assert refusal.value.headers == {"Connection": "close"}
        return refusal.value.status_code

    assert asyncio.run(ask()) == status
