"""Campaigns side by side: /api/v1/comparison."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request

from tansaku.deploy.web.auth.roles import Viewer
from tansaku.deploy.web.comparing import comparison_of
from tansaku.deploy.web.services import services_of
from tansaku.tasks.read.views.comparison import Comparison

router = APIRouter(prefix="/api/v1/comparison", tags=["campaigns"])

Names = Annotated[list[str], Query(max_length=100)]


@router.get("")
def comparison(request: Request, actor: Viewer, name: Names) -> Comparison:
    """Compares campaigns of one unit, each named by ``name``: curves of the best, different keys, best of each system."""
    return comparison_of(services_of(request), actor, name)
