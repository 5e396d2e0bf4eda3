"""Requests to run, delete or rename a campaign: /api/v1/campaigns/NAME and its /runs. The service carries them out."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Header
from pydantic import AwareDatetime, BaseModel
from starlette.requests import Request
from starlette.responses import Response

from tansaku.deploy.web import owning, steering
from tansaku.deploy.web.api.body import Body, known
from tansaku.deploy.web.api.listing import LINKED, After, Limit, changed, linked, page
from tansaku.deploy.web.auth.roles import Operator, Viewer
from tansaku.deploy.web.errors import ProblemError
from tansaku.deploy.web.services import services_of
from tansaku.models.domain.requests import RequestKind, RequestState, ServiceRequest
from tansaku.tasks.read.views.service_health import describe_request

router = APIRouter(prefix="/api/v1/campaigns", tags=["runs"])


class Confirmation(Body):
    """The name of the campaign, repeated as a confirmation."""

    confirm: str


class RunRequest(BaseModel):
    """A request to run, delete or rename a campaign, and its outcome.

    Attributes:
        campaign: Its present name.
        new_name: The name that it is to have.
        run: Id of the run that was started.
        reason: Why the request was refused, or how the run ended.
        outlook: The same in words.
    """

    id: str
    kind: RequestKind
    campaign: str
    new_name: str | None
    state: RequestState
    user: str
    created_at: AwareDatetime
    service: str | None
    run: str | None
    reason: str
    answered_at: AwareDatetime | None
    ended_at: AwareDatetime | None
    outlook: str


@router.delete(
    "/{name}",
    status_code=HTTPStatus.NO_CONTENT,
    responses={202: {"model": RunRequest, "description": "The service deletes it; /runs/ID says when"}},
    response_model=None,
)
def delete_campaign(request: Request, actor: Operator, name: str, body: Confirmation) -> Response:
    """Deletes a campaign permanently, for admins and its owner; the service does it if this server lacks the rights."""
    asked = owning.delete(services_of(request), actor, name, body.confirm)
    if asked is None:
        return Response(status_code=HTTPStatus.NO_CONTENT)
    return Response(request_view(asked).model_dump_json(), HTTPStatus.ACCEPTED, media_type="application/json")


@router.post("/{name}/runs", status_code=HTTPStatus.ACCEPTED, responses=known(RunRequest))
def ask_to_run(
    request: Request, response: Response, actor: Operator, name: str, idempotency_key: Annotated[str, Header()]
) -> RunRequest:
    """Asks the service to run a campaign; repeating it, or asking while a request waits, is answered with 200."""
    stored, new = steering.ask_to_run(services_of(request), actor, name, idempotency_key)
    if not new:
        response.status_code = HTTPStatus.OK
    return request_view(stored)


@router.get("/{name}/runs", responses=LINKED)
def runs(
    request: Request, response: Response, _: Viewer, name: str, limit: Limit = 20, after: After = None
) -> list[RunRequest]:
    """Lists the last requests to run, delete or rename a campaign, the newest first."""
    services = services_of(request)
    services.store.campaign(name)
    last = None if after is None else services.requests.request(after)
    if after is not None and (last is None or last.campaign != name):
        raise changed()
    found = services.requests.requests_of(name, limit + 1, last)
    return linked(request, response, page([request_view(stored) for stored in found], lambda view: view.id, limit, None))


@router.get("/{name}/runs/{request_id}")
def run(request: Request, actor: Viewer, name: str, request_id: str) -> RunRequest:
    """A request to run, delete or rename a campaign; it outlives the campaign."""
    services = services_of(request)
    stored = services.requests.request(request_id)
    if stored is None or name not in (stored.campaign, stored.old_name) or not services.sight(actor).sees_request(stored):
        services.store.campaign_id(name)  # of a campaign that is not stored nothing more is said
        raise ProblemError(HTTPStatus.NOT_FOUND, f"campaign {name!r} has no request {request_id!r}")
    return request_view(stored)


def request_view(stored: ServiceRequest) -> RunRequest:
    """A request as shown."""
    shown = stored.model_dump(include=set(RunRequest.model_fields) - {"outlook"})
    return RunRequest(outlook=describe_request(stored), **shown)
