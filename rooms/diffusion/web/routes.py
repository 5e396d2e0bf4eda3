"""Diffusion of an ion from a campaign's results: its page, and /api/v1/campaigns/NAME/diffusion."""

from __future__ import annotations

from threading import Lock

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from tansaku.deploy.web.api.versioned import PRIVATE, versioned
from tansaku.deploy.web.auth.roles import Viewer
from tansaku.deploy.web.pages.rendering import render
from tansaku.deploy.web.services import services_of
from tansaku.diffusion.tasks.page_records import Diffusion
from tansaku.diffusion.tasks.readings import DiffusionReadings

api = APIRouter(prefix="/api/v1/campaigns", tags=["campaigns"])
pages = APIRouter()

_OPENING = Lock()


@pages.get("/campaigns/{name}/diffusion")
def diffusion_page(request: Request, _: Viewer, name: str) -> Response:
    """Shows an ion's diffusion: barriers, hops, slices of the surface, the path, diffusion by temperature."""
    return render(request, "diffusion/page.html", {"name": name, "found": _diffusion_now(request, name)})


@api.get(
    "/{name}/diffusion",
    response_model=Diffusion,
    responses={304: {"description": "As the ETag says"}},
)
def diffusion(request: Request, _: Viewer, name: str) -> Response:
    """Barriers with their intervals, hops, slices of the surface, the path, and diffusion by temperature."""
    found = _diffusion_now(request, name)
    return versioned(request, found.version, found.model_dump_json, PRIVATE)


def _diffusion_now(request: Request, name: str) -> Diffusion:
    """Present results, read at most once for all viewers of an application."""
    state, services = request.app.state, services_of(request)
    with _OPENING:
        if not hasattr(state, "diffusion"):
            state.diffusion = DiffusionReadings(services.store, services.artifacts, services.readings.version)
    found: Diffusion = state.diffusion.diffusion(name)
    return found


ROUTERS = (pages, api)
