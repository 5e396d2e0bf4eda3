"""The login page, and the forms that begin and end a session."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from tansaku.deploy.web.auth.devices import remember_device
from tansaku.deploy.web.auth.login import LINK_ENDED, user_by_link, user_by_password
from tansaku.deploy.web.auth.roles import ForbiddenError, Viewer, check_form_token, client_address
from tansaku.deploy.web.auth.sessions import actor_of_session, clear_cookie, open_session, session_secret, set_cookie
from tansaku.deploy.web.auth.tokens import actor_of_token, form_token, new_secret
from tansaku.deploy.web.errors import ProblemError
from tansaku.deploy.web.forms import form_fields
from tansaku.deploy.web.pages.rendering import render
from tansaku.deploy.web.services import services_of
from tansaku.models.domain.accounts import Actor, User
from tansaku.tasks.act.commands.audit import Change, record_change
from tansaku.tasks.act.commands.users import Administration

router = APIRouter()

_FORM_SECONDS = 3600.0


@router.get("/login")
def login_page(request: Request) -> Response:
    """Asks for a name and password, or a token; says once that the link ended which the browser followed before."""
    goal, settings = request.query_params.get("next", "/"), services_of(request).settings
    link = request.cookies.get(settings.link_cookie)
    if not link or actor_of_token(services_of(request), link, client_address(request)) is not None:
        return _form(request, HTTPStatus.OK, "", goal)
    page = _form(request, HTTPStatus.OK, LINK_ENDED, goal)
    clear_cookie(page, settings, settings.link_cookie)
    return page


@router.post("/session")
async def log_in(request: Request) -> Response:
    """Begins a session."""
    services = services_of(request)
    bound = request.cookies.get(services.settings.login_cookie)
    if not bound:
        return await run_in_threadpool(
            _form, request, HTTPStatus.FORBIDDEN, "the browser sent no cookie; allow cookies for this page, then try again"
        )
    fields = await form_fields(request)
    goal = fields.get("next", "/")
    try:
        await check_form_token(request, bound)
    except ForbiddenError as error:
        return await run_in_threadpool(_form, request, HTTPStatus.FORBIDDEN, error.message, goal)
    link = fields.get("token", "").strip()
    shown = await run_in_threadpool(actor_of_token, services, link, client_address(request))
    if shown is not None and shown.campaign is not None:
        response = RedirectResponse(local_path(goal), HTTPStatus.SEE_OTHER)
        set_cookie(response, services.settings, services.settings.link_cookie, link, services.settings.session_seconds)
        return response
    try:
        user = await _user_of(request, fields)
    except ProblemError as error:
        page = await run_in_threadpool(_form, request, error.status, error.detail, goal)
        page.headers.update(error.headers)
        return page
    secret = await run_in_threadpool(begin_session, request, user)
    response = RedirectResponse(local_path(goal), HTTPStatus.SEE_OTHER)
    set_session(request, response, user, secret)
    return response


@router.post("/logout")
def log_out(request: Request, actor: Viewer) -> Response:
    """Ends the session."""
    services = services_of(request)
    finish_session(request, actor)
    response = RedirectResponse("/login", HTTPStatus.SEE_OTHER)
    clear_cookie(response, services.settings, services.settings.session_cookie)
    return response


def begin_session(request: Request, user: User) -> str:
    """Stores a session and its audit entry; returns the cookie's secret."""
    services = services_of(request)
    address = client_address(request)
    secret = open_session(services, user, address, session_secret(request, services.settings))
    actor = Actor(name=user.name, role=user.role, address=address)
    record_change(services.accounts, actor, Change("session.begin", f"user:{user.name}"), services.clock())
    return secret


def finish_session(request: Request, actor: Actor) -> None:
    """Ends the session of a request, if it has one."""
    services = services_of(request)
    session = None if actor.session is None else services.accounts.session(actor.session)
    if session is not None:
        Administration(services.accounts, actor, services.clock).end_session(session)


def set_session(request: Request, response: Response, user: User, secret: str) -> None:
    """Sets the cookies of a session and of the user's device, and deletes that of the login form."""
    settings = services_of(request).settings
    set_cookie(response, settings, settings.session_cookie, secret, settings.session_seconds)
    remember_device(request, response, user)
    clear_cookie(response, settings, settings.login_cookie)


def local_path(address: str) -> str:
    """The address if it is a path on this server, else the home page, so that a login never leads to another site."""
    usual = address.startswith("/") and not address.startswith(("//", "/\\"))
    return address if usual and address.isascii() and address.isprintable() and "\\" not in address else "/"


async def _user_of(request: Request, fields: Mapping[str, str]) -> User:
    token = fields.get("token", "").strip()
    if token:
        return await run_in_threadpool(user_by_link, services_of(request), token, client_address(request))
    return await user_by_password(request, fields.get("name", "").strip(), fields.get("password", ""))


def _known(request: Request) -> str | None:
    """Returns the user who is logged in with this browser already; None: no user."""
    services = services_of(request)
    secret = session_secret(request, services.settings)
    actor = None if secret is None else actor_of_session(services, secret, client_address(request))
    return None if actor is None else actor.name


def _form(request: Request, status: HTTPStatus, message: str, goal: str = "/") -> Response:
    settings = services_of(request).settings
    secret = request.cookies.get(settings.login_cookie) or new_secret()
    content = {"message": message, "login_token": form_token(secret), "next": local_path(goal), "known": _known(request)}
    response = render(request, "login.html", content, status=status)
    set_cookie(response, settings, settings.login_cookie, secret, _FORM_SECONDS)
    return response
