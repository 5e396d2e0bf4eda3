"""Checks and rehearsals of specs, and edits of their text."""

from __future__ import annotations

import asyncio
import time
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Base64Bytes, BaseModel, Field, StrictBool, StrictFloat, StrictInt, StrictStr
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from tansaku.deploy.web import creating, drawing
from tansaku.deploy.web.api.body import Body
from tansaku.deploy.web.auth.roles import Operator
from tansaku.deploy.web.checking import Check
from tansaku.deploy.web.errors import ProblemError
from tansaku.deploy.web.services import services_of
from tansaku.models.domain.errors import FieldError
from tansaku.tasks.act.checks.policy import LARGEST_TEXT
from tansaku.tasks.act.checks.request import ComparisonRequest, RehearsalRequest
from tansaku.tasks.act.measurements.report_file import sheet_text
from tansaku.tasks.act.replay.figure import GapCurves, draw_curves
from tansaku.tasks.read.figures.drawing import Drawing
from tansaku.tasks.read.figures.style import Scheme

router = APIRouter(prefix="/api/v1", tags=["creation"])

SpecText = Annotated[
    str,
    Field(
        max_length=LARGEST_TEXT,
        description="A campaign in YAML",
        examples=["schema_version: 1\nname: cu\nspace: {type: table, candidates: cu.csv}\n"],
    ),
]
Wait = Annotated[float, Query(ge=0, le=20, description="How long to wait for the end [s]")]
_LOOK = 0.05  # [s]
Scalar = StrictStr | StrictBool | StrictInt | StrictFloat | None


class NewCheck(Body):
    """A spec to be checked. ``page`` is the id of a browser's page, whose earlier check is abandoned."""

    spec: SpecText
    page: Annotated[str, Field(max_length=64, pattern=r"^[A-Za-z0-9-]+$")] | None = None


class NewRehearsal(Body):
    """A spec whose budget is to be rehearsed."""

    spec: SpecText
    options: RehearsalRequest = RehearsalRequest()


class NewComparison(Body):
    """A spec on whose table methods are compared."""

    spec: SpecText
    options: ComparisonRequest = ComparisonRequest()


class SpecEdit(Body):
    """Changes of single values in a spec; null removes a limit."""

    spec: SpecText
    changes: dict[str, Scalar] = Field(default={}, max_length=20, examples=[{"budget.evaluations": 100}])


class EditedSpec(BaseModel):
    """The changed text, and the values of the keys that can be changed in this way."""

    spec: str
    fields: dict[str, Scalar]


class NewWorkbook(Body):
    """An Excel workbook (.xlsx; base64)."""

    file: Base64Bytes


class Sheet(BaseModel):
    """A sheet as the text of a CSV: commas between cells, and an apostrophe before what would be evaluated as a formula."""

    csv: str


@router.post("/checks", responses={202: {"model": Check, "description": "Still running; ask for its id"}})
async def add_check(request: Request, response: Response, actor: Operator, new: NewCheck, wait: Wait = 10.0) -> Check:
    """Checks a spec: what is wrong with it, or what it would search, run and cost. Nothing is stored or computed."""
    begun = await run_in_threadpool(services_of(request).checks.ask, actor, new.spec, None, new.page)
    return await answered(request, response, begun, wait)


@router.get("/checks/{check_id}")
@router.get("/rehearsals/{check_id}")
@router.get("/benchmarks/{check_id}")
async def check(request: Request, response: Response, _: Operator, check_id: str, wait: Wait = 0.0) -> Check:
    """A check, rehearsal or comparison of methods with its progress; it is known for some time only."""
    return await answered(request, response, found_check(request, check_id), wait)


@router.get("/benchmarks/{check_id}/drawing", response_class=Response)
def draw_comparison(
    request: Request, _: Operator, check_id: str, form: drawing.Form = "png", scheme: Scheme = "light"
) -> Response:
    """Draws the gaps of a comparison of methods as PNG or SVG, or returns them as CSV; 404 before it has ended."""
    found = found_check(request, check_id).comparison
    if found is None:
        raise ProblemError(HTTPStatus.NOT_FOUND, "this comparison has no figure yet")
    curves = GapCurves.of(found["curves"])
    known = Drawing("gaps", curves.columns(), lambda path: draw_curves(curves, path), units={"cost": "% of all"})
    return drawing.answer(known, "gaps", form, scheme)


@router.post("/rehearsals", responses={202: {"model": Check, "description": "Still running; ask for its id"}})
async def add_rehearsal(request: Request, response: Response, actor: Operator, new: NewRehearsal, wait: Wait = 0.0) -> Check:
    """Replays a campaign on its table, or on samples of its model: what its budget buys."""
    begun = await run_in_threadpool(services_of(request).checks.ask, actor, new.spec, new.options)
    return await answered(request, response, begun, wait)


@router.post("/benchmarks", responses={202: {"model": Check, "description": "Still running; ask for its id"}})
async def add_comparison(request: Request, response: Response, actor: Operator, new: NewComparison, wait: Wait = 0.0) -> Check:
    """Replays a campaign on its table with several methods and seeds, as `tansaku bench` does: which finds the best soonest."""
    begun = await run_in_threadpool(services_of(request).checks.ask, actor, new.spec, new.options)
    return await answered(request, response, begun, wait)


@router.post("/sheets")
def read_sheet(_: Operator, workbook: NewWorkbook) -> Sheet:
    """The first sheet of an Excel workbook as CSV, for a field of a form. Nothing is stored, and no formula is evaluated."""
    try:
        return Sheet(csv=sheet_text(workbook.file))
    except ValueError as error:
        raise FieldError("file", str(error)) from error


@router.post("/spec-edits")
def edit_spec(_: Operator, edit: SpecEdit) -> EditedSpec:
    """Changes single values in the text of a spec; everything else, including comments, stays unchanged."""
    text = creating.edit_fields(edit.spec, edit.changes)
    return EditedSpec(spec=text, fields=creating.field_values(text))


def found_check(request: Request, check_id: str) -> Check:
    """The check of an id; not found if it is no longer known."""
    found = services_of(request).checks.find(check_id)
    if found is None:
        raise ProblemError(HTTPStatus.NOT_FOUND, "this check is no longer known; start it again")
    return found


async def answered(request: Request, response: Response, found: Check, wait: float) -> Check:
    """The check when it has ended or ``wait`` seconds have passed; many that wait occupy no threads."""
    until = time.monotonic() + wait
    while not found.ended and time.monotonic() < until:
        await asyncio.sleep(_LOOK)
        found = services_of(request).checks.find(found.id) or found
    if not found.ended:
        response.status_code = HTTPStatus.ACCEPTED
    return found
