"""Sessions, users, tokens and the audit: /api/v1/session, /users, /tokens, /sessions, /audit."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import AwareDatetime, BaseModel, Field, SecretStr
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from tansaku.deploy.web import managing
from tansaku.deploy.web.api.body import Body
from tansaku.deploy.web.api.listing import After, Limit, Listing, page
from tansaku.deploy.web.auth.login import user_by_password
from tansaku.deploy.web.auth.passwords import LONGEST
from tansaku.deploy.web.auth.roles import Admin, Viewer
from tansaku.deploy.web.auth.sessions import clear_cookie
from tansaku.deploy.web.auth.tokens import form_token
from tansaku.deploy.web.managing import LONGEST_LABEL, LONGEST_TOKEN
from tansaku.deploy.web.pages.login import begin_session, finish_session, set_session
from tansaku.deploy.web.services import services_of
from tansaku.models.domain.accounts import ApiToken, AuditEntry, Role, Session, User
from tansaku.models.domain.records import JsonDict

router = APIRouter(prefix="/api/v1", tags=["accounts"])

Chosen = Annotated[str | None, Query(max_length=300)]


class Credentials(Body):
    """A name and password."""

    name: str = Field(max_length=64, examples=["ada"])
    password: SecretStr = Field(max_length=LONGEST)


class NewUser(Body):
    """A user to be added; without a password there is no login by password."""

    name: str = Field(max_length=64, examples=["ada"])
    role: Role
    password: SecretStr | None = None


class UserUpdate(Body):
    """Changes of a user."""

    role: Role | None = None
    disabled: bool | None = None
    password: SecretStr | None = None


class PasswordChange(Body):
    """The user's present password and the new one."""

    present: SecretStr = Field(max_length=LONGEST)
    new: SecretStr


class NewToken(Body):
    """A token to be issued for the user who asks."""

    label: str = Field(min_length=1, max_length=LONGEST_LABEL, examples=["notebook"])
    role: Role = Role.VIEWER
    days: float = Field(default=30.0, gt=0, le=LONGEST_TOKEN)


class UserView(BaseModel):
    """A user as shown."""

    name: str
    role: Role
    disabled: bool
    login_by_password: bool
    created_at: AwareDatetime


class SessionView(BaseModel):
    """A session as shown; the id is no secret."""

    id: str
    user: str
    address: str
    created_at: AwareDatetime
    expires_at: AwareDatetime


class TokenView(BaseModel):
    """A token as shown; the id is no secret."""

    id: str
    user: str
    label: str
    role: Role
    created_at: AwareDatetime
    expires_at: AwareDatetime


class IssuedToken(TokenView):
    """A new token with its secret, which is shown only here."""

    secret: str


class Identity(BaseModel):
    """The user that is logged in; ``csrf_token`` belongs into the header X-CSRF-Token of changes by the session's cookie."""

    name: str
    role: Role
    csrf_token: str | None = None


@router.post("/session", status_code=HTTPStatus.CREATED, response_model=Identity)
async def log_in(request: Request, credentials: Credentials) -> Response:
    """Begins a session: sets its cookie."""
    user = await user_by_password(request, credentials.name, credentials.password.get_secret_value())
    secret = await run_in_threadpool(begin_session, request, user)
    identity = Identity(name=user.name, role=user.role, csrf_token=form_token(secret))
    response = JSONResponse(identity.model_dump(mode="json"), HTTPStatus.CREATED)
    set_session(request, response, user, secret)
    return response


@router.get("/session")
def who(request: Request, actor: Viewer) -> Identity:
    """Returns the user who is logged in."""
    return Identity(name=actor.name, role=actor.role, csrf_token=request.state.form_token)


@router.delete("/session", status_code=HTTPStatus.NO_CONTENT)
def log_out(request: Request, actor: Viewer) -> Response:
    """Ends the session of the request."""
    settings = services_of(request).settings
    finish_session(request, actor)
    response = Response(status_code=HTTPStatus.NO_CONTENT)
    clear_cookie(response, settings, settings.session_cookie)
    return response


@router.get("/users")
def users(request: Request, _: Admin, limit: Limit = 100, after: After = None) -> Listing[UserView]:
    """Lists the users."""
    found = services_of(request).accounts.users()
    return page([_user_view(user) for user in found], lambda user: user.name, limit, after)


@router.post("/users", status_code=HTTPStatus.CREATED)
def add_user(request: Request, actor: Admin, new: NewUser) -> UserView:
    """Adds a user."""
    return _user_view(managing.add_user(services_of(request), actor, new.name, new.role, _secret(new.password)))


