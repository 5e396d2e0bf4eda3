"""Checks and headers for every request, as pure ASGI: no layer buffers a stream.

The order is that of :func:`protected`: headers around everything, then compression, the host, the origin, the size of the body.
"""

from __future__ import annotations

import asyncio
import ipaddress
import re
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import parse_qs, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tansaku.deploy.web.forms import is_form
from tansaku.deploy.web.packing import LEVEL, SMALLEST

API_PREFIX = "/api/"
PROBLEM_TYPE = "application/problem+json"

UPLOADS = re.compile(r"/api/v1/(files(/.*)?|campaigns/[^/]+/attachments)")
"""Paths of the routes that take files."""

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "font-src 'self'",
        "connect-src 'self'",
        "worker-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)

SECURITY_HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # Not no-referrer: browsers then send the origin `null` with a form of our own pages.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}

HEADERS_OF_PARTS = {name: SECURITY_HEADERS[name] for name in ("X-Content-Type-Options", "Cross-Origin-Resource-Policy")}
"""Headers that browsers heed for scripts and style sheets of a page; the others are for pages and workers."""

PARTS_OF_PAGES = ("/static/together/", "/static/vendor/")
"""Folders of scripts and style sheets that pages load."""

_NOT_STORED = "no-store"
_UNCHANGING = "public, max-age=31536000, immutable"
_CHECKED = "no-cache"


class SecurityHeaders:
    """Adds the headers to every answer, to scripts and style sheets of pages only those that browsers heed there.

    Args:
        secure: Browsers reach the server by TLS.
    """

    def __init__(self, app: ASGIApp, *, secure: bool) -> None:
        self._app = app
        self._secure = secure

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                part = scope["path"].startswith(PARTS_OF_PAGES) and message["status"] < 400
                headers.update(HEADERS_OF_PARTS if part else SECURITY_HEADERS)
                if self._secure:
                    headers["Strict-Transport-Security"] = "max-age=31536000"
                headers.setdefault("Cache-Control", _cache_control(scope, message["status"]))
            await send(message)

        await self._app(scope, receive, send_with_headers)


def _cache_control(scope: Scope, status: int) -> str:
    if not scope["path"].startswith("/static/") or status >= 400:
        return _NOT_STORED
    return _UNCHANGING if b"v" in parse_qs(scope["query_string"]) else _CHECKED


class KnownHosts:
    """Refuses requests for other host names, so that a foreign page cannot reach the server by its own name.

    Args:
        hosts: Names without ports, in small letters.
    """

    def __init__(self, app: ASGIApp, *, hosts: Collection[str]) -> None:
        self._app = app
        self._hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers, or refuses with 400."""
        if scope["type"] in {"http", "websocket"} and _host_name(Headers(scope=scope).getlist("Host")) not in self._hosts:
            await _refuse(scope, receive, send, 400, "unknown host name; the server's --allow-host adds one")
            return
        await self._app(scope, receive, send)


def is_loopback(host: str) -> bool:
    """Whether a host name means this machine to whoever uses it."""
    if host.lower() == "localhost":
        return True
    with suppress(ValueError):
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    return False


def _host_name(given: list[str]) -> str | None:
    if len(given) != 1:
        return None
    try:
        return urlsplit(f"//{given[0]}").hostname
    except ValueError:
        return None


_UNNAMED = "a change with a cookie needs the header Origin, with this server's address; programs use a token, without cookies"


class SameOrigin:
    """Refuses changes that a page of another site requests through a browser.

    Browsers send ``Sec-Fetch-Site`` to trustworthy origins and ``Origin`` with every request that may change something.
    Programs send neither; they are let through only without cookies, which a browser would add by itself.

    Args:
        secure: Browsers reach the server by TLS.
    """

    def __init__(self, app: ASGIApp, *, secure: bool) -> None:
        self._app = app
        self._scheme = "https" if secure else "http"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers, or refuses with 403."""
        if scope["type"] == "websocket" or (
            scope["type"] == "http" and scope["method"] not in SAFE_METHODS and not self._same_origin(Headers(scope=scope))
        ):
            unnamed = not {"origin", "sec-fetch-site"} & set(Headers(scope=scope).keys())
            await _refuse(scope, receive, send, 403, _UNNAMED if unnamed else "the request comes from another site")
            return
        await self._app(scope, receive, send)

    def _same_origin(self, headers: Headers) -> bool:
        site, origin = headers.get("Sec-Fetch-Site"), headers.get("Origin")
        if site is not None and site != "same-origin":
            return False
        if origin is not None:
            return origin.lower() == f"{self._scheme}://{headers['Host'].lower()}"
        return site is not None or "Cookie" not in headers


