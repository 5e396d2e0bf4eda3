"""Whether a Prefect server asks for a password, seen on a small HTTP server that answers as one does."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import httpx
import pytest

from tansaku.flows.service import check_access, is_loopback
from tansaku.models.domain.errors import ConfigurationError


@contextmanager
def answering(status: int, asked: list[tuple[str, str | None]]) -> Iterator[int]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append((self.path, self.headers.get("Authorization")))
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.send_header("Location", "https://sign.in/")
            self.end_headers()

        def log_message(self, *_words: object) -> None:
            return

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def access(monkeypatch) -> Callable[[int, str], str | None]:
    """``access(status, host)``: what is said of a server that answers so; it is asked without credentials."""
    monkeypatch.setenv("PREFECT_API_AUTH_STRING", "ada:secret")

    def check(status: int, host: str) -> str | None:
        asked: list[tuple[str, str | None]] = []
        with answering(status, asked) as port:
            try:
                return check_access(f"http://{host}:{port}/api")
            finally:
                assert asked == [("/api/admin/version", None)]

    return check


@pytest.mark.parametrize("status", [401, 403, 302])
@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0", "ada:secret@0.0.0.0"])
def test_a_server_or_a_proxy_that_asks_for_credentials_is_taken(access, status, host):
    assert access(status, host) is None


def test_a_server_without_a_password_is_refused_beyond_loopback_and_warned_of_there(access):
    with pytest.raises(ConfigurationError, match=r"'0\.0\.0\.0' answers without a password"):
        access(200, "0.0.0.0")
    assert "has no password" in access(200, "localhost")


def test_a_server_that_is_starting_is_no_verdict(access):
    with pytest.raises(httpx.TransportError):
        access(503, "0.0.0.0")


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("localhost", True),
        ("127.0.0.1", True),
        ("127.3.2.1", True),
        ("::1", True),
        ("prefect.localhost", True),
        ("0.0.0.0", False),
        ("192.168.0.2", False),
        ("login.cluster.org", False),
        ("localhost.evil.org", False),
    ],
)
def test_loopback_is_told_by_the_name(host, expected):
    assert is_loopback(host) is expected
