"""Evaluations in progress: /api/v1/queue."""

from __future__ import annotations

from itertools import islice
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from starlette.requests import Request
from starlette.responses import Response

from tansaku.deploy.web.api.listing import LARGEST, LINKED, Limit, linked, page
from tansaku.deploy.web.auth.roles import require
from tansaku.deploy.web.services import services_of
from tansaku.models.domain.accounts import Actor, Role
from tansaku.tasks.views.overview import UnreadableCampaign
from tansaku.tasks.views.queue import CampaignQueue, queues_after

router = APIRouter(prefix="/api/v1/queue", tags=["queue"])


@router.get("", responses=LINKED)
def queue(
    request: Request,
    response: Response,
    _: Annotated[Actor, Depends(require(Role.VIEWER))],
    limit: Limit = LARGEST,
    after: Annotated[str, Query(max_length=128)] = "",
) -> list[CampaignQueue | UnreadableCampaign]:
    """Campaigns by name that have a driver or evaluations in progress, with the oldest 100 of those evaluations."""
    found = list(islice(queues_after(services_of(request).store, after=after), limit + 1))
    return linked(request, response, page(found, lambda line: line.name, limit, None))
