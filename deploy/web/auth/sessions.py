"""Sessions of browsers: a random secret in a cookie, its hash and the expiry in the store."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from starlette.requests import HTTPConnection
from starlette.responses import Response

from tansaku.deploy.web.auth.tokens import new_secret, secret_hash
from tansaku.models.domain.accounts import Actor, Session, User

if TYPE_CHECKING:
    from tansaku.deploy.web.services import Services, WebSettings

_LONGEST_SECRET = 128


def open_session(services: Services, user: User, address: str, previous: str | None) -> str:
    """Stores a new session and ends the browser's previous one, so that a planted cookie is useless.

    Args:
        previous: Secret of the cookie that the browser sent, if any.

    Returns:
        The secret of the new session's cookie.
    """
    if previous is not None:
        end_session(services, previous)
    now = services.clock()
    services.accounts.remove_expired(now)
    secret = new_secret()
    session = Session(
        id=secret_hash(secret),
        user=user.name,
        address=address,
        created_at=now,
        expires_at=now + timedelta(seconds=services.settings.session_seconds),
    )
    services.accounts.add_session(session)
    return secret


def end_session(services: Services, secret: str) -> bool:
    """Ends a session; returns whether there was one."""
    return services.accounts.remove_session(secret_hash(secret[:_LONGEST_SECRET]))


def actor_of_session(services: Services, secret: str, address: str) -> Actor | None:
    """The actor of a session; None if it is unknown or expired, or its user is removed or disabled."""
    if len(secret) > _LONGEST_SECRET:
        return None
    session = services.accounts.session(secret_hash(secret))
    if session is None or session.expires_at <= services.clock():
        return None
    user = services.accounts.user(session.user)
    # A session older than the user belonged to an earlier user of this name.
    if user is None or user.disabled or session.created_at < user.created_at:
        return None
    return Actor(name=user.name, role=user.role, address=address, session=session.id)


def session_secret(connection: HTTPConnection, settings: WebSettings) -> str | None:
    """Secret of the session's cookie that a browser sent."""
    return connection.cookies.get(settings.session_cookie) or None


def set_cookie(response: Response, settings: WebSettings, name: str, secret: str, seconds: float) -> None:
    """Sets a cookie that scripts cannot read and that requests of other sites do not carry.

    Args:
        name: Of the cookie, with its prefix.
        secret: Its value.
        seconds: Time until the browser forgets it [s].
    """
    response.set_cookie(name, secret, max_age=round(seconds), path="/", secure=settings.secure, httponly=True, samesite="lax")


def clear_cookie(response: Response, settings: WebSettings, name: str) -> None:
    """Deletes a cookie in the browser."""
    response.delete_cookie(name, path="/", secure=settings.secure, httponly=True, samesite="lax")
