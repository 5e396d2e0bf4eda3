"""Changes of users, passwords, tokens and sessions, as the pages and the API make them."""

from __future__ import annotations

from http import HTTPStatus

from tansaku.deploy.web.auth.login import is_own_password
from tansaku.deploy.web.auth.roles import ForbiddenError
from tansaku.deploy.web.auth.tokens import issue_token
from tansaku.deploy.web.errors import ProblemError
from tansaku.deploy.web.services import Services
from tansaku.deploy.web.steering import refuse_others
from tansaku.models.domain.accounts import Actor, ApiToken, Role, User
from tansaku.models.domain.errors import FieldError, NotFoundError
from tansaku.tasks.act.commands.users import Administration, UserChange

LONGEST_TOKEN = 366
"""Longest life of a token [d]."""

LONGEST_LABEL = 100
"""Characters of a token's label."""

_DAY = 86400.0


def administration(services: Services, actor: Actor) -> Administration:
    """Changes of accounts by an actor."""
    return Administration(services.accounts, actor, services.clock)


def whose(actor: Actor) -> str | None:
    """The user whose tokens and sessions an actor may see and end; None: all users."""
    return None if actor.may(Role.ADMIN) else actor.name


def add_user(services: Services, actor: Actor, name: str, role: Role, password: str | None) -> User:
    """Adds a user. Raises FieldError for an invalid name or password."""
    return administration(services, actor).add_user(name, role, _hashed(services, password))


def change_user(
    services: Services, actor: Actor, name: str, *, role: Role | None, disabled: bool | None, password: str | None
) -> User:
    """Changes a user; a new password ends the user's sessions.

    Args:
        role: New role; None: unchanged, as the other values.
        disabled: Whether the user may no longer log in.

    Raises:
        NotFoundError: No such user.
        FieldError: The password cannot be one.
        StoreError: Nobody would be left who may administrate.
    """
    change = UserChange(role, disabled, _hashed(services, password))
    return administration(services, actor).change_user(name, change)


def change_own_password(services: Services, actor: Actor, present: str, new: str) -> None:
    """Changes the password of the user who asks, which ends all of the user's sessions.

    Args:
        present: The present password; any text for a user without one.

    Raises:
        ForbiddenError: A token asks.
        NotFoundError: The user was removed.
        ProblemError: The present password is wrong, or there were too many attempts.
        FieldError: The new one cannot be one.
    """
    user = _own_user(services, actor, "a token cannot change a password; log in with a browser")
    if user.password_hash is not None and not is_own_password(services, actor, present):
        raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, "this is not your present password", key="present")
    change_user(services, actor, user.name, role=None, disabled=None, password=new)


def add_token(services: Services, actor: Actor, label: str, role: Role, days: float) -> tuple[str, ApiToken]:
    """Issues a token for the user who asks.

    Args:
        role: At most that of the user.
        days: How long it is valid [d].

    Returns:
        Its secret, which is stored nowhere, and the token.

    Raises:
        ForbiddenError: A token asks.
        FieldError: The role is more than the user's; the label or the days cannot be accepted.
        NotFoundError: The user was removed.
    """
    if not actor.may(role):
        raise FieldError("role", f"{role} is more than your role {actor.role}")
    if not 0 < len(label) <= LONGEST_LABEL:
        raise FieldError("label", f"it has {len(label)} characters, expected 1 to {LONGEST_LABEL}")
    return _issued(services, actor, label, role, days)


def add_link(services: Services, actor: Actor, base: str, name: str, days: float) -> tuple[str, ApiToken]:
    """Issues a link by which people without an account see a campaign; its user revokes it like a token.

    Args:
        base: Address of the dashboard.
        days: How long it is valid [d].

    Returns:
        The link, whose secret is stored nowhere, and its token.

    Raises:
        ForbiddenError: A token asks, or the actor may not steer the campaign.
        FieldError: The days cannot be accepted.
        NotFoundError: There is no such campaign.
    """
    refuse_others(services, actor, name)
    campaign = services.store.campaign(name).id
    secret, token = _issued(services, actor, f"link to {name}", Role.VIEWER, days, campaign)
    return f"{base.rstrip('/')}/login?next=/campaigns/{name}#token={secret}", token


def links_to(services: Services, campaign: str) -> list[ApiToken]:
    """Returns the tokens of the links to a campaign that have not ended, the newest first.

    Args:
        campaign: Its id.
    """
    now = services.clock()
    return [token for token in services.accounts.tokens() if token.campaign == campaign and token.expires_at > now]


def said_of_revoked(services: Services, token_id: str | None) -> str:
    """Words of a page after a token or link was revoked; empty unless there is none of this id any more."""
    if not token_id or services.accounts.token(token_id) is not None:
        return ""
    return "Revoked: it opens nothing any more."


def revoke_token(services: Services, actor: Actor, token_id: str) -> None:
    """Revokes a token of the actor; an admin may revoke any token. Raises ProblemError if there is none."""
    token = services.accounts.token(token_id)
    if token is None or whose(actor) not in (None, token.user):
        raise ProblemError(HTTPStatus.NOT_FOUND, "no such token")
    administration(services, actor).revoke_token(token)


def end_session(services: Services, actor: Actor, session_id: str) -> None:
    """Ends a session of the actor; an admin may end any session. Raises ProblemError if there is none."""
    session = services.accounts.session(session_id)
    if session is None or whose(actor) not in (None, session.user):
        raise ProblemError(HTTPStatus.NOT_FOUND, "no such session")
    administration(services, actor).end_session(session)


def _issued(
    services: Services, actor: Actor, label: str, role: Role, days: float, campaign: str | None = None
) -> tuple[str, ApiToken]:
    what = "another one" if campaign is None else "a link"
    if not 0 < days <= LONGEST_TOKEN:
        raise FieldError("days", f"{days:g}; expected more than 0 and at most {LONGEST_TOKEN}")
    user = _own_user(services, actor, f"a token cannot issue {what}; log in with a browser")
    secret, token = issue_token(services, user, label, role, days * _DAY, campaign)
    administration(services, actor).added_token(token)
    return secret, token


def _own_user(services: Services, actor: Actor, refusal: str) -> User:
    if actor.session is None and not actor.by_proxy:
        raise ForbiddenError(refusal)
    user = services.accounts.user(actor.name)
    if user is None:
        raise NotFoundError("your user was removed")
    return user


def _hashed(services: Services, password: str | None) -> str | None:
    return None if password is None else services.passwords.hash(password)
