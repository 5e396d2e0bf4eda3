"""The user's own account: password, tokens, sessions; for admins also those of all users."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from tansaku.deploy.web import managing
from tansaku.deploy.web.auth.roles import require
from tansaku.deploy.web.auth.sessions import clear_cookie
from tansaku.deploy.web.errors import ProblemError
from tansaku.deploy.web.forms import form_fields
from tansaku.deploy.web.pages.again import or_again
from tansaku.deploy.web.pages.refused import NOTHING, Form, Refused
from tansaku.deploy.web.pages.rendering import render
from tansaku.deploy.web.services import Services, services_of
from tansaku.models.domain.accounts import Actor, Role
from tansaku.models.domain.errors import FieldError
from tansaku.models.domain.records import JsonDict

router = APIRouter()

Viewer = Annotated[Actor, Depends(require(Role.VIEWER))]
Admin = Annotated[Actor, Depends(require(Role.ADMIN))]

_PAGES = ("/account", "/admin")
_CHANGES: dict[str, dict[str, bool]] = {"disable": {"disabled": True}, "enable": {"disabled": False}}


@router.get("/account")
def account_page(request: Request, actor: Viewer) -> Response:
    """Shows the user's own tokens and sessions."""
    return _account(request, actor)


@router.post("/account/password")
async def change_password(request: Request, actor: Viewer) -> Response:
    """Changes the user's own password, which ends all of the user's sessions."""
    fields, services = await form_fields(request), services_of(request)

    def change() -> Response:
        new = _given(fields.get("new", ""), "new")
        if new != fields.get("again"):
            raise FieldError("again", "it differs from the new password")
        managing.change_own_password(services, actor, fields.get("present", ""), new)
        response = RedirectResponse("/login", HTTPStatus.SEE_OTHER)
        clear_cookie(response, services.settings, services.settings.session_cookie)
        return response

    # The password rules name the key "password", which is the new password here.
    form = Form("password", fields, other="new")
    return await run_in_threadpool(or_again, form, change, lambda refused: _account(request, actor, refused=refused))


@router.post("/account/tokens")
async def add_token(request: Request, actor: Viewer) -> Response:
    """Issues a token, and shows its secret this once."""
    fields = await form_fields(request)

    def add() -> Response:
        role, days = _role(fields), _days(fields.get("days", ""))
        secret, _ = managing.add_token(services_of(request), actor, fields.get("label", "").strip(), role, days)
        # The answer to the form, not a separate page, so that the secret is in no address and no browser history.
        return _account(request, actor, secret)

    form = Form("token", fields)
    return await run_in_threadpool(or_again, form, add, lambda refused: _account(request, actor, refused=refused))


@router.post("/account/tokens/{token_id}/revocation")
async def revoke_token(request: Request, actor: Viewer, token_id: str) -> Response:
    """Revokes a token."""
    await run_in_threadpool(managing.revoke_token, services_of(request), actor, token_id)
    return await _back(request)


@router.post("/account/sessions/{session_id}/end")
async def end_session(request: Request, actor: Viewer, session_id: str) -> Response:
    """Ends a session."""
    await run_in_threadpool(managing.end_session, services_of(request), actor, session_id)
    return await _back(request)


@router.get("/admin")
def admin_page(request: Request, actor: Admin) -> Response:
    """Shows the users, and all tokens and sessions."""
    return _admin(request, actor)


def _admin(request: Request, actor: Actor, refused: Refused = NOTHING) -> Response:
    services = services_of(request)
    accounts = services.accounts
    content = {
        "sites": _sites(services),
        "users": accounts.users(),
        "roles": [role.value for role in Role],
        "tokens": accounts.tokens(),
        "sessions": accounts.sessions(),
        "own_session": actor.session,
        "whose": "all",
        "refused": refused,
    }
    return render(request, "admin.html", content)


@router.post("/admin/users")
async def add_user(request: Request, actor: Admin) -> Response:
    """Adds a user."""
    fields = await form_fields(request)

    def add() -> Response:
        name, role, password = _given(fields.get("name", "").strip(), "name"), _role(fields), fields.get("password") or None
        managing.add_user(services_of(request), actor, name, role, password)
        return RedirectResponse("/admin", HTTPStatus.SEE_OTHER)

    form = Form("add", fields)
    return await run_in_threadpool(or_again, form, add, lambda refused: _admin(request, actor, refused))


@router.post("/admin/users/{name}")
async def change_user(request: Request, actor: Admin, name: str) -> Response:
    """Changes the role or password of a user, disables, enables or removes the user."""
    fields = await form_fields(request)

    def change() -> Response:
        _change_user(services_of(request), actor, name, fields)
        return RedirectResponse("/admin", HTTPStatus.SEE_OTHER)

    form = Form(f"user-{name}", fields)
    return await run_in_threadpool(or_again, form, change, lambda refused: _admin(request, actor, refused))


def _change_user(services: Services, actor: Actor, name: str, fields: Mapping[str, str]) -> None:
    change = fields.get("change", "")
    if change == "remove":
        managing.administration(services, actor).remove_user(name)
    elif change in {"role", "password", *_CHANGES}:
        role = _role(fields) if change == "role" else None
        password = _given(fields.get("password", ""), "password") if change == "password" else None
        disabled = _CHANGES.get(change, {}).get("disabled")
        managing.change_user(services, actor, name, role=role, disabled=disabled, password=password)
    else:
        raise FieldError("change", f"{change!r}; expected role, password, disable, enable or remove")


def _account(request: Request, actor: Actor, secret: str | None = None, refused: Refused = NOTHING) -> Response:
    accounts = services_of(request).accounts
    user = accounts.user(actor.name)
    content = {
        "has_password": user is not None and user.password_hash is not None,
        "roles": [role.value for role in Role if actor.may(role)],
        "tokens": accounts.tokens(actor.name),
        "sessions": accounts.sessions(actor.name),
        "own_session": actor.session,
        "secret": secret,
        "longest": managing.LONGEST_TOKEN,
        "whose": "own",
        "refused": refused,
    }
    return render(request, "account.html", content, status=HTTPStatus.OK if secret is None else HTTPStatus.CREATED)


def _sites(services: Services) -> list[JsonDict]:
    """The sites by name, each with the service that runs its jobs."""
    launcher = services.site.launcher
    folder = launcher.shared_folder or "the home folder of the machine that runs the service"
    return [{"name": name, "launcher": launcher.type, "folder": folder} for name in services.site_names]


async def _back(request: Request) -> Response:
    """Redirects to the page that the form was on: that of the account, or of all accounts."""
    page = (await form_fields(request)).get("page", "")
    return RedirectResponse(page if page in _PAGES else _PAGES[0], HTTPStatus.SEE_OTHER)


def _role(fields: Mapping[str, str]) -> Role:
    text = fields.get("role", "")
    if text not in set(Role):
        raise FieldError("role", f"{text!r}; expected {', '.join(Role)}")
    return Role(text)


def _days(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise FieldError("days", f"{text!r} is not a number") from None


def _given(text: str, key: str) -> str:
    if not text:
        raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, "nothing was entered", key=key)
    return text
