"""Results of a campaign: figures, systems, the output of attempts, all evaluations as a file; and the file that began it.

Routes below /api/v1/campaigns/NAME: /figures, /drawings, /workers, /spec, /systems, /hull, /observations, and below
/evaluations/NUMBER: /path, /log, /provenance, /files/FILE.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Annotated, Any, BinaryIO, Literal
from urllib.parse import quote

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import FileResponse, Response, StreamingResponse

from tansaku.deploy.web import drawing
from tansaku.deploy.web.api.campaigns import evaluation_at
from tansaku.deploy.web.api.listing import LINKED, Span, linked, page
from tansaku.deploy.web.api.versioned import PRIVATE, SeenVersion, shared
from tansaku.deploy.web.auth.roles import Operator, Viewer
from tansaku.deploy.web.services import Services, services_of
from tansaku.models.domain.errors import ConfigurationError, NotFoundError, StoreError
from tansaku.models.domain.identifiers import file_stem
from tansaku.models.domain.ports import Space
from tansaku.models.domain.records import Evaluation, Record
from tansaku.tasks.backends.stores.campaigns import awaited_spec
from tansaku.tasks.ground.formats.yaml_text import write_yaml
from tansaku.tasks.node.configuration.written import written_spec
from tansaku.tasks.read.figures.barrier_profile import path_drawing
from tansaku.tasks.read.figures.drawing import Drawing
from tansaku.tasks.read.figures.style import Scheme
from tansaku.tasks.read.figures.timeline import draw_bars
from tansaku.tasks.read.views.attempt_output import AttemptOutput, attempt_outputs
from tansaku.tasks.read.views.campaign_figures import CampaignFigures, figures_of
from tansaku.tasks.read.views.migration_path import migration_path
from tansaku.tasks.read.views.provenance import evaluation_provenance
from tansaku.tasks.read.views.timeline import timeline_of

router = APIRouter(prefix="/api/v1/campaigns", tags=["campaigns"])
_PART = 1 << 16  # bytes of a file that are in memory at once


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


class Wanted(BaseModel):
    """Form of a figure, and the axes of a contour.

    Attributes:
        form: Picture or table.
        scheme: Of the page that shows the picture; dark: without a ground.
        x: First parameter of a contour; null: what matters most.
        y: Its second parameter.
    """

    form: drawing.Form = "png"
    scheme: Scheme = "light"
    x: str | None = Field(default=None, max_length=100)
    y: str | None = Field(default=None, max_length=100)


@router.get("/{name}/drawings/{figure}", response_class=Response)
def draw(request: Request, _: Viewer, name: str, figure: str, wanted: Annotated[Wanted, Query()]) -> Response:
    """Draws a figure of the campaign as PNG or SVG, or returns its data as CSV."""
    return drawing.draw(services_of(request), name, figure, wanted.form, wanted.scheme, (wanted.x, wanted.y))


@router.get("/{name}/evaluations/{number}/path", response_class=Response)
def draw_path(
    request: Request, _: Viewer, name: str, number: int, form: drawing.Form = "png", scheme: Scheme = "light"
) -> Response:
    """Draws the energy along the path of a migrating ion, or returns it as CSV; 404 without a path."""
    _reading, evaluation = evaluation_at(services_of(request), name, number)
    path = migration_path(evaluation)
    if path is None:
        raise NotFoundError(f"evaluation {number} of campaign {name!r} has no path")
    barrier = "" if path.barrier is None else f"  {path.barrier:.2f} eV"
    known = path_drawing(path.distance, path.energy, f"{evaluation.proposal.candidate}{barrier}")
    return drawing.answer(known, f"{name}-{number}-path", form, scheme)


@router.get("/{name}/workers", response_class=Response)
def draw_workers(request: Request, _: Viewer, name: str, form: drawing.Form = "png", scheme: Scheme = "light") -> Response:
    """Draws what ran where, of the last evaluations, or returns it as CSV; 404 where nothing was computed."""
    services = services_of(request)
    found = timeline_of(services.readings.reading(name), services.store.now())
    if found is None:
        raise NotFoundError(f"campaign {name!r} has no timeline: nothing was computed")
    known = Drawing("workers", found.columns(), partial(draw_bars, found.bars(), f"{found.begin:%Y-%m-%d %H:%M:%S} UTC"))
    return drawing.answer(known, f"{name}-workers", form, scheme)


class SpecView(BaseModel):
    """A campaign file with all edits, also those that wait, and the hash of the campaign as it was created."""

    yaml: str = Field(examples=["schema_version: 1\nname: rows\n"])
    spec_hash: str = Field(examples=["9f86d081884c7d65"])


@router.get("/{name}/spec")
def spec(request: Request, _: Viewer, name: str) -> SpecView:
    """The campaign as the text of a campaign file. The files that it names are those of its machine."""
    record = services_of(request).store.campaign(name)
    return SpecView(yaml=write_yaml(written_spec(awaited_spec(record))), spec_hash=record.spec_hash)


@router.get("/{name}/systems", responses=LINKED)
def systems(request: Request, response: Response, _: Viewer, name: str, span: Annotated[Span, Query()]) -> list[dict[str, Any]]:
    """The best value, evaluations and cost of each system, as `tansaku results` has them."""
    from tansaku.tasks.read.views.results import systems_frame

    frame = systems_frame(services_of(request).readings.reading(name))
    rows = frame.astype(object).where(frame.notna(), None).to_dict("records")
    shown = linked(request, response, page(list(enumerate(rows)), lambda item: str(item[0]), span.limit, span.after))
    return [{str(name): cell for name, cell in row.items()} for _, row in shown]


class FoundPhase(Record):
    """A phase of a phase diagram; energies in eV/atom.

    Attributes:
        phase: Candidate, or formula of a phase that the campaign was given.
        formula: Reduced.
        energy_per_atom: Computed or given.
        formation_energy: From the elements.
        energy_above_hull: 0 on the hull.
        stable: Whether it is on the hull.
        decomposition: What an unstable phase falls into, each with its share of the atoms.
        given: Whether its energy was given.
        round: Number of the proposal that computed it; null: it was given.
    """

    phase: str
    formula: str
    energy_per_atom: float
    formation_energy: float
    energy_above_hull: float
    stable: bool
    decomposition: dict[str, float]
    given: bool
    round: int | None


class FoundHull(Record):
    """The phase diagram of a campaign's results and given phases, in the order of the proposals, then those given.

    Attributes:
        elements: Its elements.
        phases: At least one of each element.
        left_out: Finished evaluations that gave no computed energy.
    """

    elements: tuple[str, ...]
    phases: tuple[FoundPhase, ...]
    left_out: int


@router.get("/{name}/hull", response_model=FoundHull)
def hull(request: Request, _: Viewer, name: str) -> Response:
    """The phase diagram of the results and given phases."""
    from tansaku.tasks.read.views.hull import campaign_hull

    reading = services_of(request).readings.reading(name)

    def text() -> str:
        found = campaign_hull(reading)
        phases = tuple(FoundPhase.model_validate(row) for row in found.listed)
        return FoundHull(elements=found.elements, phases=phases, left_out=found.left_out).model_dump_json()

    return shared(request, reading, FoundHull, text, PRIVATE)


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
    """Output of an evaluation's attempts, the newest first."""
    jobs = None if services.resources is None else services.resources.job_folder(evaluation.campaign)
    return attempt_outputs(services.site, jobs, evaluation)


