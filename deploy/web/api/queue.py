"""Evaluations in progress: /api/v1/queue."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.requests import Request

from tansaku.deploy.web.auth.roles import require
from tansaku.deploy.web.services import services_of
from tansaku.models.domain.accounts import Actor, Role
from tansaku.tasks.views.overview import UnreadableCampaign
from tansaku.tasks.views.queue import CampaignQueue, read_queue

router = APIRouter(prefix="/api/v1/queue", tags=["queue"])


@router.get("")
def queue(request: Request, _: Annotated[Actor, Depends(require(Role.VIEWER))]) -> list[CampaignQueue | UnreadableCampaign]:
    """Campaigns that have a driver or evaluations in progress, with the oldest 100 of those evaluations."""
    return read_queue(services_of(request).store)
