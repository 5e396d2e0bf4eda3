"""The output of an evaluation's attempts, as a page and as a part of the evaluation's page."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from tansaku.deploy.web.api.campaigns import evaluation_at
from tansaku.deploy.web.api.logs import outputs_of
from tansaku.deploy.web.auth.roles import Operator
from tansaku.deploy.web.pages.rendering import render
from tansaku.deploy.web.services import services_of

router = APIRouter(prefix="/campaigns")


@router.get("/{name}/evaluations/{number}/log")
def log_page(request: Request, _: Operator, name: str, number: int) -> Response:
    """Shows what the attempts wrote."""
    services = services_of(request)
    _reading, evaluation = evaluation_at(services, name, number)
    content = {"name": name, "evaluation": evaluation, "outputs": outputs_of(services, name, evaluation)}
    answer = render(request, "log.html", content)
    answer.headers["Cache-Control"] = "no-store"
    return answer
