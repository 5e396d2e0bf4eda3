"""The description of the API."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from jsonschema import Draft202012Validator

from tansaku.models.domain.accounts import Role
from tansaku.tasks.ground.formats.schema import json_schema


def test_the_document_describes_the_api_and_no_pages(site):
    document = site.logged_in(Role.VIEWER).get("/api/v1/openapi.json").json()
    assert {"/api/v1/session", "/api/v1/users", "/api/v1/tokens", "/api/v1/sessions"} <= set(document["paths"])
    assert all(path.startswith("/api/v1/") for path in document["paths"])
    assert site.browser().get("/docs").status_code == 404
    assert site.browser().get("/openapi.json").status_code == 404


def test_every_error_is_a_problem_and_all_but_the_login_need_a_token(site):
    document = site.logged_in(Role.VIEWER).get("/api/v1/openapi.json").json()
    assert document["components"]["securitySchemes"]["token"]["scheme"] == "bearer"
    assert "HTTPValidationError" not in str(document)
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            is_open = (method, path) == ("post", "/api/v1/session")
            assert operation["security"] == ([] if is_open else [{"token": []}])
            for status in {"422", "default"} | (set() if is_open else {"401", "403"}):
                assert list(operation["responses"][status]["content"]) == ["application/problem+json"]


def test_schemas_of_files_are_those_of_the_command(site):
    browser = site.logged_in(Role.VIEWER)
    assert browser.get("/api/v1/schema/campaign").json() == json_schema("campaign")
    assert browser.get("/api/v1/schema/other").json()["key"] == "kind"


STREAM = "text/event-stream"


def bodies(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Requests and answers without errors, each with the name of its operation."""
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            answers = [answer for status, answer in operation["responses"].items() if status.startswith("2")]
            for body in (operation.get("requestBody", {}), *answers):
                for kind, content in body.get("content", {}).items():
                    if kind != STREAM:
                        yield f"{method} {path} {kind}", content


def example_of(body: dict[str, Any], schemas: dict[str, Any]) -> Any:
    """The example of a request or an answer: its own, or that of its schema, or of the parts of that."""
    if "example" in body:
        return body["example"]
    if "examples" in body:
        return body["examples"][0]
    if "$ref" in body:
        return example_of(schemas[body["$ref"].rpartition("/")[2]], schemas)
    if "schema" in body:
        return example_of(body["schema"], schemas)
    if "anyOf" in body:
        return example_of(body["anyOf"][0], schemas)
    if body["type"] == "array":
        return [example_of(body["items"], schemas)]
    return {name: part["examples"][0] for name, part in body["properties"].items() if "examples" in part}


def test_every_request_and_every_answer_has_an_example_that_fits(site):
    document = site.with_session(Role.VIEWER).get("/api/v1/openapi.json").json()
    components = document["components"]
    found = list(bodies(document))
    assert len(found) > 80
    wrong = {}
    for name, body in found:
        example = example_of(body, components["schemas"])
        checked = Draft202012Validator({**body.get("schema", {}), "components": components})
        problems = [error.message for error in checked.iter_errors(example)]
        if problems:
            wrong[name] = problems
    assert wrong == {}
