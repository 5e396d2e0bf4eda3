"""The description of the API."""

from __future__ import annotations

from tansaku.models.domain.accounts import Role
from tansaku.tasks.reference import json_schema


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
