"""The description of the API."""

from __future__ import annotations

from tansaku.models.domain.accounts import Role


def test_the_document_describes_the_api_and_no_pages(site):
    document = site.logged_in(Role.VIEWER).get("/api/v1/openapi.json").json()
    assert {"/api/v1/session", "/api/v1/users", "/api/v1/tokens", "/api/v1/sessions"} <= set(document["paths"])
    assert all(path.startswith("/api/v1/") for path in document["paths"])
    assert site.browser().get("/docs").status_code == 404
    assert site.browser().get("/openapi.json").status_code == 404
