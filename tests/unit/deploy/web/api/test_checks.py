"""Checks and rehearsals by the API."""

from __future__ import annotations

import base64
import threading

from tansaku.tasks.act.checks.sandbox import SandboxError, UnwantedError
from tansaku.tasks.ground.formats.workbook import write_workbook
from tests.unit.deploy.web.conftest import SPEC

CHECKS, REHEARSALS, EDITS = "/api/v1/checks", "/api/v1/rehearsals", "/api/v1/spec-edits"


def check(browser, spec: str = SPEC, path: str = f"{CHECKS}?wait=20", **more: object):
    return browser.change("POST", path, json={"spec": spec, **more})


def test_a_valid_spec_has_a_preview_that_is_kept_by_content(site, browser):
    answer = check(browser)
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert (found["state"], found["problems"]) == ("valid", [])
    assert [(file["name"], file["user"]) for file in found["files"]] == [("rows.csv", "operator")]
    assert (found["preview"]["candidates"], found["preview"]["initial"]) == (3, ["a"])
    assert browser.get(f"{CHECKS}/{found['id']}").json() == found
    assert check(browser).json()["id"] == found["id"]
    assert len(site.services.desk.sandbox.requests) == 1
    assert check(browser, SPEC + "\n# another text").json()["id"] != found["id"]
    assert browser.get(f"{CHECKS}/{'0' * 64}").status_code == 404
    assert site.services.store.campaign_names() == []


def test_the_first_sheet_of_a_workbook_is_given_as_a_csv(site, browser):
    def read(content: bytes):
        return browser.change("POST", "/api/v1/sheets", json={"file": base64.b64encode(content).decode()})

    answer = read(write_workbook([["T (K)", "value"], [300, 1.5]]))
    assert (answer.status_code, answer.json()) == (200, {"csv": "T (K),value\n300,1.5\n"})
    refused = read(write_workbook([["x"]] * 5002))
    assert (refused.status_code, refused.json()["key"]) == (422, "file")
    assert "more than 5,000 rows below its heading" in refused.json()["detail"]
    assert read(b"no workbook").status_code == 422
    assert [file.name for file in site.services.library.files()] == ["rows.csv"]  # that of other tests


def test_problems_have_key_and_line_and_are_no_error_of_the_request(browser):
    found = check(browser, SPEC.replace("rows.csv", "other.csv").replace("in_flight: 1", "in_flight: 99"))
    assert found.status_code == 200
    assert found.json()["state"] == "invalid"
    assert [(item["key"], item["line"]) for item in found.json()["problems"]] == [
        ("space.candidates", 5),
        ("execution.in_flight", 11),
    ]
    assert browser.get(f"{CHECKS}/{found.json()['id']}").json() == found.json()
    # A problem that needs the file has the line of its key.
    wrong = check(browser, SPEC.replace("[x]", "[y]")).json()
    assert [(item["key"], item["line"]) for item in wrong["problems"]] == [("space.features.place.columns", 7)]


def test_problems_of_a_hostile_file_do_not_contain_its_path(browser):
    browser.upload("bad.csv", "id,value,cost,x\na,1.0,2.0,0.0\na,1.0,2.0,0.0\n")
    browser.upload("other.csv", '"\x01,\n' * 20)
    for name in ("bad.csv", "other.csv"):
        found = check(browser, SPEC.replace("rows.csv", name)).json()
        assert found["state"] == "invalid"
        assert "/" not in "".join(item["message"] for item in found["problems"])


def test_a_check_that_fails_is_begun_again(site, browser, monkeypatch):
    def fails(*_: object) -> None:
        raise SandboxError("the check took longer than 1 s")

    with monkeypatch.context() as patch:
        patch.setattr(site.services.desk.sandbox, "ask", fails)
        assert check(browser).json()["state"] == "failed"
    assert check(browser).json()["state"] == "valid"


def test_a_running_check_is_reported_and_waited_for(site, browser, monkeypatch):
    sandbox, go = site.services.desk.sandbox, threading.Event()
    ask = sandbox.ask

    def slow(*arguments: object):
        assert go.wait(20)
        return ask(*arguments)

    monkeypatch.setattr(sandbox, "ask", slow)
    begun = check(browser, path=f"{CHECKS}?wait=0")
    assert (begun.status_code, begun.json()["state"]) == (202, "running")
    assert browser.get(f"{CHECKS}/{begun.json()['id']}").status_code == 202
    go.set()
    assert browser.get(f"{CHECKS}/{begun.json()['id']}?wait=20").json()["state"] == "valid"


def test_the_next_check_of_a_page_ends_the_one_before(site, browser, monkeypatch):
    sandbox, ended = site.services.desk.sandbox, threading.Event()
    ask = sandbox.ask

    def until_unwanted(request, watch):
        if request.spec["seed"] != 1:
            return ask(request, watch)
        while watch.wanted():
            threading.Event().wait(0.01)
        ended.set()
        raise UnwantedError("another")

    monkeypatch.setattr(sandbox, "ask", until_unwanted)
    first = check(browser, SPEC + "seed: 1\n", f"{CHECKS}?wait=0", page="one").json()
    other = check(browser, SPEC + "seed: 2\n", page="two").json()
    assert (first["state"], other["state"], ended.is_set()) == ("running", "valid", False)
    assert check(browser, SPEC + "seed: 3\n", page="one").json()["state"] == "valid"
    assert ended.wait(20)


def test_a_budget_is_rehearsed(browser):
    found = browser.change("POST", f"{REHEARSALS}?wait=20", json={"spec": SPEC, "options": {"within": "1 eV", "replays": 3}})
    assert found.json()["state"] == "valid", found.text
    assert (found.json()["done"], found.json()["rehearsal"]["replays"]) == (0, 3)
    assert browser.get(f"{REHEARSALS}/{found.json()['id']}").json() == found.json()
    wrong = browser.change("POST", f"{REHEARSALS}?wait=20", json={"spec": SPEC}).json()
    (problem,) = wrong["problems"]
    assert (wrong["state"], problem["key"]) == ("invalid", "budget.stop.within")
    assert problem["message"].startswith("missing; say how near")
    wrong = browser.change("POST", f"{REHEARSALS}?wait=20", json={"spec": SPEC, "options": {"within": "5"}}).json()
    assert (wrong["problems"][0]["key"], "--" in wrong["problems"][0]["message"]) == ("options.within", False)
    assert browser.change("POST", REHEARSALS, json={"spec": SPEC, "options": {"replays": 5000}}).status_code == 422
    assert browser.change("POST", REHEARSALS, json={"spec": SPEC, "options": {"like": "/etc/passwd"}}).status_code == 422


def test_values_are_put_into_the_text(browser):
    edited = browser.change("POST", EDITS, json={"spec": SPEC, "changes": {"name": "other", "budget.evaluations": 3}}).json()
    assert edited["spec"] == SPEC.replace("name: rows", "name: other").replace("evaluations: 2", "evaluations: 3")
    assert edited["fields"] == {
        "name": "other",
        "seed": None,
        "budget.evaluations": 3,
        "budget.cost": None,
        "budget.fraction": None,
        "execution.in_flight": 1,
    }
    assert browser.change("POST", EDITS, json={"spec": SPEC, "changes": {"space.candidates": "x"}}).status_code == 422
    assert browser.change("POST", EDITS, json={"spec": "[", "changes": {"name": "x"}}).status_code == 422
    assert browser.change("POST", EDITS, json={"spec": "," * 9000, "changes": {}}).status_code == 422
