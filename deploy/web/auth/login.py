"""Logging in: by name and password, by a token, or by a link that works once. Refusals do not reveal which users exist."""

from __future__ import annotations

import logging
import math
from http import HTTPStatus
from typing import TYPE_CHECKING

from tansaku.deploy.web.auth.passwords import BusyError
from tansaku.deploy.web.auth.tokens import user_of_login_link
from tansaku.deploy.web.errors import ProblemError
from tansaku.models.domain.accounts import User

if TYPE_CHECKING:
    from tansaku.deploy.web.services import Services

_LOG = logging.getLogger(__name__)
REFUSED = "wrong name, password or token"
LINK_REFUSED = (
    "this login link does not work: it was used already, or is older than 15 minutes, or is not complete. "
    "Each link logs in once; `tansaku web login-link USER` prints another one"
)


def user_by_password(services: Services, name: str, password: str, address: str) -> User:
    """The user of a name and password.

    Args:
        name: As it was entered.
        password: As it was entered.
        address: Address of the request.

    Raises:
        ProblemError: Wrong, unknown or disabled, which all give the same answer; or too many attempts.
        BusyError: Too many logins at once.
    """
    _admit(services, name, address)
    user = services.accounts.user(name)
    stored = None if user is None or user.disabled else user.password_hash
    try:
        matches = services.passwords.verify(stored, password)
    except BusyError:
        services.limiter.withdraw(name, address)
        raise
    if not matches or user is None:
        raise _refused(address)
    services.limiter.withdraw(name, address)
    return user


def user_by_link(services: Services, secret: str, address: str) -> User:
    """The user of a login link, which is used up. Raises as :func:`user_by_password`."""
    _admit(services, "", address)
    user = user_of_login_link(services, secret)
    if user is None:
        raise _refused(address, LINK_REFUSED)
    services.limiter.withdraw("", address)
    return user


def _admit(services: Services, name: str, address: str) -> None:
    wait = services.limiter.admit(name, address)
    if wait > 0:
        detail = f"too many wrong attempts; try again in {math.ceil(wait)} s"
        raise ProblemError(HTTPStatus.TOO_MANY_REQUESTS, detail, retry_after=wait)


def _refused(address: str, detail: str = REFUSED) -> ProblemError:
    # Without the name: people type their password into the wrong field.
    _LOG.warning("login refused from %s", address)
    return ProblemError(HTTPStatus.UNAUTHORIZED, detail)
