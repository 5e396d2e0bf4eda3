"""The description of the API."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from fastapi import APIRouter
from fastapi.openapi.utils import get_openapi
from starlette.requests import Request

from tansaku.deploy.web.auth.roles import Viewer
from tansaku.deploy.web.middleware import PROBLEM_TYPE
from tansaku.models.domain.evaluation_columns import RESULTS, value_at
from tansaku.tasks.ground.formats.schema import FileKind, json_schema

router = APIRouter(prefix="/api/v1")
PATHS = "/api/v1/"
LOGIN = "/api/v1/session"

_TEXT = {"type": "string"}
_PROBLEM: dict[str, Any] = {
    "title": "ProblemDetails",
    "description": "An error (RFC 9457); `key` is the field that is wrong, `problems` those of a spec, `hint` is advice, "
    "`kind` tells it from other errors of its status.",
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": _TEXT,
        "title": _TEXT,
        "status": {"type": "integer"},
        "detail": _TEXT,
        "key": _TEXT,
        "hint": _TEXT,
        "kind": {"type": "string", "enum": ["spec_changed"]},
        "line": {"type": ["integer", "null"]},
        "problems": {"type": "array", "items": {"$ref": "#/components/schemas/Problem"}},
    },
    "example": {
        "type": "about:blank",
        "title": "Unprocessable Entity",
        "status": 422,
        "detail": "expected 8 to 64 letters, digits and ._:-, another value for each command",
        "key": "Idempotency-Key",
    },
}

_MEANINGS = {
    "401": "Nobody is logged in",
    "403": "The role does not suffice",
    "422": "A value is wrong or missing",
}


@router.get("/schema/{kind}", tags=["schema"])
def schema(_: Viewer, kind: FileKind) -> dict[str, Any]:
    """The JSON Schema of a kind of file, for editors."""
    return json_schema(kind)


@router.get("/openapi.json", include_in_schema=False)
def openapi(request: Request, _: Viewer) -> dict[str, Any]:
    """The OpenAPI document of everything under /api/v1."""
    document = get_openapi(title="tansaku", version=request.app.version, routes=request.app.routes)
    document["paths"] = {path: found for path, found in document["paths"].items() if path.startswith(PATHS)}
    components = document["components"]
    components["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
    components["schemas"][_PROBLEM["title"]] = _PROBLEM
    for unused in ("HTTPValidationError", "ValidationError"):
        components["schemas"].pop(unused, None)
    examples = _examples()
    for name, example in examples["schemas"].items():
        components["schemas"][name]["examples"] = [example]
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            _describe(operation, is_open=(method, path) == ("post", LOGIN))
            _add_examples(operation, examples["operations"].get(f"{method} {path}", {}))
    return document


@cache
def _examples() -> dict[str, Any]:
    """Examples of bodies by the name of their schema, and of operations whose bodies have no schema of their own."""
    found: dict[str, Any] = json.loads(Path(__file__).with_name("examples.json").read_text(encoding="utf-8"))
    schemas = found["schemas"]
    (line,) = schemas["Evaluations"]["items"]
    # The evaluation of the other example, as the table lists it.
    listed = {column.name: value_at(schemas["Evaluation"], column.path) for column in RESULTS if column.path}
    schemas["Evaluations"]["items"] = [listed | line]
    for version in schemas["ModelVersions"]["versions"]:
        version["detail"] = schemas["ModelDetail"]
    return found


def _add_examples(operation: dict[str, Any], known: dict[str, Any]) -> None:
    """Adds examples of requests and answers."""
    bodies = {"request": operation.get("requestBody", {}), "answer": operation["responses"].get("200", {})}
    for side, example in known.items():
        for body in bodies[side]["content"].values():
            body["example"] = example


def _describe(operation: dict[str, Any], *, is_open: bool) -> None:
    """Adds what all routes share: errors are problem documents, and all routes but the login need a token or a session."""
    problem = {"content": {PROBLEM_TYPE: {"schema": {"$ref": f"#/components/schemas/{_PROBLEM['title']}"}}}}
    responses = operation["responses"]
    errors = {status for status in responses if status.startswith(("4", "5"))} | {"422"}
    for status in sorted(errors | (set() if is_open else {"401", "403"})):
        known = responses.get(status, {}).get("description", "")
        responses[status] = {"description": _MEANINGS.get(status, known), **problem}
    for parameter in operation.get("parameters", ()):
        parameter["schema"] = _without_null(parameter["schema"])
    responses["default"] = {"description": "Another error", **problem}
    operation["security"] = [] if is_open else [{"token": []}]


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema of a parameter without null: a parameter that is not given is omitted."""
    given = [kind for kind in schema.get("anyOf", ()) if kind != {"type": "null"}]
    if len(given) != 1:
        return schema
    only: dict[str, Any] = given[0]
    return {key: value for key, value in schema.items() if key != "anyOf"} | only
