"""Logging in: by name and password, or by a link that works once. Refusals do not reveal which users exist."""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from tansaku.deploy.web.auth.devices import device_of
from tansaku.deploy.web.auth.limits import INTERVAL, PLACE_KEPT, network_of
from tansaku.deploy.web.auth.roles import client_address
from tansaku.deploy.web.auth.tokens import TOKEN_PREFIX, user_of_login_link
from tansaku.deploy.web.errors import ProblemError
from tansaku.deploy.web.services import services_of
from tansaku.models.domain.accounts import Actor, User

if TYPE_CHECKING:
    from tansaku.deploy.web.services import Services

_LOG = logging.getLogger(__name__)
_KNOWN = -1.0
"""Rank of a device or a user that is known: before all addresses."""

REFUSED = "wrong name, password or token"
LINK_REFUSED = (
    "this login link does not work: it was used already, or is older than 15 minutes, or is not complete. "
    "Each link logs in once; `tansaku web login-link USER` prints another one"
)
LINK_ENDED = "This link was revoked or has ended. Ask the person who sent it for a new one."
"""Words for people whose read-only link shows nothing any more."""

TOO_MANY = f"too many wrong attempts from here; try again in {INTERVAL:g} s: your turn is kept for {PLACE_KEPT:g} s"


async def user_by_password(request: Request, name: str, password: str) -> User:
    """The user of a name and password, when their turn has come.

    Args:
        name: As it was entered.

    Raises:
        ProblemError: Wrong, unknown or disabled, which all give the same answer; or too many attempts.
        BusyError: Too many logins at once.
    """
    services, address = services_of(request), client_address(request)
    device = await run_in_threadpool(device_of, services, request, name)
    asker = f"device {device}" if device is not None else network_of(address)
    if not await services.limiter.turn(asker, f"{name}\0{password}"):
        raise _too_many()
    rank = services.limiter.wrong(asker) if device is None else _KNOWN
    user = await run_in_threadpool(_verified, services, name, password, asker, rank)
    if user is None:
        raise _refused(address)
    return user


def is_own_password(services: Services, actor: Actor, password: str) -> bool:
    """Returns whether a password is that of a user who is logged in, whose attempts count apart from those to log in.

    Raises as :func:`user_by_password`.
    """
    asker = f"user {actor.name}"
    if not services.limiter.admit(asker):
        raise _too_many()
    return _verified(services, actor.name, password, asker, _KNOWN) is not None


def user_by_link(services: Services, secret: str, address: str) -> User:
    """The user of a login link, which is used up. Nobody can guess one, as with tokens: attempts are not limited.

    Raises:
        ProblemError: There is no such link, or its user is disabled.
    """
    user = user_of_login_link(services, secret)
    if user is None:
        # Where a secret is a token's, no login link was meant.
        raise _refused(address, LINK_ENDED if secret.startswith(TOKEN_PREFIX) else LINK_REFUSED)
    return user


def _verified(services: Services, name: str, password: str, asker: str, rank: float) -> User | None:
    """The user of a name and password; None if they are wrong. An attempt of the asker counts unless they are right.

    Where too many hash at once, devices come first, then those with few wrong attempts: many addresses that guess do not keep
    another one's password from being looked at.
    """
    user = services.accounts.user(name)
    stored = None if user is None or user.disabled else user.password_hash
    if not services.passwords.verify(stored, password, rank) or user is None:
        return None
    services.limiter.withdraw(asker)
    return user


def _too_many() -> ProblemError:
    return ProblemError(HTTPStatus.TOO_MANY_REQUESTS, TOO_MANY, retry_after=INTERVAL)


def _refused(address: str, detail: str = REFUSED) -> ProblemError:
    # Without the name: people type their password into the wrong field.
    _LOG.warning("login refused from %s", address)
    return ProblemError(HTTPStatus.UNAUTHORIZED, detail)
