"""Serves the application: binds the socket, refuses unsafe addresses, ends within seconds of a signal."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.http.h11_impl import H11Protocol

from tansaku.deploy.web.changes import Changes
from tansaku.deploy.web.middleware import is_loopback
from tansaku.deploy.web.services import LOOPBACK_HOSTS, WebSettings
from tansaku.models.domain.errors import ConfigurationError

GRACE = 3
"""Longest time for open streams after a signal [s]; without it one of them keeps the process alive."""
HEADERS_WITHIN = 10.0
"""Longest time for the headers of a request [s]."""

_WAITING = 128
_AT_ONCE = 1000
_WITHOUT_REQUEST = 500  # connections; a client that opens more ends its oldest ones and keeps nobody else out
_LATE = b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


@dataclass(frozen=True)
class Address:
    """Address and TLS settings of the server.

    Attributes:
        host: Name or IP address.
        port: 0: any that is free.
        uds: Path of a unix socket instead of host and port; only this user may connect.
        certificate: PEM file for TLS.
        key: PEM file of its key.
        tls_proxy: A proxy in front speaks TLS with browsers.
        insecure: Listen beyond this machine without TLS.
        allowed_hosts: Further names by which browsers may address the server.
    """

    host: str = "127.0.0.1"
    port: int = 0
    uds: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    tls_proxy: bool = False
    insecure: bool = False
    allowed_hosts: tuple[str, ...] = ()

    def check(self) -> None:
        """Refuses addresses at which passwords would be sent over a network unencrypted.

        Raises:
            ConfigurationError: With what to do about it.
        """
        if (self.certificate is None) != (self.key is None):
            raise ConfigurationError("--cert and --key: expected both or none")
        for option, path in (("--cert", self.certificate), ("--key", self.key)):
            if path is not None and not path.is_file():
                raise ConfigurationError(f"{option}: no file {str(path)!r}")
        if not (self.uds or self.certificate or self.insecure or is_loopback(self.host)):
            raise ConfigurationError(
                f"--host {self.host!r}: reachable from other machines without TLS, so that passwords could be read",
                hint="give --cert and --key, or listen on 127.0.0.1 or --uds behind a proxy with TLS or an ssh tunnel; "
                "--insecure listens anyway",
            )

    def settings(self, port: int) -> WebSettings:
        """Settings of the application that is reached under this address.

        Args:
            port: On which the server listens; 0 for a unix socket.
        """
        names = {name.lower().strip("[]") for name in (*self.allowed_hosts, *(() if self.uds else (self.host,)))}
        return WebSettings(
            hosts=LOOPBACK_HOSTS | names,
            secure=self.tls_proxy or self.certificate is not None,
            unix_socket=self.uds is not None,
            cookie=f"tansaku-session-{port}" if port else "tansaku-session",
        )

    def url(self, port: int) -> str:
        """Address for a browser on this machine."""
        scheme = "http" if self.certificate is None else "https"
        host = "127.0.0.1" if self.host in {"0.0.0.0", "::"} else self.host  # noqa: S104 - compared, not bound
        return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"

    def public_url(self, port: int) -> str:
        """Address for users: behind a proxy with TLS it has the first name by which browsers may address the server."""
        if (self.tls_proxy or self.certificate is not None) and self.allowed_hosts:
            name = self.allowed_hosts[0]
            return f"https://{name}" if self.tls_proxy else f"https://{name}:{port}"
        return self.url(port)


@contextmanager
def listening(address: Address) -> Iterator[socket.socket]:
    """Binds the socket; removes a unix socket at the end.

    Raises:
        ConfigurationError: The address is unsafe, taken, or not one of this machine.
    """
    address.check()
    bound = _bound_unix(address.uds) if address.uds is not None else _bound_tcp(address)
    try:
        yield bound
    finally:
        bound.close()
        if address.uds is not None:
            address.uds.unlink(missing_ok=True)


def serve(app: FastAPI, address: Address, bound: socket.socket) -> None:
    """Serves until SIGINT or SIGTERM; open streams end after :data:`GRACE` seconds.

    Args:
        app: From ``create_app``.
        address: Where it listens.
        bound: From :func:`listening`.
    """
    server = server_of(app, address)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, server.handle_exit)
    server.run(sockets=[bound])


def server_of(app: FastAPI, address: Address) -> uvicorn.Server:
    """The server of an application; it runs until its ``should_exit`` is set."""
    config = uvicorn.Config(
        app,
        http=_Connection,
        lifespan="off",
        ws="none",
        log_level="warning",
        access_log=False,
        server_header=False,
        # The address of a client is that of its connection: anybody can send X-Forwarded-For.
        proxy_headers=False,
        timeout_graceful_shutdown=GRACE,
        limit_concurrency=_AT_ONCE,
        ssl_certfile=address.certificate,
        ssl_keyfile=address.key,
    )
    return _Server(config)


class _Connection(H11Protocol):
    """Ends itself when the headers of a request do not arrive; the body is ``BodyLimit``'s.

    The time counts from the connection's begin, and later from the first byte after an answer, so that bytes that come one by
    one gain nothing. Between requests, uvicorn ends it after a few seconds.
    """

    _ending: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begins the time for the first request."""
        super().connection_made(cast("asyncio.Transport", transport))
        self._begin()
        connections = [item for item in self.connections if isinstance(item, _Connection)]
        waiting = {item._ending.when(): item for item in connections if item._ending is not None}
        if len(waiting) > _WITHOUT_REQUEST:
            waiting[min(waiting)]._end()

    def data_received(self, data: bytes) -> None:
        """Ends the time when a request has its headers, or begins it with the next one."""
        before = self.cycle
        super().data_received(data)
        if self.cycle is not before:
            self._stop()
        elif self._ending is None and (before is None or before.response_complete):
            self._begin()

    def connection_lost(self, exc: Exception | None) -> None:
        """Ends the time."""
        self._stop()
        super().connection_lost(exc)

    def _begin(self) -> None:
        self._ending = self.loop.call_later(HEADERS_WITHIN, self._end)

    def _stop(self) -> None:
        if self._ending is not None:
            self._ending.cancel()
            self._ending = None

    def _end(self) -> None:
        self._stop()
        if not self.transport.is_closing():
            self.transport.write(_LATE)
            self.transport.close()


