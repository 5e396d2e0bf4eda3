"""Requests to run a campaign by the API."""

from __future__ import annotations

from tansaku.models.domain.accounts import Role
from tansaku.models.domain.requests import Answer

NAME = "small-table"
PATH = f"/api/v1/campaigns/{NAME}/runs"


def ask(browser, key: str | None, path: str = PATH):
    return browser.change("POST", path, key=key)


def test_one_key_is_one_request_and_another_gets_the_one_that_waits(site_with):
    site = site_with("a1")
    browser = site.logged_in(Role.OPERATOR)
    assert ask(browser, None).status_code == 422
    assert ask(browser, "short").json()["key"] == "Idempotency-Key"
    first, second, other = ask(browser, "the-same-key"), ask(browser, "the-same-key"), ask(browser, "another-key")
    assert [answer.status_code for answer in (first, second, other)] == [202, 200, 200]
    assert first.json() == second.json() == other.json()
    assert first.json()["id"] == "the-same-key"
    assert first.json()["outlook"] == "run: requested; waiting for the service"
    assert browser.get(f"{PATH}/the-same-key").json() == first.json()
    assert browser.get(f"{PATH}/another-key").status_code == 404
    site.services.requests.answer_request("the-same-key", Answer(service="s", run="run-1"), site.clock())
    (stored,) = browser.get(PATH).json()
    assert (stored["state"], stored["run"], stored["service"]) == ("accepted", "run-1", "s")
    assert ask(browser, "the-same-key").json()["run"] == "run-1"


def test_unknown_campaigns_and_keys_of_other_campaigns_are_problems(site_with):
    browser = site_with("a1").logged_in(Role.OPERATOR)
    unknown = "/api/v1/campaigns/none/runs"
    assert ask(browser, "some-key-1", unknown).status_code == 404
    assert browser.get(unknown).status_code == 404
    assert ask(browser, "some-key-2").status_code == 202
    assert ask(browser, "some-key-2", unknown).status_code == 404
    assert browser.get(f"{unknown}/some-key-2").status_code == 404
