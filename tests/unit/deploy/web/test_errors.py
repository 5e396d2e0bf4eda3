"""Errors as pages and as problem+json."""

import pytest
from fastapi import Depends

from tansaku.deploy.web.auth.roles import require
from tansaku.models.domain.accounts import Role
from tansaku.models.domain.errors import ConfigurationError, FieldError, NotFoundError, StoreError, TransientError


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (NotFoundError("no campaign 'x'", hint="`list` names all"), 404),
        (ConfigurationError("wrong"), 422),
        (FieldError("budget.cost", "negative"), 422),
        (TransientError("the database does not answer"), 503),
        (StoreError("refused"), 409),
    ],
)
def test_our_errors_have_a_status_and_hints_for_programs_alone(site, error, status):
    @site.app.get("/api/v1/broken")
    @site.app.get("/broken")
    def broken():
        raise error

    answer = site.browser().get("/api/v1/broken")
    assert (answer.status_code, answer.headers["Content-Type"]) == (status, "application/problem+json")
    assert answer.json()["detail"] == error.message
    assert answer.json().get("key") == getattr(error, "key", None)
    assert answer.json().get("hint") == error.hint
    page = site.browser().get("/broken")
    assert "names all" not in page.text
    assert (page.status_code, page.headers["Content-Type"]) == (status, "text/html; charset=utf-8")
    assert 'role="alert"' in page.text


def test_what_an_error_quotes_is_text(site):
    @site.app.get("/broken")
    def broken():
        raise NotFoundError("no campaign '<script>\x1b[31m'")

    text = site.browser().get("/broken").text
    assert "&lt;script&gt;\\x1b[31m" in text


def test_a_missing_page_and_a_wrong_method_are_pages_for_browsers_and_problems_for_programs(site):
    browser = site.logged_in(Role.VIEWER)
    assert "Not Found" in browser.get("/nothing").text
    assert browser.get("/api/v1/nothing").json()["status"] == 404
    answer = browser.change("PUT", "/api/v1/session")
    assert (answer.status_code, answer.json()["title"]) == (405, "Method Not Allowed")


@pytest.mark.parametrize(
    ("path", "page"), [("/campaigns/x/links", "/campaigns/x"), ("/notifications/some-id", "/notifications"), ("/logout", "/")]
)
def test_the_address_of_a_form_leads_to_its_page(site, path, page):
    answer = site.logged_in(Role.VIEWER).get(path, follow_redirects=False)
    assert (answer.status_code, answer.headers["Location"]) == (303, page)


def test_who_is_refused_still_sees_who_they_are(site):
    @site.app.get("/for-admins", dependencies=[Depends(require(Role.ADMIN))])
    def for_admins():
        raise AssertionError

    answer = site.logged_in(Role.VIEWER).get("/for-admins")
    assert answer.status_code == 403
    assert "this needs the role admin; you have the role viewer" in answer.text
    assert "Log out" in answer.text
