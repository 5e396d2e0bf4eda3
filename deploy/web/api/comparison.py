"""Campaigns side by side: /api/v1/comparison."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from tansaku.deploy.web import drawing
from tansaku.deploy.web.auth.roles import Viewer
from tansaku.deploy.web.comparing import comparison_of
from tansaku.deploy.web.services import services_of
from tansaku.tasks.read.figures.comparison import Axis, comparison_drawing
from tansaku.tasks.read.views.comparison import Comparison

router = APIRouter(prefix="/api/v1/comparison", tags=["campaigns"])

Names = Annotated[list[str], Query(max_length=100)]


@router.get("")
def comparison(request: Request, actor: Viewer, name: Names) -> Comparison:
    """Compares campaigns of one unit, each named by ``name``: curves of the best, different keys, best of each system."""
    return comparison_of(services_of(request), actor, name)


@router.get("/drawing", response_class=Response)
def draw(request: Request, actor: Viewer, name: Names, axis: Axis = "evaluations", form: drawing.Form = "png") -> Response:
    """Draws the curves of the best as PNG or SVG, or returns them as CSV."""
    return drawing.answer(comparison_drawing(comparison_of(services_of(request), actor, name), axis), "comparison", form)
