"""Liveness of the process, for supervisors; and the health of services, for users."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel
from starlette.requests import Request

from tansaku.deploy.web.api.runs import RunRequest, request_view
from tansaku.deploy.web.auth.roles import Viewer
from tansaku.deploy.web.services import services_of
from tansaku.tasks.read.views.service_health import Health, ServiceState, read_health, unfinished_requests

router = APIRouter()


class ServiceWork(BaseModel):
    """The services that carry out requests, and their open requests.

    Attributes:
        running: Whether one of them runs.
        requests: Those whose run has not ended, then those that wait; the oldest first.
    """

    running: bool
    services: tuple[ServiceState, ...]
    requests: list[RunRequest]


@router.get("/health/live")
async def live() -> dict[str, str]:
    """Answers if the process is alive; it asks no other service, waits for no thread, and reveals nothing."""
    return {"status": "live"}


@router.get("/api/v1/health", tags=["health"])
def health(request: Request, _: Viewer) -> Health:
    """Services and the requests that wait for them; 503 if the database does not answer."""
    return read_health(services_of(request).requests)


@router.get("/api/v1/service", tags=["health"])
def service(request: Request, actor: Viewer) -> ServiceWork:
    """Services with host, version, sites and problems, and the requests that they carry out."""
    services = services_of(request)
    sight, health = services.sight(actor), read_health(services.requests)
    asked = [request_view(stored) for stored in unfinished_requests(services.requests) if sight.sees_request(stored)]
    return ServiceWork(running=health.running, services=health.services, requests=asked)
