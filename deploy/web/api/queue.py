"""Evaluations in progress: /api/v1/queue, and requests that were refused: /api/v1/queue/refused."""

from __future__ import annotations

from itertools import islice
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from tansaku.deploy.web.api.listing import LARGEST, LINKED, After, Limit, Listing, changed, linked, page
from tansaku.deploy.web.api.runs import RunRequest, request_view
from tansaku.deploy.web.auth.roles import Viewer
from tansaku.deploy.web.services import services_of
from tansaku.models.domain.requests import RequestState
from tansaku.tasks.read.views.overview import UnreadableCampaign
from tansaku.tasks.read.views.queue import CampaignQueue, queues_after

router = APIRouter(prefix="/api/v1/queue", tags=["queue"])


@router.get("", responses=LINKED)
def queue(
    request: Request,
    response: Response,
    actor: Viewer,
    limit: Limit = LARGEST,
    after: Annotated[str, Query(max_length=128)] = "",
) -> list[CampaignQueue | UnreadableCampaign]:
    """Campaigns by name that have a driver or evaluations in progress, with the oldest 100 of those evaluations."""
    services = services_of(request)
    sight = services.sight(actor)
    seen = (queue for queue in queues_after(services.store, after=after) if sight.sees(queue.name))
    found = list(islice(seen, limit + 1))
    return linked(request, response, page(found, lambda line: line.name, limit, None))


@router.get("/refused", responses=LINKED)
def refused(request: Request, response: Response, actor: Viewer, limit: Limit = 20, after: After = None) -> list[RunRequest]:
    """Requests to run, delete or rename campaigns that a service refused, with the reasons, newest first."""
    services = services_of(request)
    requests, sight = services.requests, services.sight(actor)
    last = None if after is None else requests.request(after)
    if after is not None and (last is None or last.state is not RequestState.REFUSED):
        raise changed()
    found = requests.last_requests_in(RequestState.REFUSED, limit + 1, last)
    following = page(found, lambda stored: stored.id, limit, None)
    shown = [request_view(stored) for stored in following.items if sight.sees_request(stored)]
    return linked(request, response, Listing(items=shown, next=following.next))
