"""Access control of the Prefect server: anyone who can use it can run code as the service's user."""

from __future__ import annotations

import ipaddress
import ssl

import httpx
from prefect.settings import get_current_settings

from tansaku.models.domain.errors import ConfigurationError

_ASKED = "/admin/version"  # a server with a password rejects this request without it, while `/health` is always answered
_TIMEOUT = 30.0
_REMEDY = "set PREFECT_SERVER_API_AUTH_STRING=USER:PASSWORD for the server, and PREFECT_API_AUTH_STRING for its clients"


def is_loopback(host: str) -> bool:
    """Returns whether a host name, judged by the name alone, can only mean this machine."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def answers_without_password(url: str) -> bool:
    """Returns whether the API answers requests without credentials; a proxy that requires some counts as a password.

    Args:
        url: Address of the API, like PREFECT_API_URL.

    Raises:
        httpx.TransportError: There is no answer.
    """
    settings = get_current_settings().api
    verify: bool | ssl.SSLContext = False
    if not settings.tls_insecure_skip_verify:
        verify = ssl.create_default_context(cafile=settings.ssl_cert_file or None)
    address = httpx.URL(url).copy_with(userinfo=b"")
    with httpx.Client(verify=verify, timeout=_TIMEOUT) as client:
        answer = client.get(str(address).rstrip("/") + _ASKED)
    if answer.status_code >= httpx.codes.INTERNAL_SERVER_ERROR:
        raise httpx.ReadError(f"status {answer.status_code}", request=answer.request)
    return answer.is_success


def check_access(url: str) -> str | None:
    """Rejects a server that answers requests from other machines without a password.

    Returns:
        A warning for a server that answers every user of this machine without a password.

    Raises:
        ConfigurationError: It needs no password and is not on loopback.
        httpx.TransportError: There is no answer.
    """
    if not answers_without_password(url):
        return None
    host = httpx.URL(url).host
    if not is_loopback(host):
        raise ConfigurationError(
            f"PREFECT_API_URL: the server at {host!r} answers without a password, so anyone who can reach it can run code as"
            " this user; expected a server with a password or on loopback",
            hint=_REMEDY,
        )
    return f"the Prefect server has no password: every user of this machine can run code as this user; {_REMEDY}"
