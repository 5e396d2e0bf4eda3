"""Results of a campaign: its figures, the output of its attempts, and all evaluations as a file.

Routes below /api/v1/campaigns/NAME: /figures, /evaluations/NUMBER/log, /observations.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import FileResponse, Response, StreamingResponse

from tansaku.deploy.web import drawing
from tansaku.deploy.web.api.campaigns import evaluation_at
from tansaku.deploy.web.api.listing import LINKED, Span, linked, page
from tansaku.deploy.web.api.versioned import PRIVATE, SeenVersion, shared
from tansaku.deploy.web.auth.roles import Operator, Viewer
from tansaku.deploy.web.services import Services, services_of
from tansaku.models.domain.identifiers import file_stem
from tansaku.models.domain.records import Evaluation, Record
from tansaku.tasks.read.views.attempt_output import AttemptOutput, attempt_outputs
from tansaku.tasks.read.views.campaign_figures import CampaignFigures, figures_of

router = APIRouter(prefix="/api/v1/campaigns", tags=["campaigns"])


@router.get(
    "/{name}/figures",
    response_model=CampaignFigures,
    responses={304: {"description": "As the ETag says"}},
)
def figures(request: Request, _: Viewer, name: str, seen: SeenVersion = None) -> Response:
    """Energy against angle, map of compositions or Pareto front as the space has them, certificate and last proposals."""
    reading = services_of(request).readings.reading(name, seen)
    return shared(request, reading, CampaignFigures, lambda: figures_of(reading).model_dump_json(), PRIVATE)


class Figure(Record):
    """A figure that can be downloaded.

    Attributes:
        figure: Its name.
        forms: In which it exists.
    """

    figure: str
    forms: list[drawing.Form]


@router.get("/{name}/drawings")
def drawings(request: Request, _: Viewer, name: str) -> list[Figure]:
    """Lists the figures that `tansaku plot` draws of the campaign."""
    return [Figure(figure=figure, forms=forms) for figure, forms in drawing.offered(services_of(request), name)]


@router.get("/{name}/drawings/{figure}", response_class=Response)
def draw(request: Request, _: Viewer, name: str, figure: str, form: drawing.Form = "png") -> Response:
    """Draws a figure of the campaign as PNG or SVG, or returns its data as CSV."""
    body = drawing.draw(services_of(request), name, figure, form)
    headers = {"Content-Disposition": f'inline; filename="{file_stem(name)}-{file_stem(figure)}.{form}"'}
    return Response(body, media_type=drawing.MEDIA[form], headers=headers)


@router.get("/{name}/evaluations/{number}/log", responses=LINKED)
def log(
    request: Request, response: Response, _: Operator, name: str, number: int, span: Annotated[Span, Query()]
) -> list[AttemptOutput]:
    """The ends of the attempts' output, newest first, or where it is stored; terminal codes and secrets are removed."""
    services = services_of(request)
    response.headers["Cache-Control"] = "no-store"
    outputs = outputs_of(services, evaluation_at(services, name, number)[1])
    return linked(request, response, page(outputs, lambda output: str(output.attempt), span.limit, span.after))


def outputs_of(services: Services, evaluation: Evaluation) -> tuple[AttemptOutput, ...]:
    """Output of an evaluation's attempts, the newest first.

    Args:
        evaluation: Of the campaign.
    """
    jobs = None if services.resources is None else services.resources.job_folder(evaluation.campaign)
    return attempt_outputs(services.site, jobs, evaluation)


_Form = Literal["csv", "parquet", "extxyz"]
_TYPES: dict[_Form, str] = {"csv": "text/csv", "extxyz": "chemical/x-xyz", "parquet": "application/vnd.apache.parquet"}


@router.get("/{name}/observations", response_class=Response)
def observations(request: Request, _: Viewer, name: str, form: _Form = "csv") -> Response:
    """All evaluations as CSV or Parquet (which `tansaku import` reads), or their final structures as extended XYZ."""
    services = services_of(request)
    headers = {"Content-Disposition": f'attachment; filename="{file_stem(name)}.{form}"', "Cache-Control": "no-store"}
    if form == "parquet":
        return _parquet(services, name, headers)
    from tansaku.tasks.read.views.downloads import csv_parts, extended_xyz_parts

    parts = csv_parts(services.store, name) if form == "csv" else extended_xyz_parts(services.store, services.artifacts, name)
    return StreamingResponse(_begun(parts), media_type=_TYPES[form], headers=headers)


def _begun(parts: Iterator[str]) -> Iterator[str]:
    """The same parts, the first of which is made at once, so that an error in it becomes the answer."""
    first = next(parts, "")
    return chain([first], parts)


def _parquet(services: Services, name: str, headers: dict[str, str]) -> Response:
    from tansaku.tasks.act.commands.export_import import export_observations

    with tempfile.NamedTemporaryFile(prefix="tsk-export-", suffix=".parquet", delete=False) as file:
        path = Path(file.name)
    try:
        export_observations(services.store, name, path, services.artifacts)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return FileResponse(path, media_type=_TYPES["parquet"], headers=headers, background=BackgroundTask(path.unlink))
