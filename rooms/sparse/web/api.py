"""Searches of tables, in the API."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter
from pydantic import Field
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from tansaku.deploy.web import drawing
from tansaku.deploy.web.api.body import Body
from tansaku.deploy.web.api.checks import Wait, answered, found_check
from tansaku.deploy.web.auth.roles import Operator
from tansaku.deploy.web.checking import Check
from tansaku.deploy.web.services import services_of
from tansaku.models.domain.errors import NotFoundError
from tansaku.sparse.tasks.question import TableQuestion
from tansaku.sparse.tasks.report_figures import report_drawings
from tansaku.sparse.web import searching
from tansaku.tasks.read.figures.style import Scheme

router = APIRouter(prefix="/api/v1", tags=["creation"])


class NewTableSearch(Body):
    """A table whose columns are searched for the few that explain one of them."""

    file: Annotated[str, Field(max_length=200, description="Of the library: a name or sha256:HASH", examples=["yields.csv"])]
    question: Annotated[TableQuestion, Field(examples=[{"target": "yield", "max_features": 3, "without": ["sample"]}])]
    only_size: Annotated[bool, Field(description="Only tells how large the search is, and about how long it takes.")] = False


@router.post("/table-searches", responses={202: {"model": Check, "description": "Still running; ask for its id"}})
async def add_table_search(
    request: Request, response: Response, actor: Operator, new: NewTableSearch, wait: Wait = 0.0
) -> Check:
    """Searches small sets of columns of a table for those that explain the target; nothing is stored."""
    begin = searching.begin_size if new.only_size else searching.begin_search
    begun = await run_in_threadpool(begin, services_of(request), actor, new.file, new.question)
    return await answered(request, response, begun, wait)


@router.get("/table-searches/{check_id}")
async def table_search(request: Request, response: Response, _: Operator, check_id: str, wait: Wait = 0.0) -> Check:
    """A search with its progress or report; it is known for some time only."""
    return await answered(request, response, found_check(request, check_id), wait)


@router.get("/table-searches/{check_id}/drawings/{figure}", response_class=Response)
def draw(
    request: Request, _: Operator, check_id: str, figure: str, form: drawing.Form = "png", scheme: Scheme = "light"
) -> Response:
    """Draws the `density` of states or the probability of `columns` as PNG or SVG, or returns it as CSV."""
    report = found_check(request, check_id).search
    if report is None:
        raise NotFoundError("this search has no report yet")
    return drawing.answer(drawing.find(report_drawings(report), figure), f"search-{figure}", form, scheme)


@router.delete("/table-searches/{check_id}")
def cancel_table_search(request: Request, actor: Operator, check_id: str) -> Check:
    """Cancels a search that waits or runs: its process is ended. One that has ended stays as it is."""
    searching.cancel(services_of(request), actor, check_id)
    return found_check(request, check_id)
