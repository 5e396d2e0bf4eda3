"""Where the server listens and where it refuses to, and a real one from its start to SIGTERM."""

from __future__ import annotations

import asyncio
import http.client
import json
import logging
import re
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http import HTTPStatus
from itertools import count
from pathlib import Path

import pytest

from tansaku.deploy.web import server
from tansaku.deploy.web.auth.limits import AttemptLimiter
from tansaku.deploy.web.forms import FORM_TYPE
from tansaku.deploy.web.middleware import BodyLimit
from tansaku.deploy.web.server import Address, listening, server_of
from tansaku.models.domain.accounts import Role
from tansaku.models.domain.errors import ConfigurationError
from tests.unit.deploy.web.conftest import PASSWORD

START = [sys.executable, "-c", "from tansaku.deploy.cli.main import main; main()", "web", "start"]
REFUSED = "reachable from other machines without TLS"


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "example.org", "127.0.0.1.example.org"])
def test_beyond_this_machine_it_wants_tls(host, tmp_path):
    with pytest.raises(ConfigurationError, match=REFUSED):
        Address(host).check()
    pem = tmp_path / "x.pem"
    pem.touch()
    Address(host, certificate=pem, key=pem).check()
    Address(host, insecure=True).check()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "127.1.2.3"])
def test_on_this_machine_it_wants_none(host):
    Address(host).check()


def test_half_a_certificate_or_none_there_is_refused(tmp_path):
    with pytest.raises(ConfigurationError, match="expected both or none"):
        Address(certificate=tmp_path / "c").check()
    with pytest.raises(ConfigurationError, match="--cert: no file"):
        Address(certificate=tmp_path / "c", key=tmp_path / "k").check()


def test_cookies_are_secure_behind_tls_and_known_hosts_are_those_named():
    settings = Address(tls_proxy=True, allowed_hosts=("Boundaries.example.org",)).settings(80)
    assert settings.secure
    assert settings.session_cookie == "__Host-tansaku-session-80"
    assert settings.hosts == {"127.0.0.1", "::1", "localhost", "boundaries.example.org"}
    assert not Address().settings(0).secure


def test_a_unix_socket_is_the_users_alone_and_goes_at_the_end(tmp_path):
    path = tmp_path / "web.sock"
    with listening(Address(uds=path)) as bound:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        with pytest.raises(ConfigurationError, match="another process listens there"), listening(Address(uds=path)):
            pass
        assert bound.getsockname() == str(path)
    assert not path.exists()


def test_the_socket_of_a_killed_server_is_replaced_and_another_file_is_not(tmp_path):
    path, other = tmp_path / "web.sock", tmp_path / "file"
    with socket.socket(socket.AF_UNIX) as killed:
        killed.bind(str(path))
    with listening(Address(uds=path)):
        pass
    other.write_text("kept")
    with pytest.raises(ConfigurationError, match="--uds"), listening(Address(uds=other)):
        pass
    assert other.read_text() == "kept"


def test_a_taken_port_is_said():
    with (
        listening(Address()) as bound,
        pytest.raises(ConfigurationError, match="in use"),
        listening(Address(port=bound.getsockname()[1])),
    ):
        pass


def request(port: int, method: str, path: str, body: str = "", cookie: str = "") -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    headers = {"Origin": f"http://127.0.0.1:{port}", "Content-Type": "application/x-www-form-urlencoded", "Cookie": cookie}
    connection.request(method, path, body, {key: value for key, value in headers.items() if value})
    return connection.getresponse()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_real_server_logs_in_by_its_link_and_ends_quietly_with_twenty_open_streams(mongo_server, tmp_path, number):
    """The first user is whoever starts it; a browser that keeps its connection open does not hold the end back."""
    site = tmp_path / "site.yaml"
    site.write_text("database: {name: test-web}\n")
    command = [*START, "--port", "0", "--site", str(site)]
    piped = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, **piped, cwd=Path(__file__).parents[4]) as process:
        try:
            port, token = re.match(r"dashboard: http://127.0.0.1:(\d+)/login#token=(\S+)", process.stdout.readline()).groups()
            page = request(int(port), "GET", "/login")
            form = re.search(r'csrf_token" value="(\w+)"', page.read().decode())[1]
            cookie = page.headers["Set-Cookie"].partition(";")[0]
            answer = request(int(port), "POST", "/session", f"csrf_token={form}&token={token}", cookie)
            assert (answer.status, answer.headers["Location"]) == (303, "/")
            assert answer.headers["Server"] is None
            session = answer.headers["Set-Cookie"].partition(";")[0]
            assert session.startswith(f"tansaku-session-{port}=")
            identity = json.load(request(int(port), "GET", "/api/v1/session", cookie=session))
            assert identity["role"] == "admin"
            idle = socket.create_connection(("127.0.0.1", int(port)))
            streams = [request(int(port), "GET", "/api/v1/changes?campaign=none", cookie=session) for _ in range(20)]
            assert [stream.readline() for stream in streams] == [b"event: gone\n"] * 20
            process.send_signal(number)
            begun = time.monotonic()
            assert process.wait(10) == 0
            assert time.monotonic() - begun < server.GRACE, "nobody waits for streams that could go on for ever"
            idle.close()
            for stream in streams:
                stream.close()
            assert process.stdout.read() == "dashboard: stopped\n"
            assert process.stderr.read() == ""
        finally:
            process.kill()


