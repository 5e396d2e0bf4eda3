"""Whether the process answers, for supervisors; and the health of services, for users."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.requests import Request

from tansaku.deploy.web.auth.roles import require
from tansaku.deploy.web.services import services_of
from tansaku.models.domain.accounts import Actor, Role
from tansaku.tasks.views.service_health import Health, read_health

router = APIRouter()


@router.get("/health/live")
def live() -> dict[str, str]:
    """Says that the process answers; it asks nobody else and tells nothing."""
    return {"status": "live"}


@router.get("/api/v1/health", tags=["health"])
def health(request: Request, _: Annotated[Actor, Depends(require(Role.VIEWER))]) -> Health:
    """Services and the requests that wait for them; 503 if the database does not answer."""
    return read_health(services_of(request).requests)
