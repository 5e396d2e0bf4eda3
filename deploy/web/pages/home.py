"""The page of all campaigns."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from tansaku.deploy.web.auth.roles import require
from tansaku.deploy.web.pages.rendering import render
from tansaku.deploy.web.services import services_of
from tansaku.models.domain.accounts import Actor, Role

router = APIRouter()


@router.get("/")
def home(request: Request, _: Annotated[Actor, Depends(require(Role.VIEWER))]) -> Response:
    """Lists the campaigns."""
    return render(request, "home.html", {"names": services_of(request).store.campaign_names()})
