"""Data of a campaign's figures: /api/v1/campaigns/NAME/figures."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from tansaku.deploy.web.api.versioned import PRIVATE, SeenVersion, shared
from tansaku.deploy.web.auth.roles import Viewer
from tansaku.deploy.web.services import services_of
from tansaku.tasks.read.views.campaign import Campaign
from tansaku.tasks.read.views.campaign_figures import CampaignFigures
from tansaku.tasks.read.views.figure_readings import FigureReadings

router = APIRouter(prefix="/api/v1/campaigns", tags=["campaigns"])


@router.get(
    "/{name}/figures",
    response_model=CampaignFigures,
    responses={304: {"description": "As the ETag says"}},
)
def figures(request: Request, _: Viewer, name: str, seen: SeenVersion = None) -> Response:
    """Energy against angle, map of compositions or Pareto front as the space has them, certificate and last proposals."""
    reading = services_of(request).readings.reading(name, seen)
    return shared(request, reading, CampaignFigures, lambda: figures_of(request, reading).model_dump_json(), PRIVATE)


def figures_of(request: Request, reading: Campaign) -> CampaignFigures:
    """Figures of a campaign's read version, made at most once for all viewers."""
    readings = request.app.state.figures
    assert isinstance(readings, FigureReadings)
    return readings.figures(reading)
