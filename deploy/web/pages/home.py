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
from tansaku.models.domain.identifiers import is_name

router = APIRouter()


@router.get("/")
def home(request: Request, _: Annotated[Actor, Depends(require(Role.VIEWER))]) -> Response:
    """Lists the campaigns."""
    lines = services_of(request).readings.lines()
    # A name that none of our campaigns can have may hold a path: it is shown, but not linked.
    linked = {line.name for line in lines if is_name(line.name)}
    return render(request, "home.html", {"lines": lines, "linked": linked})
