"""Figures of models: /figures/parallel, /figures/model, /figures/importance and /figures/contour below /api/v1/campaigns/NAME.

The last three ask the campaign's model: one request at a time, and once for each version of a campaign.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import BoundedSemaphore
from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from tansaku.deploy.web.api.versioned import PRIVATE, SeenVersion, shared
from tansaku.deploy.web.auth.roles import Viewer
from tansaku.deploy.web.services import services_of
from tansaku.models.domain.errors import ConfigurationError, TransientError
from tansaku.models.domain.records import Record
from tansaku.tasks.read.views.campaign import Campaign, Made
from tansaku.tasks.read.views.parameter_figures import (
    Importance,
    ParallelLines,
    ParameterContour,
    ParameterModel,
    asked_importance,
    parallel_lines,
    parameter_contour,
    parameter_model,
)

router = APIRouter(prefix="/api/v1/campaigns", tags=["campaigns"])

_UNCHANGED: dict[int | str, dict[str, Any]] = {304: {"description": "As the ETag says"}}
_PATIENCE = 30.0  # of a request for its turn [s]
_TURN = BoundedSemaphore(1)

AxisName = Annotated[str | None, Query(max_length=100)]


class AskedModel(Record):
    """A model over the parameters, if there is one.

    Attributes:
        model: Its slices and shares; null: there is none yet.
        problem: Why there is none; empty: there is.
    """

    model: ParameterModel | None = None
    problem: str = ""


@router.get("/{name}/figures/parallel", response_model=ParallelLines | None, responses=_UNCHANGED)
def parallel(request: Request, _: Viewer, name: str, seen: SeenVersion = None) -> Response:
    """Evaluations as lines over the parameters; null: no parameters describe candidates, or nothing has a value yet."""
    reading = services_of(request).readings.reading(name, seen)

    def text() -> str:
        found = parallel_lines(reading)
        return "null" if found is None else found.model_dump_json()

    return shared(request, reading, ParallelLines, text, PRIVATE)


@router.get("/{name}/figures/model", response_model=AskedModel, responses=_UNCHANGED)
def model(request: Request, _: Viewer, name: str, seen: SeenVersion = None) -> Response:
    """Slices through the best candidate and shares of the parameters, by the model with all that is known."""
    reading = services_of(request).readings.reading(name, seen)

    def text() -> str:
        try:
            return AskedModel(model=_in_turn(parameter_model, reading)).model_dump_json()
        except ConfigurationError as error:
            return AskedModel(problem=error.message).model_dump_json()

    return shared(request, reading, AskedModel, text, PRIVATE)


@router.get("/{name}/figures/importance", response_model=Importance, responses=_UNCHANGED)
def importance(request: Request, _: Viewer, name: str, seen: SeenVersion = None) -> Response:
    """Shares of parameters or groups of features in the model of the last fit, as `campaign.importance()` has them."""
    reading = services_of(request).readings.reading(name, seen)
    return shared(request, reading, Importance, lambda: _in_turn(asked_importance, reading).model_dump_json(), PRIVATE)


@router.get("/{name}/figures/contour", response_model=ParameterContour, responses=_UNCHANGED)
def contour(request: Request, _: Viewer, name: str, x: AxisName = None, y: AxisName = None) -> Response:
    """Predictions over two parameters through the best candidate; without names over those that matter most."""
    reading = services_of(request).readings.reading(name)
    found = _in_turn(lambda campaign: parameter_contour(campaign, x, y), reading)
    return shared(request, reading, (ParameterContour, found.x, found.y), found.model_dump_json, PRIVATE)


def _in_turn(ask: Callable[[Campaign], Made], campaign: Campaign) -> Made:
    """Asks a model while no other one is asked. Raises TransientError where others take too long."""
    if not _TURN.acquire(timeout=_PATIENCE):
        raise TransientError("other models are being asked", hint="try again in a minute")
    try:
        return ask(campaign)
    finally:
        _TURN.release()