class _Server(uvicorn.Server):
    """Ends by a signal without raising it again, so that the caller can close its stores."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Ends the streams of open pages first; what is then cut off after the grace is no error."""
        logging.getLogger("uvicorn.error").addFilter(_is_no_cut)
        state = getattr(self.config.app, "state", None)
        if isinstance(changes := getattr(state, "changes", None), Changes):
            changes.end()
        await super().shutdown(sockets)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leaves the handlers as they are."""
        yield


def _is_no_cut(record: logging.LogRecord) -> bool:
    """Returns whether a line says more than that requests were cut off at the end."""
    kind = record.exc_info[0] if record.exc_info else None
    return not (str(record.msg).startswith("Cancel ") or (kind is not None and issubclass(kind, asyncio.CancelledError)))


def _bound_tcp(address: Address) -> socket.socket:
    host = address.host.strip("[]")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, address.port), family=family, backlog=_WAITING)
    except OSError as error:
        raise ConfigurationError(f"--host {host} --port {address.port}: {error.strerror or error}") from error


def _bound_unix(path: Path) -> socket.socket:
    bound = socket.socket(socket.AF_UNIX)
    try:
        if path.exists() and stat.S_ISSOCK(path.stat().st_mode):
            with socket.socket(socket.AF_UNIX) as probe:
                if probe.connect_ex(str(path)) == 0:
                    raise ConfigurationError(f"--uds {str(path)!r}: another process listens there")
            path.unlink()
        before = os.umask(0o177)
        try:
            bound.bind(str(path))
        finally:
            os.umask(before)
        bound.listen(_WAITING)
    except OSError as error:
        bound.close()
        raise ConfigurationError(f"--uds {str(path)!r}: {error.strerror or error}") from error
    except ConfigurationError:
        bound.close()
        raise
    return bound