_SLOWEST_UPLOAD = 16_384
"""Files that arrive more slowly are ended [bytes per second]."""


class BodyLimit:
    """Refuses bodies that are too large, also when they come in pieces, and those that do not arrive.

    Args:
        largest: Bytes.
        largest_upload: Bytes of a file at :data:`UPLOADS`; its route does not keep it in memory. Forms are kept, to look
            for their token: there, too, they are limited as all bodies are.
        patience: Time for a body [s]; of a file, beside the time that :data:`_SLOWEST_UPLOAD` allows.
    """

    def __init__(self, app: ASGIApp, *, largest: int, largest_upload: int = 0, patience: float = 10.0) -> None:
        self._app = app
        self._patience = patience
        self._largest = largest
        self._largest_upload = max(largest, largest_upload)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers, or refuses with 413 or 408."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        stated = headers.get("Content-Length", "0")
        is_upload = UPLOADS.fullmatch(scope["path"]) is not None and not is_form(headers.get("Content-Type", ""))
        largest = self._largest_upload if is_upload else self._largest
        if not stated.isascii() or not stated.isdigit() or int(stated) > largest:
            await _refuse(scope, receive, send, 413, _too_large(largest))
            return
        received, complete, until = 0, False, 0.0

        async def receive_limited() -> Message:
            nonlocal received, complete, until
            if complete:  # what comes now is the end of the connection
                return await receive()
            if not until:
                until = asyncio.get_running_loop().time() + self._patience
            try:
                async with asyncio.timeout_at(until):
                    message = await receive()
            except TimeoutError as error:
                late = f"the body did not arrive within {self._patience:g} s"
                raise HTTPException(HTTPStatus.REQUEST_TIMEOUT, late, {"Connection": "close"}) from error
            complete = not message.get("more_body", False)
            arrived = len(message.get("body", b""))
            received += arrived
            until += arrived / _SLOWEST_UPLOAD if is_upload else 0.0
            if received > largest:
                raise HTTPException(413, _too_large(largest))
            return message

        await self._app(scope, receive_limited, send)


def _too_large(largest: int) -> str:
    return f"the body is larger than {largest} bytes"


async def _refuse(scope: Scope, receive: Receive, send: Send, status: int, message: str) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008})
        return
    answer: Response
    closing = {"Connection": "close"}
    if scope["path"].startswith(API_PREFIX):
        body = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": message}
        answer = JSONResponse(body, status, closing, PROBLEM_TYPE)
    else:
        answer = PlainTextResponse(message, status, closing)
    await answer(scope, receive, send)


@dataclass(frozen=True)
class Protection:
    """Settings of :func:`protected`; see ``WebSettings``."""

    hosts: Collection[str]
    secure: bool
    largest_body: int
    largest_upload: int = 0


def protected(app: ASGIApp, protection: Protection) -> ASGIApp:
    """Returns the application wrapped in all checks."""
    limited = BodyLimit(app, largest=protection.largest_body, largest_upload=protection.largest_upload)
    checked = KnownHosts(SameOrigin(limited, secure=protection.secure), hosts=protection.hosts)
    # Streams of events are sent as they are; the texts of forms that could be guessed from compressed sizes are salted.
    compressed = GZipMiddleware(checked, minimum_size=SMALLEST, compresslevel=LEVEL)
    return SecurityHeaders(compressed, secure=protection.secure)
