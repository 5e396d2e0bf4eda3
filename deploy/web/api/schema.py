"""The description of the API."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends
from fastapi.openapi.utils import get_openapi
from starlette.requests import Request

from tansaku.deploy.web.auth.roles import require
from tansaku.models.domain.accounts import Actor, Role

router = APIRouter(prefix="/api/v1")
PATHS = "/api/v1/"


@router.get("/openapi.json", include_in_schema=False)
def openapi(request: Request, _: Annotated[Actor, Depends(require(Role.VIEWER))]) -> dict[str, Any]:
    """The OpenAPI document of everything under /api/v1."""
    document = get_openapi(title="tansaku", version=request.app.version, routes=request.app.routes)
    document["paths"] = {path: found for path, found in document["paths"].items() if path.startswith(PATHS)}
    return document
