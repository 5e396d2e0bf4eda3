"""Access control of routes: ``require(Role.VIEWER)`` identifies the user and refuses users without the role."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Annotated

from fastapi import Depends
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from tansaku.deploy.web.auth.proxy import SignOnError, actor_of_proxy, form_secret
from tansaku.deploy.web.auth.sessions import actor_of_session, session_secret
from tansaku.deploy.web.auth.tokens import actor_of_token, form_token, is_form_token
from tansaku.deploy.web.forms import form_fields
from tansaku.deploy.web.middleware import SAFE_METHODS
from tansaku.deploy.web.services import services_of
from tansaku.models.domain.accounts import Actor, Role
from tansaku.models.domain.errors import NotFoundError
from tansaku.tasks.act.checks.sight import sees_campaign

if TYPE_CHECKING:
    from tansaku.deploy.web.services import Services

TOKEN_HEADER = "X-CSRF-Token"  # noqa: S105 - name of a header
TOKEN_FIELD = "csrf_token"  # noqa: S105 - name of a form's field


class UnauthenticatedError(Exception):
    """Nobody is logged in."""


class ForbiddenError(Exception):
    """The request is refused: the role is too low, or the form's token is missing.

    Args:
        message: Why.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class Requires:
    """A dependency that returns the actor, if the role suffices; see :func:`require`.

    Args:
        role: The lowest role that may use the route.
    """

    def __init__(self, role: Role) -> None:
        self.role = role

    async def __call__(self, request: Request) -> Actor:
        """Finds out who asks.

        Raises:
            UnauthenticatedError: Nobody is logged in.
            ForbiddenError: The role is too low, a form comes without its token, a proxy names nobody who may log in, or a link
                shows another campaign.
            NotFoundError: The route is about a campaign in a private project of others.
        """
        services = services_of(request)
        try:
            actor, secret = await run_in_threadpool(_identify, services, request)
        except SignOnError as error:
            raise ForbiddenError(error.message) from error
        if actor is None:
            raise UnauthenticatedError
        if actor.campaign is not None:
            await run_in_threadpool(_check_link, services, request, actor.campaign)
        request.state.actor = actor
        request.state.form_token = None if secret is None else form_token(secret)
        # A browser sends its cookie, or the proxy's header, automatically; a token is sent only by a program that has it.
        if secret is not None and request.method not in SAFE_METHODS:
            await check_form_token(request, secret)
        if not actor.may(self.role):
            raise ForbiddenError(f"this needs the role {self.role}; you have the role {actor.role}")
        # Last: until here all is the same for a campaign that is not stored.
        await run_in_threadpool(_check_sight, services, request, actor)
        return actor


@cache
def require(role: Role) -> Requires:
    """The dependency for a route, which gives its actor."""
    return Requires(role)


Viewer = Annotated[Actor, Depends(require(Role.VIEWER))]
Operator = Annotated[Actor, Depends(require(Role.OPERATOR))]
Admin = Annotated[Actor, Depends(require(Role.ADMIN))]
"""The actor of a route that needs a role at least."""


async def check_form_token(request: Request, secret: str) -> None:
    """Raises ForbiddenError unless a request carries the token of the cookie's secret, in a header or a form's field."""
    given = request.headers.get(TOKEN_HEADER)
    if given is None:
        given = (await form_fields(request)).get(TOKEN_FIELD, "")
    if not is_form_token(given, secret):
        raise ForbiddenError("the form is outdated or comes from elsewhere; reload the page and try again")


def client_address(request: Request) -> str:
    """Returns the address of a request's sender; ``local`` for a unix socket."""
    return request.client.host if request.client is not None and request.client.host else "local"


def _identify(services: Services, request: Request) -> tuple[Actor | None, str | None]:
    """The actor, and the secret to which forms are bound if the browser has a session or comes from the proxy."""
    address = client_address(request)
    signed_on = actor_of_proxy(services, request, address)
    given = request.headers.get("Authorization")
    scheme, _, token = (given or "").partition(" ")
    if scheme.lower() == "bearer":
        return actor_of_token(services, token.strip(), address), None
    if signed_on is not None:
        return signed_on, form_secret(services, signed_on)
    if given is not None:
        return None, None
    secret = session_secret(request, services.settings)
    found = None if secret is None else actor_of_session(services, secret, address)
    link = request.cookies.get(services.settings.link_cookie)
    if found is None and link:
        found, secret = actor_of_token(services, link, address), None
        if found is not None and found.campaign is None:  # a token that is no link is never sent as a cookie
            found = None
    return found, secret


def campaign_of(request: Request) -> str | None:
    """Name of the campaign that a route is about, in pages and in the API; None: it is about no campaign."""
    path = getattr(request.scope.get("route"), "path", "")
    return request.path_params.get("name") if path.removeprefix("/api/v1").startswith("/campaigns/{name}") else None


def _check_sight(services: Services, request: Request, actor: Actor) -> None:
    """Raises NotFoundError, as for a campaign that is not stored, for one that the actor may not see."""
    name = campaign_of(request)
    if name is None or actor.may(Role.ADMIN):
        return
    try:
        identifier = services.store.campaign_id(name)
    except NotFoundError:
        return  # what the route says of a campaign that is not stored
    if not sees_campaign(services.accounts, actor, identifier):
        raise NotFoundError(f"no campaign {name!r} is stored")


def _check_link(services: Services, request: Request, campaign: str) -> None:
    """Raises ForbiddenError unless a request only reads the campaign that a link shows."""
    name = campaign_of(request)
    try:
        request.state.only_campaign = shown = services.store.campaign_of(campaign).name
    except NotFoundError:
        raise NotFoundError("the campaign of this link was deleted") from None
    reads = request.method in SAFE_METHODS and not request.scope["route"].path.endswith("/audit")
    if not reads or name != shown:
        raise ForbiddenError("this link shows one campaign alone; log in to see more")
