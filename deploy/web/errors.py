"""Answers to errors: a page for browsers, problem+json (RFC 9457) for the API."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from urllib.parse import quote

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from tansaku.deploy.web.auth.roles import ForbiddenError, UnauthenticatedError, campaign_of
from tansaku.deploy.web.middleware import API_PREFIX, PROBLEM_TYPE
from tansaku.deploy.web.pages.rendering import render
from tansaku.deploy.web.services import services_of
from tansaku.models.domain.errors import (
    ConfigurationError,
    FieldError,
    InvalidSpecError,
    NotFoundError,
    SpecChangedError,
    SpecProblem,
    TansakuError,
    TransientError,
)
from tansaku.models.domain.identifiers import printable
from tansaku.tasks.act.checks.sandbox import SandboxError

PART_HEADER = "X-Part"
"""Header of a script that asks for a part of a page: it reloads the page when nobody is logged in any more."""

_LOG = logging.getLogger(__name__)
LONGEST = 2000
"""Characters of a message."""

_MOST_PROBLEMS = 50
_TRY_AGAIN = 5.0  # after what may pass [s]

_BY_ERROR: tuple[tuple[type[TansakuError], HTTPStatus], ...] = (
    (NotFoundError, HTTPStatus.NOT_FOUND),
    (SpecChangedError, HTTPStatus.CONFLICT),
    (SandboxError, HTTPStatus.UNPROCESSABLE_ENTITY),
    (ConfigurationError, HTTPStatus.UNPROCESSABLE_ENTITY),
    (TransientError, HTTPStatus.SERVICE_UNAVAILABLE),
)
"""The first matching class decides; any other error is a conflict with what is stored."""


class ProblemError(Exception):
    """An error that the caller can correct.

    Args:
        status: Of the answer.
        detail: What is wrong, with the value.
        key: Path of the field that is wrong; empty: none.
        retry_after: Seconds until the request may be repeated; 0: no hint.
        problems: Of a spec, each with its key and line.
        hint: What the caller can do; for programs alone, as pages show their own.
    """

    kind = ""
    """Tells it from other errors of its status; for programs alone."""

    def __init__(
        self,
        status: HTTPStatus,
        detail: str,
        *,
        key: str = "",
        retry_after: float = 0.0,
        problems: Sequence[SpecProblem] = (),
        hint: str = "",
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.key = key
        self.retry_after = retry_after
        self.problems = tuple(problems)
        self.hint = hint

    @property
    def headers(self) -> dict[str, str]:
        """Headers of the answer."""
        return {"Retry-After": str(math.ceil(self.retry_after))} if self.retry_after > 0 else {}


class SpecChangedProblemError(ProblemError):
    """A campaign of a name is stored with another spec."""

    kind = "spec_changed"


def install(app: FastAPI) -> None:
    """Registers the answers."""
    app.add_exception_handler(UnauthenticatedError, _unauthenticated)
    app.add_exception_handler(ForbiddenError, _forbidden)
    app.add_exception_handler(ProblemError, _problem)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(ClientDisconnect, _gone)
    app.add_exception_handler(TansakuError, _tansaku)
    app.add_exception_handler(Exception, _unexpected)


def answer(request: Request, problem: ProblemError, headers: Mapping[str, str] | None = None) -> Response:
    """The answer to an error, as a page or as problem+json.

    Args:
        request: That failed.
        problem: Why.
        headers: Further headers.
    """
    detail = printable(problem.detail[:LONGEST])
    added = {**(headers or {}), **problem.headers}
    if request.url.path.startswith(API_PREFIX):
        body: dict[str, object] = {"type": "about:blank", "title": problem.status.phrase, "status": int(problem.status)}
        body["detail"] = detail
        if problem.key:
            body["key"] = printable(problem.key)
        if problem.hint:
            body["hint"] = printable(problem.hint[:LONGEST])
        if problem.kind:
            body["kind"] = problem.kind
        if problem.problems:
            body["line"] = problem.problems[0].line
            body["problems"] = [_described(item) for item in problem.problems[:_MOST_PROBLEMS]]
        return JSONResponse(body, problem.status, added, PROBLEM_TYPE)
    content = {"title": problem.status.phrase, "detail": detail}
    page = render(request, "error.html", content, status=problem.status)
    page.headers.update(added)
    return page


def _described(problem: SpecProblem) -> dict[str, object]:
    return {"key": printable(problem.key), "line": problem.line, "message": printable(problem.message[:LONGEST])}


async def _unauthenticated(request: Request, _: Exception) -> Response:
    if request.url.path.startswith(API_PREFIX):
        refused = request.headers.get("Authorization", "").startswith("Bearer ")
        detail = "the token is not known here, or has ended" if refused else "log in, or send a token as Authorization: Bearer"
        return answer(request, ProblemError(HTTPStatus.UNAUTHORIZED, detail), {"WWW-Authenticate": "Bearer"})
    path = request.url.path if request.method == "GET" else "/"
    address = f"/login?next={quote(path)}"
    if PART_HEADER in request.headers:
        return Response(status_code=HTTPStatus.UNAUTHORIZED)
    return RedirectResponse(address, HTTPStatus.SEE_OTHER)


async def _forbidden(request: Request, error: Exception) -> Response:
    return answer(request, ProblemError(HTTPStatus.FORBIDDEN, str(error)))


async def _problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, ProblemError)
    return await _judged(request, error)


async def _invalid(request: Request, error: Exception) -> Response:
    """Names the field and what was expected, but not the value: it may be a secret."""
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"][1:])
    return await _judged(request, ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, str(first["msg"]), key=key))


async def _judged(request: Request, problem: ProblemError) -> Response:
    """The answer to what is wrong with a request.

    About a campaign that is not stored nothing but that is said, as about one that the user may not see.
    """
    # A body that is no JSON is refused before it is known who asks.
    known = problem.status is HTTPStatus.UNPROCESSABLE_ENTITY and hasattr(request.state, "actor")
    name = campaign_of(request) if known else None
    if name is not None and await run_in_threadpool(_is_unknown, request, name):
        problem = ProblemError(HTTPStatus.NOT_FOUND, f"no campaign {name!r} is stored")
    return answer(request, problem)


def _is_unknown(request: Request, name: str) -> bool:
    try:
        services_of(request).store.campaign_id(name)
    except NotFoundError:
        return True
    except TansakuError:
        return False
    return False


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    is_of_a_form = error.status_code == HTTPStatus.METHOD_NOT_ALLOWED and request.method in ("GET", "HEAD")
    if is_of_a_form and not request.url.path.startswith(API_PREFIX):
        # Somebody reloads what a form was answered with, or has kept its address: the page above has the form.
        return RedirectResponse(request.url.path.rstrip("/").rpartition("/")[0] or "/", HTTPStatus.SEE_OTHER)
    return answer(request, ProblemError(HTTPStatus(error.status_code), error.detail), error.headers)


def problem_of(error: ProblemError | TansakuError) -> ProblemError:
    """The problem that answers an error."""
    if isinstance(error, ProblemError):
        return error
    status = next((code for kind, code in _BY_ERROR if isinstance(error, kind)), HTTPStatus.CONFLICT)
    problems = error.problems if isinstance(error, InvalidSpecError) else ()
    key = error.key if isinstance(error, FieldError) else problems[0].key if problems else ""
    wait = _TRY_AGAIN if isinstance(error, TransientError) else 0.0
    kind = SpecChangedProblemError if isinstance(error, SpecChangedError) else ProblemError
    return kind(status, error.message, key=key, problems=problems, retry_after=wait, hint=error.hint or "")


async def _tansaku(request: Request, error: Exception) -> Response:
    assert isinstance(error, TansakuError)
    return await _judged(request, problem_of(error))


async def _gone(_request: Request, _error: Exception) -> Response:
    """Answers nobody: the connection ended before the body did."""
    return Response(status_code=HTTPStatus.BAD_REQUEST)


async def _unexpected(request: Request, error: Exception) -> Response:
    _LOG.error("%s %s failed", request.method, printable(request.url.path), exc_info=error)
    detail = "an unexpected error, which the server's log describes"
    return answer(request, ProblemError(HTTPStatus.INTERNAL_SERVER_ERROR, detail))
