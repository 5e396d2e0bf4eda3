"""Proposals that wait for values, and reports of values: /api/v1/campaigns/NAME/asks and /tells."""

from __future__ import annotations

from dataclasses import replace
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query
from pydantic import Base64Bytes, Field
from starlette.requests import Request
from starlette.responses import Response

from tansaku.deploy.web import measuring
from tansaku.deploy.web.api.body import Body, known
from tansaku.deploy.web.api.listing import LINKED, Span, linked, page
from tansaku.deploy.web.auth.roles import Operator, Viewer
from tansaku.deploy.web.services import services_of
from tansaku.tasks.act.measurements.report_file import MOST_ROWS, Report, read_report, report_of
from tansaku.tasks.act.measurements.stored_commands import MOST_ASKED, Receipt
from tansaku.tasks.act.measurements.waiting import Asked, asked_before, waiting_proposals

router = APIRouter(prefix="/api/v1/campaigns", tags=["measurements"])


class NewAsk(Body):
    """The number of proposals to wait for values (null: as many as last time), or the proposals to release.

    With ``values`` candidates are proposed even where a descriptor is expected to gain more per price.
    """

    count: int | None = Field(default=None, ge=1, le=MOST_ASKED)
    values: bool = False
    release: list[int] = Field(default=[], max_length=MOST_ASKED)


class NewTell(Body):
    """Measured values: ``rows`` of columns and cells, ``csv`` as a spreadsheet writes it, or a ``file`` (.csv, .xlsx; base64).

    With ``confirm`` false, values far from what was expected are refused, and the problem's ``key`` is ``confirm``. With
    ``strict`` true, a column that is not read is an error.
    """

    rows: list[dict[str, Any]] = Field(default=[], max_length=MOST_ROWS, examples=[[{"number": 4, "value": 5.2}]])
    csv: str | None = None
    file: Base64Bytes | None = None
    confirm: bool = True
    strict: bool = False

    def report(self) -> Report:
        """Reads the request's values. Raises ReportError."""
        content = self.file if self.csv is None else self.csv.encode()
        named = "csv" if self.file is None else "the file"
        return replace(report_of(self.rows) if content is None else read_report(content, named), strict=self.strict)


@router.get("/{name}/asks", responses=LINKED)
def waiting(request: Request, response: Response, _: Viewer, name: str, span: Annotated[Span, Query()]) -> Asked:
    """The proposals that wait for values, by number, with the reason of each choice; the header Link names the next page."""
    asked = waiting_proposals(services_of(request).store, name)
    shown = linked(request, response, page(asked.waiting, lambda item: str(item.number), span.limit, span.after))
    return asked.model_copy(update={"waiting": tuple(shown)})


@router.post("/{name}/asks", status_code=HTTPStatus.ACCEPTED, responses=known(Asked))
def ask(
    request: Request, response: Response, actor: Operator, name: str, body: NewAsk, idempotency_key: Annotated[str, Header()]
) -> Asked:
    """Requests proposals, or releases some; the service carries this out. The same key again is answered with 200.

    Once all that were requested are there, the same key lists those of them that still wait (``batch``), and proposes no more.
    """
    services = services_of(request)
    if body.release:
        new = measuring.release(services, actor, name, body.release, idempotency_key)
    else:
        new = measuring.ask(services, actor, name, body.count, idempotency_key, values_only=body.values)
    if not new:
        response.status_code = HTTPStatus.OK
    before = None if new or body.release else asked_before(services.store, name, idempotency_key)
    return waiting_proposals(services.store, name) if before is None else before


@router.post("/{name}/tells", status_code=HTTPStatus.ACCEPTED, responses=known(Receipt))
def tell(
    request: Request, response: Response, actor: Operator, name: str, body: NewTell, idempotency_key: Annotated[str, Header()]
) -> Receipt:
    """Stores measured values: all of them, or none. Repeating it, or sending nothing new, is answered with 200."""
    services = services_of(request)
    receipt, new = measuring.tell(services, actor, name, body.report(), idempotency_key, confirmed=body.confirm)
    if not new or receipt.command is None:
        response.status_code = HTTPStatus.OK
    return receipt
