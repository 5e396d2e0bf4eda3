"""The page of jobs."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from tansaku.deploy.web.auth.roles import require
from tansaku.deploy.web.pages.rendering import render
from tansaku.deploy.web.services import services_of
from tansaku.models.domain.accounts import Actor, Role
from tansaku.models.domain.identifiers import is_name
from tansaku.tasks.views.overview import UnreadableCampaign
from tansaku.tasks.views.queue import CampaignQueue, read_queue
from tansaku.tasks.views.service_health import read_health

router = APIRouter()

Viewer = Annotated[Actor, Depends(require(Role.VIEWER))]


@router.get("/queue")
def queue_page(request: Request, _: Viewer) -> Response:
    """Lists services with their sites, and the evaluations in progress of all campaigns."""
    services = services_of(request)
    queues = read_queue(services.store)
    content = {
        "health": read_health(services.requests),
        "queues": [queue for queue in queues if isinstance(queue, CampaignQueue)],
        "unreadable": [queue for queue in queues if isinstance(queue, UnreadableCampaign)],
        "linked": {queue.name for queue in queues if is_name(queue.name)},
    }
    return render(request, "queue.html", content)