def test_a_request_that_is_cut_off_at_the_end_writes_no_traceback(monkeypatch, capfd):
    monkeypatch.setattr(server, "GRACE", 0.2)
    begun = threading.Event()

    async def stays(scope, receive, send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        begun.set()
        await asyncio.sleep(60.0)

    with listening(Address()) as bound:
        running = server_of(stays, Address())
        thread = threading.Thread(target=running.run, kwargs={"sockets": [bound]})
        thread.start()
        with socket.create_connection(bound.getsockname()) as browser:
            browser.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert begun.wait(10.0)
            running.should_exit = True
            thread.join(10.0)
    assert not thread.is_alive()
    assert capfd.readouterr().err == ""


@pytest.fixture
def listener(site, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[bytes], socket.socket]]:
    """``listener(sent)``: a connection to a real server, over which some bytes were sent; headers have a second to arrive."""
    assert server.HEADERS_WITHIN == 10.0
    monkeypatch.setattr(server, "HEADERS_WITHIN", 1.0)
    with listening(Address()) as bound:
        running = server_of(site.app, Address())
        thread = threading.Thread(target=running.run, kwargs={"sockets": [bound]})
        thread.start()

        def connect(sent: bytes) -> socket.socket:
            connection = socket.create_connection(bound.getsockname(), timeout=30)
            connection.sendall(sent)
            return connection

        yield connect
        running.should_exit = True
        thread.join(30)


