"""Schedules: by the API, on their page, and what becomes of them."""

from __future__ import annotations

from tansaku.models.domain.accounts import Role
from tansaku.models.domain.schedules import ScheduleMirror, ScheduleRow

NAME, API = "small-table", "/api/v1/schedules"
BODY = {"campaign": NAME, "cron": "30 2 * * 1-5", "zone": "Europe/Berlin"}


def send(browser, method: str, path: str, body: dict | None = None, **headers: str):
    return browser.change(method, path, json=body, headers={name.replace("_", "-"): value for name, value in headers.items()})


def row(identifier: str, own: str | None, site, **changes: object) -> ScheduleRow:
    usual = {"campaign": NAME, "task": "run", "timing": BODY["cron"], "zone": BODY["zone"], "active": True}
    return ScheduleRow(id=identifier, own=own, next_at=site.clock(), last_result="Completed", **(usual | changes))


def test_a_schedule_is_stored_changed_and_removed(site_with):
    site = site_with("a1")
    browser = site.logged_in(Role.OPERATOR)
    assert send(browser, "POST", API, BODY).status_code == 422
    assert send(browser, "POST", API, BODY, Idempotency_Key="a:b:c:d:e").json()["key"] == "Idempotency-Key"
    first, again = (send(browser, "POST", API, BODY, Idempotency_Key="the-same-key") for _ in range(2))
    assert (first.status_code, again.status_code, first.json()["state"]) == (201, 200, "stored; waits for the service")
    assert first.json() == again.json()
    path, off = f"{API}/the-same-key", {"cron": "0 3 * * *", "zone": "UTC", "active": False}
    assert send(browser, "PUT", path, off).status_code == 428
    assert [send(browser, "PUT", path, off, If_Match=tag).status_code for tag in ('"9"', "x", '"1"', '"1"')] == [
        412,
        412,
        200,
        412,
    ]
    (line,) = browser.get(API).json()
    assert (line["cron"], line["active"], line["revision"]) == ("0 3 * * *", False, 2)
    assert send(browser, "DELETE", path).status_code == 204
    assert browser.get(API).json()[0]["state"] == "is being removed"
    assert send(browser, "DELETE", path).status_code == 404
    assert [len(site.changes(f"schedule.{done}")) for done in ("create", "change", "remove")] == [1, 1, 1]


def test_wrong_fields_and_unknown_campaigns_are_problems(site_with):
    browser = site_with("a1").logged_in(Role.OPERATOR)
    for change, key in (({"cron": "61 * * * *"}, "cron"), ({"zone": "Mars"}, "zone")):
        answer = send(browser, "POST", API, BODY | change, Idempotency_Key="some-key-1")
        assert (answer.status_code, answer.json()["key"]) == (422, key)
    assert send(browser, "POST", API, BODY | {"campaign": "none"}, Idempotency_Key="some-key-1").status_code == 404


def test_those_of_prefects_page_are_shown_and_refused(site_with):
    site = site_with("a1")
    browser = site.logged_in(Role.OPERATOR)
    send(browser, "POST", API, BODY, Idempotency_Key="the-same-key")
    others = [
        row(name, None, site, campaign=None, task=task)
        for name, task in (("r2", "<b>reconcile</b>"), ("r3", "tansaku-reconcile-database"))
    ]
    rows = (row("r1", "the-same-key", site), *others)
    site.services.schedules.mirror_schedules(ScheduleMirror(id="tansaku", rows=rows, mirrored_at=site.clock()))
    own, theirs, _ = browser.get(API).json()
    assert (own["state"], own["last_result"], own["service"]) == ("in force", "Completed", "tansaku")
    assert (theirs["read_only"], theirs["state"], theirs["revision"]) == (True, "kept by Prefect's own page", None)
    timing = {"cron": "0 3 * * *"}
    assert send(browser, "PUT", f"{API}/r2", timing, If_Match='"1"').status_code == 404
    assert send(browser, "DELETE", f"{API}/r2").status_code == 404
    page = browser.get("/schedules").text
    assert "&lt;b&gt;reconcile&lt;/b&gt;" in page
    assert page.count("compares campaigns, their folders and the queues") == 1
    assert page.count('value="remove"') == 1
    assert (
        send(browser, "PUT", f"{API}/the-same-key", timing, If_Match='"1"').json()["state"] == "changed; waits for the service"
    )
    site.clock.pass_time(60)
    assert browser.get(API).json()[0]["state"].startswith("in force when service tansaku was last seen")


def test_forms_do_the_same(site_with):
    site = site_with("a1")
    browser = site.logged_in(Role.OPERATOR)
    assert browser.submit("/schedules", BODY | {"key": "from-a-form"}, "/schedules").status_code == 303
    fields = {"cron": BODY["cron"], "zone": BODY["zone"], "active": "yes"}
    path = "/schedules/from-a-form"
    assert browser.submit(path, fields | {"action": "off", "revision": "1"}, "/schedules").status_code == 303
    assert browser.submit(path, fields | {"action": "on", "revision": "1"}, "/schedules").status_code == 412
    assert browser.submit(path, {"action": "none"}, "/schedules").status_code == 422
    (stored,) = site.services.schedules.schedules()
    assert (stored.active, stored.cron) == (False, BODY["cron"])
    assert browser.submit(path, {"action": "remove", "revision": "2"}, "/schedules").status_code == 303
    assert site.services.schedules.schedules()[0].removed


def test_a_viewer_sees_no_form(site):
    assert "Add a schedule" not in site.logged_in(Role.VIEWER).get("/schedules").text
