"""Trained models: /api/v1/models."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from tansaku.deploy.web import drawing, promoting
from tansaku.deploy.web.api.body import Body
from tansaku.deploy.web.api.listing import Limit
from tansaku.deploy.web.auth.roles import Operator, Viewer
from tansaku.deploy.web.services import services_of
from tansaku.tasks.loop.training.versions import find_model, read_report
from tansaku.tasks.read.figures.model import model_drawings
from tansaku.tasks.read.figures.style import Scheme
from tansaku.tasks.read.views.trained_models import (
    ModelDetail,
    ModelFigures,
    ModelLine,
    ModelVersions,
    model_detail,
    model_figures,
    model_lines,
    model_versions,
)

router = APIRouter(prefix="/api/v1/models", tags=["models"])


class Models(BaseModel):
    """A page of versions; ``next`` is the ``after`` of the following page.

    Attributes:
        problems: Problems of unreadable versions.
    """

    items: list[ModelLine]
    next: int | None = None
    problems: list[str] = []


class Promotion(Body):
    """The reason for promoting a version."""

    note: str = Field(min_length=1, max_length=promoting.LONGEST_NOTE, examples=["lower error on the tilt boundaries"])


@router.get("")
def models(
    request: Request,
    actor: Viewer,
    limit: Limit = 100,
    after: Annotated[int, Query(ge=0, le=2**53)] = 0,
) -> Models:
    """Lists the versions by name, the newest first."""
    lines, problems = model_lines(services_of(request).seen_registry(actor))
    left = lines[after:]
    return Models(items=left[:limit], next=after + limit if len(left) > limit else None, problems=problems)


@router.get("/{label}")
def model(request: Request, actor: Viewer, label: str) -> ModelDetail:
    """A version, ``NAME@VERSION``; for a name alone, the promoted version."""
    return model_detail(services_of(request).seen_registry(actor), label)


@router.get("/{name}/versions")
def versions(request: Request, actor: Viewer, name: str) -> ModelVersions:
    """The last versions of a model side by side, with the campaigns that trained or use them."""
    services = services_of(request)
    return model_versions(services.seen_registry(actor), services.store, services.sight(actor).names(), name)


@router.get("/{label}/figures")
def figures(request: Request, actor: Viewer, label: str) -> ModelFigures:
    """Learning curve, predicted against computed values, and calibration; at most 500 points each."""
    services = services_of(request)
    return model_figures(services.seen_registry(actor), services.artifacts, label)


@router.get("/{label}/drawings/{figure}", response_class=Response)
def draw(
    request: Request, actor: Viewer, label: str, figure: str, form: drawing.Form = "png", scheme: Scheme = "light"
) -> Response:
    """Draws the `learning` curve, `parity-PROPERTY` or `calibration-PROPERTY` as PNG or SVG, or returns all points as CSV."""
    services = services_of(request)
    record = find_model(services.seen_registry(actor), label)
    made = model_drawings(record, *read_report(services.artifacts, record))
    return drawing.answer(drawing.find(made, figure), f"{record.label}-{figure}", form, scheme)


@router.put("/{label}/promotion")
def promote(request: Request, actor: Operator, label: str, body: Promotion) -> ModelDetail:
    """Promotes a version regardless of its errors; repeating it changes nothing. For admins and the model's owner."""
    services = services_of(request)
    stored = promoting.promote(services, actor, label, body.note)
    return model_detail(services.registry, stored.label)
