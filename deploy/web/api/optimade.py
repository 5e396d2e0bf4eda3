"""OPTIMADE 1.2 (https://www.optimade.org): the structures of all campaigns, read-only, below /optimade/v1.

Errors are documents as OPTIMADE has them. Nothing is public: each request needs a token or a session, as below /api.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from fastapi import APIRouter
from fastapi.routing import APIRoute
from starlette.datastructures import URL
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from tansaku import __version__
from tansaku.deploy.web.api.listing import LARGEST
from tansaku.deploy.web.auth.roles import ForbiddenError, UnauthenticatedError, Viewer
from tansaku.deploy.web.errors import LONGEST, ProblemError, problem_of
from tansaku.deploy.web.services import services_of
from tansaku.models.domain.accounts import Actor
from tansaku.models.domain.errors import FieldError, MissingComponentError, TansakuError
from tansaku.models.domain.identifiers import printable, shown
from tansaku.models.domain.records import JsonDict
from tansaku.tasks.read.views.optimade.entries import Compositions, Entry
from tansaku.tasks.read.views.optimade.fields import API_VERSION, FIELDS, PREFIX, check_installed, described, is_standard
from tansaku.tasks.read.views.optimade.filters import ALL, UnsupportedFilterError, parsed
from tansaku.tasks.read.views.optimade.listing import Query, Structures

BASE = "/optimade"
_VERSIONED = f"{BASE}/v{API_VERSION.partition('.')[0]}"
_MEDIA_TYPE = "application/vnd.api+json"
_SCHEMA = f"https://schemas.optimade.org/openapi/v{API_VERSION}/optimade.json"
_UNKNOWN_VERSION = 553
_ALL_PARAMETERS = frozenset({"response_format", "email_address", "api_hint"})
_OF_ENTRIES = _ALL_PARAMETERS | {"response_fields", "include"}
_OF_LISTS = _OF_ENTRIES | {"filter", "sort", "page_limit", "page_cursor"}
_DEFAULT_LIMIT = 20
_TOP = ("id", "type")
"""Fields beside the attributes of an entry."""

_COMPOSITIONS = Compositions()


class _Route(APIRoute):
    """A route whose errors are documents of OPTIMADE."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The function that answers."""
        inner = super().get_route_handler()

        async def handle(request: Request) -> Response:
            try:
                return await inner(request)
            except (TansakuError, ProblemError, UnauthenticatedError, ForbiddenError) as error:
                return _refused(request, error)

        return handle


router = APIRouter(prefix=BASE, route_class=_Route, include_in_schema=False)


@router.get("/versions")
def versions(_: Viewer) -> Response:
    """Lists the major versions of the interface."""
    return PlainTextResponse("version\n1\n", media_type="text/csv; header=present")


@router.get("/v1/info")
def info(request: Request, _: Viewer) -> Response:
    """Describes the server."""
    _parameters(request, _ALL_PARAMETERS)
    attributes = {
        "api_version": API_VERSION,
        "available_api_versions": [{"url": f"{_base(request)}/v1", "version": API_VERSION}],
        "formats": ["json"],
        "available_endpoints": ["info", "links", "structures"],
        "entry_types_by_format": {"json": ["structures"]},
        "is_index": False,
        "license": None,
        "available_licenses": None,
        "available_licenses_for_entries": None,
    }
    return _answer(request, {"id": "/", "type": "info", "attributes": attributes})


@router.get("/v1/info/structures")
def info_structures(request: Request, _: Viewer) -> Response:
    """The fields of structures."""
    _parameters(request, _ALL_PARAMETERS)
    about = {
        "id": "structures",
        "type": "info",
        "description": "Structures that campaigns have computed, each from one evaluation",
        "formats": ["json"],
        "properties": {name: described(field) for name, field in FIELDS.items()},
        "output_fields_by_format": {"json": list(FIELDS)},
    }
    return _answer(request, about)


@router.get("/v1/links")
def links(request: Request, _: Viewer) -> Response:
    """Related databases: this one alone."""
    _parameters(request, _ALL_PARAMETERS)
    attributes = {
        "name": "tansaku",
        "description": "Results of campaigns",
        "base_url": _base(request),
        "homepage": None,
        "link_type": "root",
        "aggregate": "no",
        "no_aggregate_reason": "Requests need a token.",
    }
    return _answer(request, [{"id": "tansaku", "type": "links", "attributes": attributes}])


@router.get("/v1/structures")
def structures(request: Request, actor: Viewer) -> Response:
    """Lists the structures of all campaigns that pass a filter."""
    given = _parameters(request, _OF_LISTS)
    fields = _response_fields(given)
    wanted = parsed(given["filter"]) if given.get("filter") else ALL
    query = Query(wanted, _sort(given.get("sort", "")), given.get("page_cursor") or None, _limit(given))
    found = _structures(request, actor).page(query)
    notes = [*found.left_out, *(f"{name} is a field of another database" for name in wanted.ignored)]
    following = None if found.next is None else _address(request).include_query_params(page_cursor=found.next)
    more = _More(found.count, following is not None, tuple(notes), None if following is None else str(following))
    return _answer(request, [_document(entry, fields) for entry in found.entries], more)


@router.get("/v1/structures/{identifier:path}")
def structure(request: Request, actor: Viewer, identifier: str) -> Response:
    """A structure."""
    fields = _response_fields(_parameters(request, _OF_ENTRIES))
    return _answer(request, _document(_structures(request, actor).entry(identifier), fields), _More(1))


@router.get("/{rest:path}")
def nothing(_: Viewer, rest: str) -> Response:
    """Refuses any other address."""
    raise ProblemError(HTTPStatus.NOT_FOUND, f"there is nothing at {shown(f'{BASE}/{rest}')}")


