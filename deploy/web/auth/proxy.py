"""Sign-on by a reverse proxy, which names the user in a header. Off unless the site file has ``web.proxy``.

Any client can send a header. Therefore it is accepted only on a unix socket, to which only this user may connect, or with the
secret that the proxy shares with the server; otherwise a request with the header is refused.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING

from starlette.requests import Request

from tansaku.models.domain.accounts import Actor, Role, User
from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.secret_variables import PROXY_SECRET_VARIABLE
from tansaku.models.domain.specs.web import ProxySpec

if TYPE_CHECKING:
    from tansaku.deploy.web.services import Services

SHORTEST_SECRET = 16
"""Characters of the secret that the proxy and the server share."""

_LONGEST_NAME = 64


class SignOnError(Exception):
    """The proxy's statement is refused.

    Args:
        message: Why, for the user.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


def check_sign_on(services: Services) -> None:
    """Refuses a site file that would let any client choose its user.

    Raises:
        ConfigurationError: With what to do about it.
    """
    if services.site.web.proxy is None:
        return
    secret = services.settings.proxy_secret
    if secret is None and not services.settings.unix_socket:
        raise ConfigurationError(
            "web.proxy: without a secret whoever can connect to the port could name any user",
            hint=f"listen on --uds, or set {PROXY_SECRET_VARIABLE}_FILE and let the proxy send the same secret",
        )
    if secret is not None and len(secret.get_secret_value()) < SHORTEST_SECRET:
        raise ConfigurationError(f"{PROXY_SECRET_VARIABLE}: expected at least {SHORTEST_SECRET} characters")


def actor_of_proxy(services: Services, request: Request, address: str) -> Actor | None:
    """The user whom the proxy names.

    Returns:
        The actor; None if sign-on is off, or the proxy names nobody.

    Raises:
        SignOnError: The request does not come from the proxy, or the user is unknown, disabled, or has no role.
    """
    proxy = services.site.web.proxy
    if proxy is None:
        return None
    names = request.headers.getlist(proxy.user_header)
    if not names:
        return None
    if not _comes_from_proxy(services, proxy, request):
        raise SignOnError(f"the header {proxy.user_header} is accepted from the proxy only")
    if len(names) > 1:
        raise SignOnError(f"the header {proxy.user_header} comes {len(names)} times; the proxy must replace what clients send")
    name = names[0].strip()
    if not name:
        return None
    user = services.accounts.user(name[:_LONGEST_NAME])
    if user is None or user.name != name:
        raise SignOnError(
            f"the proxy logged you in as {name[:_LONGEST_NAME]!r}, who is not a user here; an admin can add users"
        )
    if user.disabled:
        raise SignOnError(f"user {name!r} is disabled")
    return Actor(name=user.name, role=_role(proxy, request, user), address=address, by_proxy=True)


def form_secret(services: Services, actor: Actor) -> str:
    """Secret to which the forms of a user without a session are bound; new at each start of the server."""
    return hmac.new(services.settings.form_key.encode(), actor.name.encode(), hashlib.sha256).hexdigest()


def _comes_from_proxy(services: Services, proxy: ProxySpec, request: Request) -> bool:
    secret = services.settings.proxy_secret
    if secret is None:
        return services.settings.unix_socket
    given = request.headers.getlist(proxy.secret_header)
    return len(given) == 1 and hmac.compare_digest(given[0].encode("latin-1"), secret.get_secret_value().encode())


def _role(proxy: ProxySpec, request: Request, user: User) -> Role:
    """The highest role of the user's groups; without a header for groups, the stored one."""
    if proxy.groups_header is None:
        return user.role
    groups = {group.strip() for value in request.headers.getlist(proxy.groups_header) for group in value.split(",")}
    roles = [Role(role) for group, role in proxy.roles.items() if group in groups]
    if not roles:
        raise SignOnError(f"user {user.name!r}: none of the groups that the proxy names has a role here")
    return max(roles, key=list(Role).index)
