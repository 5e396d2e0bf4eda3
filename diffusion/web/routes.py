"""Diffusion of an ion from a campaign's results: /api/v1/campaigns/NAME/diffusion."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from tansaku.deploy.web.api.versioned import PRIVATE, versioned
from tansaku.deploy.web.auth.roles import Viewer
from tansaku.tasks.read.figures.diffusion_readings import DiffusionReadings
from tansaku.tasks.read.views.diffusion import Diffusion

router = APIRouter(prefix="/api/v1/campaigns", tags=["campaigns"])


@router.get(
    "/{name}/diffusion",
    response_model=Diffusion,
    responses={304: {"description": "As the ETag says"}},
)
def diffusion(request: Request, _: Viewer, name: str) -> Response:
    """Barriers with their intervals, hops, slices of the surface, the path, and diffusion by temperature."""
    found = diffusion_now(request, name)
    return versioned(request, found.version, found.model_dump_json, PRIVATE)


def diffusion_now(request: Request, name: str) -> Diffusion:
    """Present results, read at most once for all viewers."""
    readings = request.app.state.diffusion
    assert isinstance(readings, DiffusionReadings)
    return readings.diffusion(name)
