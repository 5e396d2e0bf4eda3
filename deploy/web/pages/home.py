"""The page of all campaigns."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from tansaku.deploy.web.auth.roles import require
from tansaku.deploy.web.forms import new_key
from tansaku.deploy.web.pages.rendering import render
from tansaku.deploy.web.services import services_of
from tansaku.models.domain.accounts import Actor, Role
from tansaku.models.domain.identifiers import is_name
from tansaku.tasks.commands.runs import WITHOUT_DRIVER
from tansaku.tasks.views.service_health import open_requests, read_health

router = APIRouter()


@router.get("/")
def home(request: Request, actor: Annotated[Actor, Depends(require(Role.VIEWER))]) -> Response:
    """Lists the campaigns, with the health of the service that runs them."""
    services = services_of(request)
    lines = services.readings.lines()
    # A name that none of our campaigns can have may hold a path: it is shown, but not linked.
    linked = {line.name for line in lines if is_name(line.name)}
    requested = open_requests(services.requests)
    content = {
        "lines": lines,
        "linked": linked,
        "health": read_health(services.requests),
        "requested": requested,
        "runnable": {line.name for line in lines if line.state in WITHOUT_DRIVER} & linked - set(requested),
        "may_run": actor.may(Role.OPERATOR),
        "key": new_key,
    }
    return render(request, "home.html", content)
