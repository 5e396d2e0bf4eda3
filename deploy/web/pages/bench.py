"""The pages on which methods are compared on the table of a spec, as `tansaku bench` does."""

from __future__ import annotations

from http import HTTPStatus
from urllib.parse import quote

from fastapi import APIRouter
from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from tansaku.deploy.web.auth.roles import Operator
from tansaku.deploy.web.checking import AskedComparison, Check
from tansaku.deploy.web.errors import ProblemError
from tansaku.deploy.web.forms import form_fields
from tansaku.deploy.web.pages.again import Forms, Sent
from tansaku.deploy.web.pages.refused import NOTHING, Refused
from tansaku.deploy.web.pages.rendering import render
from tansaku.deploy.web.services import services_of
from tansaku.models.domain.accounts import Actor, Role
from tansaku.models.domain.spreadsheet import csv_line
from tansaku.tasks.act.checks.request import ComparisonRequest

PATH = "/bench"
_SHOWN = 20

router = APIRouter(prefix=PATH)


@router.get("")
def comparisons_page(request: Request, actor: Operator) -> Response:
    """Lists the user's comparisons since the server started."""
    return _listed(request, actor, NOTHING)


forms = Forms(router, Role.OPERATOR, lambda sent, refused: _listed(sent.request, sent.actor, refused))


@forms.post("", "bench")
def begin(sent: Sent) -> str:
    """Begins a comparison on the table of the spec of a form, and shows it."""
    asked: dict[str, object] = {"seeds": sent.text("seeds")}
    if sent.text("methods").strip():
        asked["methods"] = sent.text("methods").replace(",", " ").split()
    try:
        options = ComparisonRequest.model_validate(asked)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, str(first["msg"]), key=str(first["loc"][0])) from error
    check = sent.services.checks.ask(sent.actor, sent.text("spec").replace("\r\n", "\n"), options)
    return f"{PATH}/{quote(check.id, safe='')}"


@router.post("/{check_id}/cancellation")
async def cancel(request: Request, actor: Operator, check_id: str) -> Response:
    """Cancels a comparison that waits or runs, and shows what became of it."""
    await form_fields(request)
    await run_in_threadpool(services_of(request).checks.cancel, actor, check_id, AskedComparison)
    return RedirectResponse(f"{PATH}/{quote(check_id, safe='')}", HTTPStatus.SEE_OTHER)


@router.get("/{check_id}")
def comparison_page(request: Request, _: Operator, check_id: str) -> Response:
    """Shows a comparison: its progress, or its table and figure."""
    check = _found(request, check_id)
    return render(request, "benchmark.html", {"check": check, "found": check.comparison})


@router.get("/{check_id}/table.csv")
def table(request: Request, _: Operator, check_id: str) -> Response:
    """The summary of each method as CSV."""
    found = _found(request, check_id).comparison
    if found is None:
        raise ProblemError(HTTPStatus.NOT_FOUND, "this comparison has no table yet")
    shares = [f"mean_gap at {100 * share:.3g} % of the cost" for share in found["shares"]]
    lines = [csv_line(["method", *shares, "worst_gap", "n_exact", "n_within", "evaluations", "unit"])]
    for row in found["rows"]:
        ends = (row["worst_gap"], row["n_exact"], row["n_within"], row["evaluations"])
        lines.append(csv_line([row["method"], *row["mean_gap"], *ends, found["unit"]]))
    return Response("".join(lines), media_type="text/csv; charset=utf-8", headers={"Cache-Control": "no-store"})


def _found(request: Request, check_id: str) -> Check:
    check = services_of(request).checks.find(check_id)
    if check is None:
        raise ProblemError(HTTPStatus.NOT_FOUND, "this comparison is no longer known; start it again")
    return check


def _listed(request: Request, actor: Actor, refused: Refused) -> Response:
    """The list of a user's own comparisons: those of others name campaigns that this user may not read."""
    every = services_of(request).checks.asked(AskedComparison)
    asked = [(check, comparison) for check, comparison in every if comparison.user == actor.name][:_SHOWN]
    content = {"comparisons": asked, "running": any(not check.ended for check, _ in asked), "refused": refused}
    return render(request, "bench.html", content)
