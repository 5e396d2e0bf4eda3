"""Campaigns by the API."""

from __future__ import annotations

from tansaku.models.domain.accounts import Role

NAME = "small-table"
PATH = f"/api/v1/campaigns/{NAME}"


def command(browser, key: str | None, body: dict, **headers: str):
    return browser.change("POST", f"{PATH}/commands", key=key, json=body, headers=headers)


def test_a_campaign_its_evaluations_and_its_curve(site_with):
    browser = site_with("a1", "a2", "a3").logged_in(Role.VIEWER)
    (line,) = browser.get("/api/v1/campaigns").json()["items"]
    assert (line["name"], line["best"], line["unit"], line["failed"]) == (NAME, 3.0, "mJ/m2", 1)
    assert browser.get(PATH).json()["evaluations"] == 3
    page = browser.get(f"{PATH}/evaluations?limit=2").json()
    assert ([item["candidate"] for item in page["items"]], page["next"], page["total"]) == (["a1", "a2"], 2, 3)
    assert [item["candidate"] for item in browser.get(f"{PATH}/evaluations?after=2").json()["items"]] == ["a3"]
    assert browser.get(f"{PATH}/evaluations/3").json()["state"] == "FAILED"
    series = browser.get(f"{PATH}/series").json()
    assert series["evaluations"] == [1, 2, 3]
    assert series["cost"] == [2.0, 4.0, 8.0]
    assert series["value"] == [5.0, 3.0, None]
    assert series["best"] == [5.0, 3.0, 3.0]
    tag = browser.get(f"{PATH}/series").headers["ETag"]
    assert browser.get(f"{PATH}/series?seen={tag.strip(chr(34))}").json() == series
    assert browser.get(f"{PATH}/series", headers={"If-None-Match": tag}).status_code == 304


def test_one_key_is_one_command(site_with):
    site = site_with("a1", "a3")
    browser = site.logged_in(Role.OPERATOR)
    assert command(browser, None, {"kind": "pause"}).status_code == 422
    assert command(browser, "short", {"kind": "pause"}).json()["key"] == "Idempotency-Key"
    body = {"kind": "retry", "candidates": ["a3"]}
    first, second = command(browser, "the-same-key", body), command(browser, "the-same-key", body)
    assert (first.status_code, second.status_code) == (202, 200)
    assert first.json() == second.json()
    assert not first.json()["has_driver"]
    assert command(browser, "the-same-key", {"kind": "pause"}).status_code == 409
    assert command(browser, "another-key", {"kind": "retry", "candidates": ["none"]}).status_code == 404
    assert [stored["id"] for stored in browser.get(f"{PATH}/commands").json()] == ["the-same-key"]


def test_an_edit_needs_the_present_revision(site_with):
    site = site_with("a1")
    browser = site.logged_in(Role.OPERATOR)
    tag = browser.get(PATH).headers["ETag"]
    body = {"kind": "edit", "changes": {"budget.cost": 20}}
    assert command(browser, "edit-without", body).status_code == 428
    assert command(browser, "edit-first", body, **{"If-Match": tag}).status_code == 202
    assert (
        command(browser, "edit-stale", {"kind": "edit", "changes": {"budget.cost": 30}}, **{"If-Match": tag}).status_code == 412
    )
    tag = browser.get(PATH).headers["ETag"]
    assert command(browser, "edit-folder", {"kind": "edit", "changes": {"space": {}}}, **{"If-Match": tag}).status_code == 422
    assert [stored.id for stored in site.services.store.campaign(NAME).commands] == ["edit-first"]
    (entry,) = site.changes("campaign.edit")
    assert entry.before == {"budget.cost": site.services.store.campaign(NAME).spec["budget"]["cost"]}
    assert entry.after == {"id": "edit-first", "payload": {"budget.cost": 20}}


def test_an_unknown_campaign_is_a_problem(site):
    browser = site.logged_in(Role.VIEWER)
    for path in ("", "/series", "/commands", "/evaluations", "/evaluations/1", "/changes"):
        answer = browser.get(f"/api/v1/campaigns/none{path}")
        assert answer.status_code == 404, path
        assert answer.headers["Content-Type"] == "application/problem+json"


def test_a_version_that_is_known_is_not_sent_again(site_with):
    browser = site_with("a1").logged_in(Role.VIEWER)
    for part in ("series", "predictions"):
        path = f"/api/v1/campaigns/small-table/{part}"
        tag = browser.get(path).headers["ETag"]
        answer = browser.get(path, headers={"If-None-Match": tag})
        assert (answer.status_code, answer.content, answer.headers["ETag"]) == (304, b"", tag)
        assert browser.get(path, headers={"If-None-Match": '"other"'}).status_code == 200


def test_who_changed_a_campaign_is_shown_to_viewers_without_addresses(site_with):
    site = site_with("a1")
    operator = site.logged_in(Role.OPERATOR)
    assert command(operator, "a-first-pause", {"kind": "pause"}).status_code == 202
    browser = site.logged_in(Role.VIEWER)
    (entry,) = browser.get(f"{PATH}/audit").json()["items"]
    assert (entry["actor"], entry["action"], entry["after"]["id"]) == ("operator", "campaign.pause", "a-first-pause")
    assert "address" not in entry
    assert browser.get("/api/v1/campaigns/none/audit").status_code == 404
