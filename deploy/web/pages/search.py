"""The page that searches all campaigns, the same as CSV, and the forms of saved searches."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from urllib.parse import parse_qsl, urlencode

from fastapi import APIRouter
from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import Response

from tansaku.deploy.web.api.search import SearchConditions, SearchLine, SearchQuery, saved_searches, seen_campaigns
from tansaku.deploy.web.auth.roles import Viewer
from tansaku.deploy.web.errors import ProblemError
from tansaku.deploy.web.pages.again import Forms, Sent
from tansaku.deploy.web.pages.formats import plain
from tansaku.deploy.web.pages.refused import NOTHING, Refused
from tansaku.deploy.web.pages.rendering import render
from tansaku.deploy.web.services import services_of
from tansaku.models.domain.accounts import Actor, Role
from tansaku.models.domain.errors import FieldError, TransientError
from tansaku.models.domain.identifiers import is_name
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.spreadsheet import csv_line
from tansaku.models.domain.states import EvaluationState
from tansaku.models.domain.wording import first_problem
from tansaku.tasks.read.views.overview import UnreadableCampaign
from tansaku.tasks.read.views.search import COMPARISONS, ORDERS, Hit, Hits, Searched, each_hit, hit_lines, search

router = APIRouter(prefix="/search")

_IN_CSV = 10_000
_PAGE = frozenset({"after", "limit"})
"""Keys that say where a page begins, not what is searched."""

_FURTHER = ("state", "space", "system", "candidate", "campaign", "owner")
"""Conditions that are folded away until they are used."""

_CELLS = ("campaign", "round", "candidate", "system", "state", "property", "value", "unit", "predicted", "calculator")


@router.get("")
def search_page(request: Request, actor: Viewer) -> Response:
    """Finds evaluations in all campaigns; without any condition it shows the form alone."""
    return _search(request, actor, dict(request.query_params))


def _search(request: Request, actor: Actor, given: Mapping[str, str], refused: Refused = NOTHING) -> Response:
    services = services_of(request)
    campaigns = seen_campaigns(services, actor)
    found: Hits | None = None
    problem = ""
    try:
        query = SearchQuery.model_validate(given)
        if given:
            found = search(services.store, campaigns, query.wanted(), after=query.after, limit=query.limit)
    except ValidationError as error:
        problem = _first_problem(error)
    except (FieldError, TransientError) as error:
        problem = error.message
    kept = {key: value for key, value in given.items() if key not in _PAGE and value}
    content = {
        "given": {key: given.get(key, "") for key in SearchQuery.model_fields},
        "found": found,
        "drawn": None if found is None else hit_lines(found.items),
        "page": urlencode({key: value for key, value in given.items() if value}),
        "problem": problem,
        "further": any(given.get(key) for key in _FURTHER),
        "linked": {hit.campaign for hit in found.items if is_name(hit.campaign)} if found is not None else set(),
        "query": urlencode(kept),
        "following": urlencode(kept | {"after": found.next}) if found is not None and found.next is not None else "",
        "first": "after" not in given,
        "offered": _offered(campaigns),
        "states": [state.value for state in EvaluationState],
        "comparisons": COMPARISONS,
        "orders": ORDERS,
        "saved": [SearchLine.of(known) for known in saved_searches(services, actor).all()],
        "kept": kept,
        "refused": refused,
    }
    return render(request, "search.html", content, status=HTTPStatus.UNPROCESSABLE_ENTITY if problem else HTTPStatus.OK)


def _conditions(sent: Sent) -> dict[str, str]:
    """The conditions that a form was sent from: a query as in an address."""
    return dict(parse_qsl(sent.text("query")))


def _again(sent: Sent, refused: Refused) -> Response:
    return _search(sent.request, sent.actor, _conditions(sent), refused)


forms = Forms(router, Role.VIEWER, _again)


@forms.post("/saved", "save")
def change_saved(sent: Sent) -> str:
    """Saves the search of a form, or deletes a saved one."""
    searches, name, action = saved_searches(sent.services, sent.actor), sent.text("name"), sent.text("action")
    if action == "remove":
        searches.remove(name)
        return f"/search?{sent.text('query')}".removesuffix("?")
    if action != "save":
        raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, "expected save or remove", key="action")
    try:
        wanted = SearchConditions.model_validate(_conditions(sent))
    except ValidationError as error:
        raise FieldError("search", _first_problem(error)) from error
    return SearchLine.of(searches.save(name, wanted.given())).address


@router.get(".csv")
def search_csv(request: Request, actor: Viewer) -> Response:
    """The first results as CSV."""
    services = services_of(request)
    given = {key: value for key, value in request.query_params.items() if key not in _PAGE}
    try:
        wanted = SearchQuery.model_validate(given).wanted()
    except ValidationError as error:
        raise FieldError("search", _first_problem(error)) from error
    hits = each_hit(services.store, seen_campaigns(services, actor), wanted, _IN_CSV)
    headers = {"Content-Disposition": 'attachment; filename="search.csv"', "Cache-Control": "no-store"}
    return Response("".join(_csv(hits)), media_type="text/csv; charset=utf-8", headers=headers)


def _csv(hits: Iterable[Hit]) -> list[str]:
    lines = [csv_line((*_CELLS, "finished_at"))]
    for hit in hits:
        cells = [plain(cell) if isinstance(cell := getattr(hit, name), str) else cell for name in _CELLS]
        lines.append(csv_line((*cells, hit.finished_at and hit.finished_at.isoformat())))
    return lines


def _first_problem(error: ValidationError) -> str:
    """The first wrong field and what was expected, without its value."""
    return first_problem(error).replace(": Value error, ", ": ", 1)


def _offered(campaigns: Sequence[Searched | UnreadableCampaign]) -> JsonDict:
    """Values of the fields that occur in campaigns, sorted."""
    known = [item for item in campaigns if isinstance(item, Searched)]
    return {
        "space": sorted({item.spec.space.type for item in known}),
        "calculator": sorted({name for item in known for name in item.calculators}),
        "property": sorted({name for item in known for name in item.properties}),
        "unit": sorted({item.spec.objective.unit for item in known}),
        "owner": sorted({item.record.owner for item in known if item.record.owner is not None}),
    }
