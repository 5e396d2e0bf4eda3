"""The page that shows campaigns side by side."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from tansaku.deploy.web.auth.roles import Viewer
from tansaku.deploy.web.comparing import comparison_of
from tansaku.deploy.web.pages.rendering import render
from tansaku.deploy.web.services import services_of
from tansaku.models.domain.errors import FieldError, NotFoundError, StoreError
from tansaku.models.domain.identifiers import is_name
from tansaku.tasks.read.views.conditions import conditions_told

router = APIRouter(prefix="/compare")

Names = Annotated[list[str], Query(max_length=100)]


@router.get("")
def compare_page(request: Request, actor: Viewer, name: Names = []) -> Response:  # noqa: B006 - FastAPI copies it
    """Shows the chosen campaigns side by side, and a form to choose others."""
    services = services_of(request)
    found, problem = None, ""
    conditions: dict[str, str] = {}
    if name:
        try:
            found = comparison_of(services, actor, name)
            best = [(line.name, line.candidate) for line in found.campaigns if line.candidate]
            conditions = {known: conditions_told(services.readings.reading(known), candidate) for known, candidate in best}
        except (FieldError, NotFoundError, StoreError) as error:
            problem = error.message.removeprefix("name: ")
    content = {
        "names": [known for known in services.sight(actor).names() if is_name(known)],
        "chosen": set(name),
        "found": found,
        "conditions": conditions,
        "problem": problem,
        "query": urlencode([("name", known) for known in dict.fromkeys(name)]),
    }
    return render(request, "compare.html", content, status=HTTPStatus.UNPROCESSABLE_ENTITY if problem else HTTPStatus.OK)
