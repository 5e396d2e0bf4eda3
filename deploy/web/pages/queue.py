"""The page of jobs."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from tansaku.deploy.web.auth.roles import Viewer
from tansaku.deploy.web.pages.rendering import render
from tansaku.deploy.web.services import services_of
from tansaku.models.domain.identifiers import is_name
from tansaku.models.domain.requests import RequestState
from tansaku.tasks.read.views.overview import UnreadableCampaign
from tansaku.tasks.read.views.queue import CampaignQueue, read_queue
from tansaku.tasks.read.views.service_health import read_health

router = APIRouter()

MOST_REFUSED = 20
"""Refused requests that are shown, the newest ones."""


@router.get("/queue")
def queue_page(request: Request, _: Viewer) -> Response:
    """Lists services with their sites, the evaluations in progress of all campaigns, and what was refused."""
    services = services_of(request)
    queues, health = read_queue(services.store), read_health(services.requests)
    refused = services.requests.last_requests_in(RequestState.REFUSED, MOST_REFUSED)
    names = {queue.name for queue in queues} | {asked.campaign for asked in refused}
    content = {
        "health": health,
        "refused": refused,
        "refused_jobs": [reason for service in health.services for reason in service.refused],
        "queues": [queue for queue in queues if isinstance(queue, CampaignQueue)],
        "unreadable": [queue for queue in queues if isinstance(queue, UnreadableCampaign)],
        "linked": {name for name in names if is_name(name)},
    }
    return render(request, "queue.html", content)
