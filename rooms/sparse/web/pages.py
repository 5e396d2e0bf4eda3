"""The page of sparse searches, for the few columns of an uploaded table that explain another column."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from urllib.parse import quote

from fastapi import APIRouter
from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from tansaku.deploy.web.auth.roles import Operator
from tansaku.deploy.web.errors import ProblemError
from tansaku.deploy.web.forms import form_fields
from tansaku.deploy.web.pages.again import Forms, Sent
from tansaku.deploy.web.pages.refused import NOTHING, Form, Refused
from tansaku.deploy.web.pages.rendering import render
from tansaku.deploy.web.services import Services, services_of
from tansaku.models.domain.accounts import Actor, Role
from tansaku.sparse.tasks.question import TableQuestion
from tansaku.sparse.tasks.web_search import describe_size
from tansaku.sparse.web import searching

router = APIRouter(prefix="/sparse")


_SHOWN_FILES = 500
_SHOWN_SEARCHES = 20


@router.get("")
def sparse_page(request: Request, _: Operator) -> Response:
    """Shows the form."""
    return _form(request, NOTHING)


forms = Forms(router, Role.OPERATOR, lambda sent, refused: _form(sent.request, refused))


@forms.post("", "sparse")
def begin(sent: Sent) -> str | Response:
    """Begins a search, and shows it."""
    if "size" in sent.fields:
        return _form(sent.request, Refused(Form("sparse", sent.fields)), _size(sent.services, sent.actor, sent.fields))
    check = searching.begin_search(sent.services, sent.actor, sent.text("file"), _question(sent.fields))
    return f"/sparse/{quote(check.id, safe='')}"


@router.post("/{check_id}/cancellation")
async def cancel(request: Request, actor: Operator, check_id: str) -> Response:
    """Cancels a search that waits or runs, and shows what became of it."""
    await form_fields(request)
    await run_in_threadpool(searching.cancel, services_of(request), actor, check_id)
    return RedirectResponse(f"/sparse/{quote(check_id, safe='')}", HTTPStatus.SEE_OTHER)


@router.get("/{check_id}")
def search_page(request: Request, _: Operator, check_id: str) -> Response:
    """Shows a search: its progress, or its report."""
    check = services_of(request).checks.find(check_id)
    if check is None:
        raise ProblemError(HTTPStatus.NOT_FOUND, "this search is no longer known; start it again")
    report = check.search or {}
    columns = sorted(report.get("feature_posterior", {}).items(), key=lambda item: -item[1])
    return render(request, "sparse/search.html", {"check": check, "report": report, "columns": columns})


def _form(request: Request, refused: Refused, size: str = "") -> Response:
    files = [file for file in services_of(request).library.files() if file.name.lower().endswith(".csv")]
    searches = services_of(request).checks.asked(searching.Asked)
    content = {
        "files": files[:_SHOWN_FILES],
        "searches": searches[:_SHOWN_SEARCHES],
        "running": any(not check.ended for check, _ in searches),
        "size": size,
        "refused": refused,
    }
    return render(request, "sparse/form.html", content)


def _size(services: Services, actor: Actor, fields: Mapping[str, str]) -> str:
    """The size of a search in words. Raises as its search does."""
    begun = searching.begin_size(services, actor, fields.get("file", ""), _question(fields))
    found = services.checks.find(begun.id, services.site.web.sandbox.seconds) or begun
    if found.size is not None:
        return describe_size(found.size)
    said = "; ".join(problem.message for problem in found.problems) or "the size is not known yet; ask again"
    raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, said, key="file")


def _question(fields: Mapping[str, str]) -> TableQuestion:
    asked = {
        "target": fields.get("target", "").strip(),
        "max_features": fields.get("max_features", ""),
        "without": _names(fields.get("without", "")),
        "keep": _names(fields.get("keep", "")),
        "drop_rows": "drop_rows" in fields,
    }
    try:
        return TableQuestion.model_validate(asked)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        key = str(first["loc"][0])
        raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, f"{asked[key]!r}: {first['msg']}", key=key) from error


def _names(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]
