"""Addresses and tokens: what a connection needs, checked before anything is sent."""

from __future__ import annotations

import ipaddress
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from tansaku_client.coroutines import AsyncServer
from tansaku_client.errors import ConfigurationError
from tansaku_client.server import Server

TOKEN = "TANSAKU_TOKEN"  # noqa: S105 - the name of a variable
TOKEN_FILE = "TANSAKU_TOKEN_FILE"  # noqa: S105 - the name of a variable
PATIENCE = 30.0
"""Time for which a request is repeated while the server does not answer [s]."""


@dataclass(frozen=True)
class Connection:
    """A checked address, and what is sent with every request.

    Attributes:
        base: Address of the API.
        headers: Of every request.
        timeout: Of one request [s].
    """

    base: str
    headers: dict[str, str]
    timeout: float = 60.0


def connect(
    address: str,
    *,
    token: str | None = None,
    insecure: bool = False,
    patience: float = PATIENCE,
    transport: httpx.BaseTransport | None = None,
) -> Server:
    """Connects to a dashboard.

    Args:
        address: As ``https://host``; ``http://`` only of this machine.
        token: Of the dashboard's account page; None: of the variable TANSAKU_TOKEN, or of the file that
            TANSAKU_TOKEN_FILE names, which only its owner may read.
        insecure: Whether the token may be sent over ``http://`` to another machine, where anybody on the way can read it.
        patience: How long a request is repeated while the server does not answer [s].
        transport: Sends requests in another way.

    Raises:
        ConfigurationError: The address or the token cannot be used.
    """
    found = _connection(address, token, insecure)
    client = httpx.Client(base_url=found.base, headers=found.headers, timeout=found.timeout, transport=transport)
    return Server(client, patience)


def connect_async(
    address: str,
    *,
    token: str | None = None,
    insecure: bool = False,
    patience: float = PATIENCE,
    transport: httpx.AsyncBaseTransport | None = None,
) -> AsyncServer:
    """Does the same as :func:`connect` for coroutines."""
    found = _connection(address, token, insecure)
    client = httpx.AsyncClient(base_url=found.base, headers=found.headers, timeout=found.timeout, transport=transport)
    return AsyncServer(client, patience)


def _connection(address: str, token: str | None, insecure: bool) -> Connection:
    wrong = ConfigurationError(f"server: {_without_secret(str(address))}; expected https://HOST")
    try:
        parts = urlsplit(str(address))
        parts.port  # noqa: B018 - raises where it is no number
    except ValueError as error:
        raise wrong from error
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username is not None:
        raise wrong
    if parts.scheme == "http" and not insecure and not _is_this_machine(parts.hostname):
        raise ConfigurationError(
            f"server: http://{parts.hostname} would send the token unencrypted; expected https://, or insecure=True"
        )
    secret = _given_token() if token is None else token
    if not isinstance(secret, str) or not secret or not secret.isascii() or not secret.isprintable() or " " in secret:
        raise ConfigurationError(f"token: expected one of the dashboard, in {TOKEN}, or in a file that {TOKEN_FILE} names")
    base = f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}/api/v1"
    return Connection(base, {"Authorization": f"Bearer {secret}", "Accept": "application/json, */*"})


def _without_secret(address: str) -> str:
    """The address without a password in it."""
    return repr(address.rpartition("@")[2])


def _is_this_machine(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _given_token() -> str:
    """The token of the environment, or of the file that it names. Raises ConfigurationError for one that others may read."""
    path = os.environ.get(TOKEN_FILE)
    if path is None:
        return os.environ.get(TOKEN, "")
    try:
        with Path(path).open(encoding="utf-8") as file:
            if os.fstat(file.fileno()).st_mode & (stat.S_IRWXG | stat.S_IRWXO):
                raise ConfigurationError(f"{TOKEN_FILE}: others may read {path}; `chmod 600` it")
            return file.read().strip()
    except OSError as error:
        raise ConfigurationError(f"{TOKEN_FILE}: {path} cannot be read: {error.strerror}") from error
