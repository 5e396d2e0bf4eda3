"""Random secrets of which only the hash is stored: API tokens and links that log in once."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from datetime import timedelta
from typing import TYPE_CHECKING

from tansaku.models.domain.accounts import Actor, ApiToken, LoginLink, Role, User

if TYPE_CHECKING:
    from tansaku.deploy.web.services import Services

TOKEN_PREFIX = "tsk_"  # noqa: S105 - marks a token so that secret scanners find it, is no secret itself
_SECRET_BYTES = 32
_SALT_BYTES = 16
_LONGEST_SECRET = 128
_LINK_SECONDS = 900.0
_CSRF = b"tansaku form token"


def new_secret() -> str:
    """A random secret of 256 bits."""
    return secrets.token_urlsafe(_SECRET_BYTES)


def secret_hash(secret: str) -> str:
    """The hash under which a secret is stored."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def form_token(secret: str) -> str:
    """Token of the forms of a session or login page: from its secret, so that it need not be stored.

    It differs each time, because pages are compressed and a constant token could be guessed from their sizes (BREACH).

    Args:
        secret: Value of the cookie.
    """
    salt = secrets.token_hex(_SALT_BYTES)
    return salt + _form_code(salt, secret)


def is_form_token(given: str, secret: str) -> bool:
    """Returns whether a token belongs to the secret of a cookie."""
    salt, code = given[: 2 * _SALT_BYTES], given[2 * _SALT_BYTES :]
    return hmac.compare_digest(code.encode("utf-8", "surrogatepass"), _form_code(salt, secret).encode())


def _form_code(salt: str, secret: str) -> str:
    message = _CSRF + salt.encode("utf-8", "surrogatepass")
    return hmac.new(secret.encode("utf-8", "surrogatepass"), message, hashlib.sha256).hexdigest()


def issue_token(
    services: Services, user: User, label: str, role: Role, seconds: float, campaign: str | None = None
) -> tuple[str, ApiToken]:
    """Stores a new API token.

    Args:
        role: What it allows, at most what the user may.
        seconds: Time until it expires [s].
        campaign: Id of the campaign that it shows, and nothing else.

    Returns:
        The secret, which cannot be shown again, and the record.
    """
    secret, now = TOKEN_PREFIX + new_secret(), services.clock()
    token = ApiToken(
        id=secret_hash(secret),
        user=user.name,
        label=label,
        role=role,
        created_at=now,
        expires_at=now + timedelta(seconds=seconds),
        campaign=campaign,
    )
    services.accounts.add_token(token)
    return secret, token


def actor_of_token(services: Services, secret: str, address: str) -> Actor | None:
    """The actor of a token; None if it is unknown or expired, or its user is removed or disabled."""
    if not secret.startswith(TOKEN_PREFIX) or len(secret) > _LONGEST_SECRET:
        return None
    token = services.accounts.token(secret_hash(secret))
    if token is None or token.expires_at <= services.clock():
        return None
    user = services.accounts.user(token.user)
    # A token older than the user belonged to an earlier user of this name.
    if user is None or user.disabled or token.created_at < user.created_at:
        return None
    role = token.role if user.role.includes(token.role) else user.role
    return Actor(name=user.name, role=role, address=address, campaign=token.campaign)


def issue_login_link(services: Services, user: str) -> str:
    """Stores a login link of a user for 15 minutes; returns its secret."""
    secret = new_secret()
    expires = services.clock() + timedelta(seconds=_LINK_SECONDS)
    services.accounts.add_login_link(LoginLink(id=secret_hash(secret), user=user, expires_at=expires))
    return secret


def user_of_login_link(services: Services, secret: str) -> User | None:
    """Consumes a login link; returns its user, or None if it is unknown, used, expired, or the user is disabled."""
    link = services.accounts.take_login_link(secret_hash(secret[:_LONGEST_SECRET]))
    if link is None or link.expires_at <= services.clock():
        return None
    user = services.accounts.user(link.user)
    return None if user is None or user.disabled else user
