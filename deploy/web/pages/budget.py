"""The part of a campaign's page that shows how much of its budget is used, and the form that changes budget and execution."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from tansaku.deploy.web.auth.roles import Viewer
from tansaku.deploy.web.errors import ProblemError
from tansaku.deploy.web.pages.rendering import render
from tansaku.deploy.web.services import services_of
from tansaku.models.domain.records import JsonDict
from tansaku.tasks.read.views.budget import Spent, budget_used
from tansaku.tasks.read.views.campaign import Campaign
from tansaku.tasks.read.views.status import status_of

router = APIRouter(prefix="/campaigns")

_NUMBERS = {
    "budget": ("cost", "fraction", "evaluations", "hours", "core_hours"),
    "execution": ("in_flight", "timeout", "retries"),
}
_WHOLE = {"evaluations", "in_flight", "retries"}


@router.get("/{name}/budget")
def budget_part(request: Request, _: Viewer, name: str) -> Response:
    """The part of the campaign's page, which reloads itself while a time limit runs."""
    reading = services_of(request).readings.reading(name)
    return render(request, "budget.html", {"status": status_of(reading), **budget_content(reading)})


def budget_content(reading: Campaign) -> JsonDict:
    """Content of the part."""
    budget, driven = reading.spec.budget, reading.lease is not None
    return {
        "budget": budget_used(budget, Spent.by(reading, status_of(reading).limit)),
        "clocked": budget.deadline is not None or (driven and budget.hours is not None),
    }


def budget_changes(reading: Campaign, fields: Mapping[str, str]) -> JsonDict:
    """Changes of budget and execution by a form; an emptied field of the budget removes its limit.

    Raises:
        ProblemError: A field is no number.
    """
    changes: JsonDict = {}
    for part, names in _NUMBERS.items():
        for name in names:
            if name not in fields:
                continue
            value = _number(f"{part}.{name}", fields[name].strip(), whole=name in _WHOLE)
            if value != getattr(getattr(reading.spec, part), name):
                changes[f"{part}.{name}"] = value
    given, known = fields.get("deadline", "").strip(), reading.spec.budget.deadline
    if "deadline" in fields and given != (known.isoformat() if known is not None else ""):
        changes["budget.deadline"] = given or None
    return changes


def _number(key: str, text: str, *, whole: bool) -> float | None:
    """The number that a field holds; None where it is empty."""
    try:
        return None if not text else int(text) if whole else float(text)
    except ValueError as error:
        expected = "a whole number" if whole else "a number"
        raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, f"{text!r} is not {expected}", key=key) from error
