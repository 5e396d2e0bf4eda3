"""Data of a campaign's figures: /api/v1/campaigns/NAME/figures."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from tansaku.deploy.web.api.versioned import PRIVATE, SeenVersion, shared
from tansaku.deploy.web.auth.roles import Viewer
from tansaku.deploy.web.services import services_of
from tansaku.tasks.read.views.campaign_figures import CampaignFigures, figures_of

router = APIRouter(prefix="/api/v1/campaigns", tags=["campaigns"])


@router.get(
    "/{name}/figures",
    response_model=CampaignFigures,
    responses={304: {"description": "As the ETag says"}},
)
def figures(request: Request, _: Viewer, name: str, seen: SeenVersion = None) -> Response:
    """Energy against angle, map of compositions or Pareto front as the space has them, certificate and last proposals."""
    reading = services_of(request).readings.reading(name, seen)
    return shared(request, reading, CampaignFigures, lambda: figures_of(reading).model_dump_json(), PRIVATE)
