"""Requests to run a campaign: /api/v1/campaigns/NAME/runs. The service carries them out."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Header
from pydantic import AwareDatetime, BaseModel
from starlette.requests import Request
from starlette.responses import Response

from tansaku.deploy.web import steering
from tansaku.deploy.web.auth.roles import require
from tansaku.deploy.web.errors import ProblemError
from tansaku.deploy.web.services import services_of
from tansaku.models.domain.accounts import Actor, Role
from tansaku.models.domain.requests import RequestState, ServiceRequest
from tansaku.tasks.views.service_health import describe_request

router = APIRouter(prefix="/api/v1/campaigns", tags=["runs"])

Viewer = Annotated[Actor, Depends(require(Role.VIEWER))]
Operator = Annotated[Actor, Depends(require(Role.OPERATOR))]


class RunRequest(BaseModel):
    """A request to run a campaign, and what became of it.

    Attributes:
        run: Id of the run that was started.
        reason: Why the request was refused, or how the run ended.
        outlook: The same in words.
    """

    id: str
    campaign: str
    state: RequestState
    user: str
    created_at: AwareDatetime
    service: str | None
    run: str | None
    reason: str
    answered_at: AwareDatetime | None
    ended_at: AwareDatetime | None
    outlook: str


@router.post("/{name}/runs", status_code=HTTPStatus.ACCEPTED)
def ask_to_run(
    request: Request, response: Response, actor: Operator, name: str, idempotency_key: Annotated[str, Header()]
) -> RunRequest:
    """Asks the service to run a campaign; the answer to the same key again, or while a request waits, is 200."""
    stored, new = steering.ask_to_run(services_of(request), actor, name, idempotency_key)
    if not new:
        response.status_code = HTTPStatus.OK
    return _view(stored)


@router.get("/{name}/runs")
def runs(request: Request, _: Viewer, name: str) -> list[RunRequest]:
    """Lists the last requests to run a campaign, the newest first."""
    services = services_of(request)
    services.store.campaign(name)
    return [_view(stored) for stored in services.requests.requests_of(name)]


@router.get("/{name}/runs/{request_id}")
def run(request: Request, _: Viewer, name: str, request_id: str) -> RunRequest:
    """A request to run a campaign."""
    stored = services_of(request).requests.request(request_id)
    if stored is None or stored.campaign != name:
        raise ProblemError(HTTPStatus.NOT_FOUND, f"campaign {name!r} has no request {request_id!r}")
    return _view(stored)


def _view(stored: ServiceRequest) -> RunRequest:
    shown = stored.model_dump(include=set(RunRequest.model_fields) - {"outlook"})
    return RunRequest(outlook=describe_request(stored), **shown)