@router.patch("/users/{name}")
def change_user(request: Request, actor: Admin, name: str, update: UserUpdate) -> UserView:
    """Changes a user; a new password ends the user's sessions."""
    password = _secret(update.password)
    services = services_of(request)
    return _user_view(
        managing.change_user(services, actor, name, role=update.role, disabled=update.disabled, password=password)
    )


@router.delete("/users/{name}", status_code=HTTPStatus.NO_CONTENT)
def remove_user(request: Request, actor: Admin, name: str) -> Response:
    """Removes a user with all sessions and tokens."""
    managing.administration(services_of(request), actor).remove_user(name)
    return Response(status_code=HTTPStatus.NO_CONTENT)


@router.put("/session/password", status_code=HTTPStatus.NO_CONTENT)
def change_own_password(request: Request, actor: Viewer, change: PasswordChange) -> Response:
    """Changes the password of the user who asks, which ends all of the user's sessions."""
    present, new = change.present.get_secret_value(), change.new.get_secret_value()
    managing.change_own_password(services_of(request), actor, present, new)
    return Response(status_code=HTTPStatus.NO_CONTENT)


@router.get("/tokens")
def tokens(request: Request, actor: Viewer, limit: Limit = 100, after: After = None) -> Listing[TokenView]:
    """Lists the user's own tokens; for an admin, all tokens."""
    found = services_of(request).accounts.tokens(managing.whose(actor))
    return page([_token_view(token) for token in found], lambda token: token.id, limit, after)


@router.post("/tokens", status_code=HTTPStatus.CREATED)
def add_token(request: Request, actor: Viewer, new: NewToken) -> IssuedToken:
    """Issues a token. Its secret is only in this answer."""
    secret, token = managing.add_token(services_of(request), actor, new.label, new.role, new.days)
    return IssuedToken(secret=secret, **_token_view(token).model_dump())


@router.delete("/tokens/{token_id}", status_code=HTTPStatus.NO_CONTENT)
def revoke_token(request: Request, actor: Viewer, token_id: str) -> Response:
    """Revokes a token of the user; an admin may revoke any token."""
    managing.revoke_token(services_of(request), actor, token_id)
    return Response(status_code=HTTPStatus.NO_CONTENT)


@router.get("/sessions")
def sessions(request: Request, actor: Viewer, limit: Limit = 100, after: After = None) -> Listing[SessionView]:
    """Lists the user's own sessions; for an admin, all sessions."""
    found = services_of(request).accounts.sessions(managing.whose(actor))
    return page([_session_view(session) for session in found], lambda session: session.id, limit, after)


@router.delete("/sessions/{session_id}", status_code=HTTPStatus.NO_CONTENT)
def end_session(request: Request, actor: Viewer, session_id: str) -> Response:
    """Ends a session of the user; an admin may end any session."""
    managing.end_session(services_of(request), actor, session_id)
    return Response(status_code=HTTPStatus.NO_CONTENT)


@router.get("/audit")
def audit(
    request: Request, _: Admin, limit: Limit = 100, after: After = None, actor: Chosen = None, subject: Chosen = None
) -> Listing[AuditEntry]:
    """Lists who changed what, when and from where, newest first; optionally only changes by a user or of a subject."""
    return _audit_page(request, limit, after, actor, subject)


class CampaignChange(BaseModel):
    """A change of a campaign as every user may see it, without the address of its author."""

    id: str
    at: AwareDatetime
    actor: str
    action: str
    before: JsonDict | None
    after: JsonDict | None


@router.get("/campaigns/{name}/audit")
def campaign_audit(request: Request, _: Viewer, name: str, limit: Limit = 100, after: After = None) -> Listing[CampaignChange]:
    """Lists who changed a campaign and how, newest first, including changes of earlier campaigns with its name."""
    services_of(request).store.campaign(name)
    found = _audit_page(request, limit, after, None, f"campaign:{name}")
    shown = set(CampaignChange.model_fields)
    return Listing(items=[CampaignChange(**entry.model_dump(include=shown)) for entry in found.items], next=found.next)


def _audit_page(request: Request, limit: int, after: str | None, actor: str | None, subject: str | None) -> Listing[AuditEntry]:
    entries = services_of(request).accounts.audit(before=after, limit=limit + 1, actor=actor, subject=subject)
    shown = entries[:limit]
    return Listing(items=shown, next=shown[-1].id if len(entries) > limit else None)


def _secret(text: SecretStr | None) -> str | None:
    return None if text is None else text.get_secret_value()


def _user_view(user: User) -> UserView:
    return UserView(login_by_password=user.password_hash is not None, **user.model_dump(include=set(UserView.model_fields)))


def _token_view(token: ApiToken) -> TokenView:
    return TokenView(**token.model_dump(include=set(TokenView.model_fields)))


def _session_view(session: Session) -> SessionView:
    return SessionView(**session.model_dump(include=set(SessionView.model_fields)))