@dataclass(frozen=True)
class _More:
    """The rest of an answer.

    Attributes:
        returned: Number of entries that were found.
        available: Whether there are more.
        notes: Warnings.
        next: Address of the next page.
    """

    returned: int | None = None
    available: bool = False
    notes: tuple[str, ...] = ()
    next: str | None = None


def _structures(request: Request, actor: Actor) -> Structures:
    services = services_of(request)
    return Structures(services.store, services.artifacts, _COMPOSITIONS, services.sight(actor).sees)


def _base(request: Request) -> str:
    return f"{str(request.base_url).rstrip('/')}{BASE}"


def _address(request: Request) -> URL:
    return URL(f"{_base(request)}{request.url.path.removeprefix(BASE)}?{request.url.query}")


def _parameters(request: Request, known: frozenset[str]) -> Mapping[str, str]:
    """The parameters of a request. Raises where one is unknown or given twice; those of other databases are left out.

    Raises:
        MissingComponentError: A package is missing.
        FieldError: A parameter is wrong.
    """
    check_installed()
    given = request.query_params
    for name in given:
        if len(given.getlist(name)) > 1:
            raise FieldError(printable(name), "is given more than once")
        if name not in known and (not name.startswith("_") or name.startswith(PREFIX)):
            raise FieldError(printable(name), f"there is no such parameter here; expected one of {', '.join(sorted(known))}")
    if given.get("response_format", "json") != "json":
        raise FieldError("response_format", f"{shown(given['response_format'])} is not offered; expected json")
    if given.get("include"):
        raise FieldError("include", "structures have no related entries")
    return given


def _response_fields(given: Mapping[str, str]) -> tuple[str, ...]:
    """Names of the attributes that are asked for."""
    names = given.get("response_fields")
    wanted = tuple(FIELDS) if not names else tuple(dict.fromkeys(name.strip() for name in names.split(",")))
    for name in wanted:
        if not is_standard(name) and (not name.startswith("_") or name.startswith(PREFIX)):
            raise FieldError("response_fields", f"structures have no field {shown(name)}")
    return tuple(name for name in wanted if name not in _TOP)


def _sort(text: str) -> tuple[tuple[str, bool], ...]:
    """The fields of an order, and whether the largest come first."""
    found = []
    for name in text.split(",") if text else ():
        field = FIELDS.get(name.removeprefix("-"))
        if field is None or not field.sortable:
            raise FieldError("sort", f"structures cannot be sorted by {shown(name)}")
        found.append((field.name, name.startswith("-")))
    return tuple(found)


def _limit(given: Mapping[str, str]) -> int:
    text = given.get("page_limit", str(_DEFAULT_LIMIT))
    if not (text.isascii() and text.isdecimal() and len(text) < 10 and int(text) > 0):
        raise FieldError("page_limit", f"{shown(text)} is no number of structures")
    if int(text) > LARGEST:
        raise ForbiddenError(f"page_limit: at most {LARGEST} structures are given at a time")
    return int(text)


def _document(entry: Entry, fields: tuple[str, ...]) -> JsonDict:
    return {"id": entry.id, "type": "structures", "attributes": entry.attributes(fields)}


def _answer(request: Request, data: object, more: _More | None = None) -> Response:
    more = more or _More()
    body = {"data": data, "meta": _meta(request, more), "links": {"next": more.next}}
    return JSONResponse(body, media_type=_MEDIA_TYPE)


def _meta(request: Request, more: _More) -> JsonDict:
    url = request.url
    found: JsonDict = {
        "query": {"representation": url.path.removeprefix(_VERSIONED) + (f"?{url.query}" if url.query else "")},
        "api_version": API_VERSION,
        "more_data_available": more.available,
        "schema": _SCHEMA,
        "time_stamp": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "provider": {
            "name": "tansaku",
            "description": "Results of active-learning campaigns; the database of one installation",
            "prefix": PREFIX.strip("_"),
        },
        "implementation": {"name": "tansaku", "version": __version__},
    }
    if more.returned is not None:
        found["data_returned"] = more.returned
    if more.notes:
        found["warnings"] = [{"type": "warning", "detail": printable(note[:LONGEST])} for note in more.notes]
    return found


def _refused(request: Request, error: TansakuError | ProblemError | UnauthenticatedError | ForbiddenError) -> Response:
    """The document of an error."""
    headers: dict[str, str] = {}
    if isinstance(error, UnauthenticatedError):
        status, detail, headers = 401, "send a token as Authorization: Bearer", {"WWW-Authenticate": "Bearer"}
    elif isinstance(error, ForbiddenError):
        status, detail = 403, error.message
    elif isinstance(error, MissingComponentError | UnsupportedFilterError):
        status, detail = 501, error.message + (f": {error.hint}" if error.hint else "")
    elif isinstance(error, FieldError):
        status, detail = 400, error.message
    else:
        problem = problem_of(error)
        status, detail, headers = int(problem.status), problem.detail, problem.headers
    if status == 404 and _other_version(request):
        status, detail = _UNKNOWN_VERSION, f"this version is not offered; expected {_VERSIONED}"
    title = "Version Not Supported" if status == _UNKNOWN_VERSION else HTTPStatus(status).phrase
    problem_document = {"status": str(status), "title": title, "detail": printable(detail[:LONGEST])}
    body = {"errors": [problem_document], "meta": _meta(request, _More())}
    return JSONResponse(body, status, headers, _MEDIA_TYPE)


def _other_version(request: Request) -> bool:
    """Returns whether a request is for another version of OPTIMADE."""
    first = request.url.path.removeprefix(f"{BASE}/").partition("/")[0]
    return first[:1] == "v" and first[1:2].isdigit() and first != "v1"