@router.get("/{name}/evaluations/{number}/provenance")
def provenance(request: Request, _: Viewer, name: str, number: int) -> dict[str, Any]:
    """The provenance of an evaluation's value as PROV-JSON; 404 without a value."""
    reading, evaluation = evaluation_at(services_of(request), name, number)
    return evaluation_provenance(reading, evaluation).prov_json()


@router.get("/{name}/evaluations/{number}/files/{file}", response_class=Response)
def file(request: Request, _: Operator, name: str, number: int, file: str) -> Response:
    """A file that the calculation left, as it is stored."""
    services = services_of(request)
    outcome = evaluation_at(services, name, number)[1].outcome
    sha256 = None if outcome is None else outcome.artifacts.get(file)
    if sha256 is None:
        raise NotFoundError(f"evaluation {number} of campaign {name!r} has no file {file[:64]!r}")
    return download(services.artifacts.open(sha256), file)


def download(source: BinaryIO, name: str, media: str | None = None) -> Response:
    """A stored file under its name: saved, whatever it holds; shown where it is a photo of a known type."""
    shown = "attachment" if media is None else "inline"
    headers = {"Content-Disposition": f"{shown}; filename*=UTF-8''{quote(name, safe='')}", "Cache-Control": "no-store"}
    return StreamingResponse(_parts(source), media_type=media or "application/octet-stream", headers=headers)


def _parts(source: BinaryIO) -> Iterator[bytes]:
    with source:
        while part := source.read(_PART):
            yield part


_Form = Literal["csv", "parquet", "extxyz"]
_TYPES: dict[_Form, str] = {"csv": "text/csv", "extxyz": "chemical/x-xyz", "parquet": "application/vnd.apache.parquet"}


@router.get("/{name}/observations", response_class=Response)
def observations(request: Request, _: Viewer, name: str, form: _Form = "csv") -> Response:
    """All evaluations as CSV or as Parquet, which `tansaku import` reads, or their final structures as extended XYZ."""
    services = services_of(request)
    headers = {"Content-Disposition": f'attachment; filename="{file_stem(name)}.{form}"', "Cache-Control": "no-store"}
    if form == "parquet":
        return _parquet(services, name, headers)
    from tansaku.tasks.read.views.downloads import csv_parts, extended_xyz_parts

    parts = (
        csv_parts(services.store, name, _space_of(services, name))
        if form == "csv"
        else extended_xyz_parts(services.store, services.artifacts, name)
    )
    return StreamingResponse(_begun(parts), media_type=_TYPES[form], headers=headers)


def _space_of(services: Services, name: str) -> Space | None:
    """The space of a campaign; None where it cannot be opened here."""
    try:
        return services.readings.reading(name).space
    except (ConfigurationError, StoreError):
        return None


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
