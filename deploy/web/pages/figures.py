"""The numbers of a campaign's figures as tables: a page, and a part of the campaign's page."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from tansaku.deploy.web.api.figures import figures_of
from tansaku.deploy.web.auth.roles import Viewer
from tansaku.deploy.web.pages.rendering import render
from tansaku.deploy.web.services import services_of

router = APIRouter(prefix="/campaigns")

_CELL_TEXTS = ("", "not evaluated", "", "failed", "in progress")


@router.get("/{name}/figures")
def figures_page(request: Request, _: Viewer, name: str) -> Response:
    """Shows the numbers."""
    reading = services_of(request).readings.reading(name)
    content = {"name": name, "figures": figures_of(request, reading), "cell_texts": _CELL_TEXTS}
    return render(request, "figure_tables.html", content)