def log_in(port: int, password: str, cookie: str = "") -> http.client.HTTPResponse:
    """Asks for a session as a script of a page does."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    headers = {"Content-Type": "application/json", "Origin": f"http://127.0.0.1:{port}", "Cookie": cookie}
    connection.request("POST", "/api/v1/session", json.dumps({"name": "viewer", "password": password}), headers)
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer


def tries(port: int, cookie: str = "") -> tuple[int, http.client.HTTPResponse]:
    """How often the user asks, as Retry-After says, until the password is looked at, and the last answer."""
    for tried in range(1, 21):
        answer = log_in(port, PASSWORD, cookie)
        if answer.status != HTTPStatus.TOO_MANY_REQUESTS:
            return tried, answer
        time.sleep(int(answer.headers["Retry-After"]))
    pytest.fail("the password was not looked at in twenty tries")


def test_a_user_logs_in_while_the_same_address_tries_ten_passwords_a_second(listener, site):
    object.__setattr__(site.services, "limiter", AttemptLimiter(site.services.settings.attempts))
    with closing(listener(b"")) as connection:
        port = connection.getpeername()[1]
    ended, looked_at = threading.Event(), []

    def guess(number: int) -> None:
        looked_at.append(log_in(port, f"guess {number}").status == HTTPStatus.UNAUTHORIZED)

    def attack(guessers: ThreadPoolExecutor) -> None:
        for number in count():
            if ended.wait(0.1):
                return
            guessers.submit(guess, number)

    begun = time.monotonic()
    with ThreadPoolExecutor(50) as guessers:
        attacker = threading.Thread(target=attack, args=(guessers,))
        attacker.start()
        while sum(looked_at) < 12:
            time.sleep(0.1)
        tried, answer = tries(port)
        cookie = next(value.partition(";")[0] for value in answer.headers.get_all("Set-Cookie") if "-device-" in value)
        at_once, again = tries(port, cookie)
        ended.set()
        attacker.join()
    assert (answer.status, again.status) == (HTTPStatus.CREATED, HTTPStatus.CREATED)
    assert tried <= 5
    assert at_once == 1
    assert sum(looked_at) <= 11 + (time.monotonic() - begun), "one guess a second, after ten"


REQUEST = b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n"


def answers(connect: Callable[[bytes], socket.socket]) -> bool:
    """Whether another user gets an answer."""
    with closing(connect(REQUEST + b"Connection: close\r\n\r\n")) as other:
        return other.recv(100).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("sent", [b"", REQUEST, REQUEST + b"\r\n" + REQUEST], ids=["nothing", "half a request", "a second one"])
def test_headers_that_do_not_arrive_are_ended_however_slowly_bytes_come(listener, sent):
    with closing(listener(sent)) as slow:
        begun, received = time.monotonic(), b""
        slow.settimeout(0.2)
        while time.monotonic() < begun + 20:
            try:
                if sent:
                    slow.sendall(b"X")
                if not (found := slow.recv(1000)):
                    break
                received += found
            except TimeoutError:
                assert answers(listener)
            except OSError:
                break
        assert 0.7 < time.monotonic() - begun < 10
        assert received.count(b"HTTP/1.1 ") == 1 + sent.count(b"\r\n\r\n")


def test_connections_without_requests_keep_nobody_out(listener, monkeypatch):
    monkeypatch.setattr(server, "HEADERS_WITHIN", 60.0)
    monkeypatch.setattr(server, "_WITHOUT_REQUEST", 20)
    waiting = [listener(REQUEST) for _ in range(40)]
    assert answers(listener)
    ended = [connection.recv(100).startswith(b"HTTP/1.1 408") for connection in waiting[:19]]
    assert all(ended)
    waiting[-1].settimeout(0.2)
    with pytest.raises(TimeoutError):
        waiting[-1].recv(100)
    for connection in waiting:
        connection.close()


def test_a_slow_answer_and_the_next_request_on_its_connection_are_not_ended(listener, site):
    @site.app.get("/slow")
    def slow() -> str:
        time.sleep(1.5)
        return "slow"

    with closing(listener(b"")) as connection:
        for path in (b"slow", b"health/live"):
            connection.sendall(REQUEST.replace(b"health/live", path) + b"\r\n")
            answer = b""
            while not answer.endswith((b'"slow"', b"}")):  # headers and body may come apart
                answer += connection.recv(10000)
            assert answer.startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("left", [False, True], ids=["stays", "leaves"])
@pytest.mark.parametrize(
    ("request_line", "status"),
    [("GET /api/v1/changes?campaign=none", 408), ("POST /logout", 408), ("POST /api/v1/session", 408), ("GET /queue", 200)],
)
def test_a_body_that_does_not_arrive_leaves_no_traceback(listener, site, monkeypatch, caplog, request_line, status, left):
    monkeypatch.setitem(BodyLimit.__init__.__kwdefaults__, "patience", 0.5)
    settings = site.services.settings
    cookie = f"{settings.session_cookie}={site.with_session(Role.VIEWER).cookies[settings.session_cookie]}"
    logger = logging.getLogger("uvicorn.error")
    logger.addHandler(caplog.handler)
    kind = "application/json" if "/api/" in request_line else FORM_TYPE
    sent = (
        f"{request_line} HTTP/1.1\r\nHost: localhost\r\nOrigin: http://localhost\r\nCookie: {cookie}\r\n"
        f"Content-Type: {kind}\r\nContent-Length: 10\r\n\r\nhalf"
    )
    with closing(listener(sent.encode())) as connection:
        if not left:
            assert connection.recv(100).startswith(f"HTTP/1.1 {status} ".encode())
    time.sleep(1.0)
    logger.removeHandler(caplog.handler)
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR] == []


@pytest.mark.parametrize(
    ("imported", "never", "known"),
    [
        (
            "tansaku.deploy.web.app, tansaku.deploy.web.server",
            {"prefect", "pymongo", "typer", "fireworks", "torch", "tansaku.flows", "tansaku.deploy.cli"},
            "tansaku.deploy.web.pages.home",
        ),
        (  # all that `tansaku serve` starts for the dashboard, with its stores and its command's module
            "tansaku.deploy.cli.web_process, tansaku.deploy.cli.web, tansaku.deploy.web.app,"
            "tansaku.tasks.backends.stores.mongo, tansaku.tasks.backends.stores.mongo_requests",
            {"prefect", "tansaku.flows", "fireworks", "torch"},
            "tansaku.deploy.cli.web_process",
        ),
    ],
    ids=["application", "process"],
)
def test_the_dashboard_does_not_load_prefect(imported, never, known):
    code = f"import sys, {imported}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert loaded & never == set()
    assert known in loaded
