"""The user's own account: password, tokens, sessions; for admins also those of all users."""

from __future__ import annotations

from http import HTTPStatus

from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from tansaku.deploy.web import managing
from tansaku.deploy.web.auth.roles import Admin, Viewer
from tansaku.deploy.web.auth.sessions import clear_cookie
from tansaku.deploy.web.errors import ProblemError
from tansaku.deploy.web.forms import form_fields
from tansaku.deploy.web.pages.again import Forms, Sent
from tansaku.deploy.web.pages.formats import campaign_address
from tansaku.deploy.web.pages.refused import NOTHING, Form, Refused
from tansaku.deploy.web.pages.rendering import render
from tansaku.deploy.web.services import Services, services_of
from tansaku.models.domain.accounts import Actor, Role
from tansaku.models.domain.errors import FieldError
from tansaku.models.domain.identifiers import is_name
from tansaku.models.domain.records import JsonDict

router = APIRouter()


_PAGES = ("/account", "/admin")
_CHANGES: dict[str, dict[str, bool]] = {"disable": {"disabled": True}, "enable": {"disabled": False}}

own_forms = Forms(router, Role.VIEWER, lambda sent, refused: _account(sent.request, sent.actor, refused=refused))
all_forms = Forms(router, Role.ADMIN, lambda sent, refused: _admin(sent.request, sent.actor, refused))


@router.get("/account")
def account_page(request: Request, actor: Viewer, revoked: str = "") -> Response:
    """Shows the user's own tokens and sessions."""
    return _account(request, actor, revoked=revoked)


# The password rules name the key "password", which is the new password here.
@own_forms.post("/account/password", lambda sent: Form("password", sent.fields, other="new"))
def change_password(sent: Sent) -> Response:
    """Changes the user's own password, which ends all of the user's sessions."""
    new = _given(sent.text("new"), "new")
    if new != sent.text("again"):
        raise FieldError("again", "it differs from the new password")
    managing.change_own_password(sent.services, sent.actor, sent.text("present"), new)
    response = RedirectResponse("/login", HTTPStatus.SEE_OTHER)
    clear_cookie(response, sent.services.settings, sent.services.settings.session_cookie)
    return response


@own_forms.post("/account/tokens", "token")
def add_token(sent: Sent) -> Response:
    """Issues a token, and shows its secret this once."""
    role, days = _role(sent.text("role")), _days(sent.text("days"))
    secret, _ = managing.add_token(sent.services, sent.actor, sent.text("label").strip(), role, days)
    # The answer to the form, not a separate page, so that the secret is in no address and no browser history.
    return _account(sent.request, sent.actor, secret)


@router.post("/account/tokens/{token_id}/revocation")
async def revoke_token(request: Request, actor: Viewer, token_id: str) -> Response:
    """Revokes a token."""
    await run_in_threadpool(managing.revoke_token, services_of(request), actor, token_id)
    return await _back(request, f"?revoked={token_id}")


@router.post("/account/sessions/{session_id}/end")
async def end_session(request: Request, actor: Viewer, session_id: str) -> Response:
    """Ends a session."""
    await run_in_threadpool(managing.end_session, services_of(request), actor, session_id)
    return await _back(request)


@router.get("/admin")
def admin_page(request: Request, actor: Admin, revoked: str = "") -> Response:
    """Shows the users, and all tokens and sessions."""
    return _admin(request, actor, revoked=revoked)


def _admin(request: Request, actor: Actor, refused: Refused = NOTHING, revoked: str = "") -> Response:
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
        "said": managing.said_of_revoked(services, revoked),
        "refused": refused,
    }
    return render(request, "admin.html", content)


@all_forms.post("/admin/users", "add")
def add_user(sent: Sent) -> str:
    """Adds a user."""
    name, role = _given(sent.text("name").strip(), "name"), _role(sent.text("role"))
    managing.add_user(sent.services, sent.actor, name, role, sent.text("password") or None)
    return "/admin"


@all_forms.post("/admin/users/{name}", lambda sent: Form(f"user-{sent.at()}", sent.fields))
def change_user(sent: Sent) -> str:
    """Changes the role or password of a user, disables, enables or removes the user."""
    change, name = sent.text("change"), sent.at()
    if change == "remove":
        managing.administration(sent.services, sent.actor).remove_user(name)
    elif change in {"role", "password", *_CHANGES}:
        role = _role(sent.text("role")) if change == "role" else None
        password = _given(sent.text("password"), "password") if change == "password" else None
        disabled = _CHANGES.get(change, {}).get("disabled")
        managing.change_user(sent.services, sent.actor, name, role=role, disabled=disabled, password=password)
    else:
        raise FieldError("change", f"{change!r}; expected role, password, disable, enable or remove")
    return "/admin"


def _account(
    request: Request, actor: Actor, secret: str | None = None, refused: Refused = NOTHING, revoked: str = ""
) -> Response:
    services = services_of(request)
    accounts = services.accounts
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
        "said": managing.said_of_revoked(services, revoked),
        "refused": refused,
    }
    return render(request, "account.html", content, status=HTTPStatus.OK if secret is None else HTTPStatus.CREATED)


def _sites(services: Services) -> list[JsonDict]:
    """The sites by name, each with the service that runs its jobs."""
    launcher = services.site.launcher
    folder = launcher.shared_folder or "the home folder of the machine that runs the service"
    return [{"name": name, "launcher": launcher.type, "folder": folder} for name in services.site_names]


async def _back(request: Request, query: str = "") -> Response:
    """Redirects to the page that the form was on: that of the account, of all accounts, or of a campaign."""
    page = (await form_fields(request)).get("page", "")
    name = page.removeprefix(campaign_address(""))
    known = page in _PAGES or (name != page and is_name(name))
    return RedirectResponse((page if known else _PAGES[0]) + query, HTTPStatus.SEE_OTHER)


def _role(text: str) -> Role:
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
