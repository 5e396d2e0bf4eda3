"""What a campaign knows of an ion's diffusion: /api/v1/campaigns/NAME/diffusion."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from tansaku.deploy.web.api.versioned import PRIVATE, versioned
from tansaku.deploy.web.auth.roles import require
from tansaku.models.domain.accounts import Actor, Role
from tansaku.tasks.views.diffusion import Diffusion
from tansaku.tasks.views.diffusion_readings import DiffusionReadings

router = APIRouter(prefix="/api/v1/campaigns", tags=["campaigns"])

_EXAMPLE: dict[str, Any] = {
    "version": "5d41402a",
    "evaluations": 25,
    "dimensions": 1,
    "barriers": [
        {
            "dimensions": 1,
            "barrier": 0.601,
            "tolerance": 0.004,
            "directions": [[0, 0, 1]],
            "limiting_hop": "0>1[0,0,0]",
            "bottleneck": [0.171, 0.2, 0.486],
            "computed": True,
        }
    ],
    "hops": [
        {
            "hop": "0>1[0,0,0]",
            "count": 24,
            "length": 1.52,
            "forward_barrier": 0.601,
            "reverse_barrier": 0.601,
            "deviation": 0.0,
            "limits": ["1d"],
        }
    ],
    "slices": [],
    "path": {"distance": [0.0, 0.76, 1.52], "energy": [0.0, 0.601, 0.0], "deviation": [0.0, 0.0, 0.0], "computed": [True] * 3},
    "posterior": {"evaluations": [10, 25], "barrier": [0.55, 0.601], "tolerance": [0.2, 0.004]},
    "diffusion": {"temperature": [600.0, 800.0], "coefficient": [3.1e-9, 5.6e-8], "energy": 0.598},
    "problem": "",
}


@router.get(
    "/{name}/diffusion",
    response_model=Diffusion,
    responses={200: {"content": {"application/json": {"example": _EXAMPLE}}}, 304: {"description": "As the ETag says"}},
)
def diffusion(request: Request, _: Annotated[Actor, Depends(require(Role.VIEWER))], name: str) -> Response:
    """Barriers with their intervals, hops, slices of the surface, the path, and diffusion by temperature."""
    found = diffusion_now(request, name)
    return versioned(request, found.version, found.model_dump_json, PRIVATE)


def diffusion_now(request: Request, name: str) -> Diffusion:
    """What is known at present, read at most once for all viewers."""
    readings = request.app.state.diffusion
    assert isinstance(readings, DiffusionReadings)
    return readings.diffusion(name)
