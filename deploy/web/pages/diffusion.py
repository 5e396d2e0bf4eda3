"""The page of an ion's diffusion: barriers, hops, slices of the surface, the path, diffusion by temperature."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from tansaku.deploy.web.api.diffusion import diffusion_now
from tansaku.deploy.web.auth.roles import Viewer
from tansaku.deploy.web.pages.rendering import render

router = APIRouter(prefix="/campaigns")


@router.get("/{name}/diffusion")
def diffusion_page(request: Request, _: Viewer, name: str) -> Response:
    """Shows the page."""
    return render(request, "diffusion.html", {"name": name, "found": diffusion_now(request, name)})
