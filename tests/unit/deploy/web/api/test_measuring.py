"""People and robots measure by the API and by the form of the dashboard."""

import base64
import re

import pytest

from tansaku.models.domain.accounts import Role
from tansaku.models.domain.requests import Answer
from tansaku.tasks.act.measurements import ask_tell
from tansaku.tasks.backends.resources import Resources
from tansaku.tasks.ground.formats.workbook import read_workbook, write_workbook
from tansaku.tasks.ground.settings import Settings

TABLE = "id,x,kind\na,0.0,soft\nb,0.5,hard\nc,1.0,soft\nd,1.5,hard\n"
SPEC = """\
schema_version: 1
name: rows
space:
  type: table
  candidates: rows.csv
  columns: {id: id}
  features: {place: {columns: [x]}, kind: {columns: [kind], categories: one_hot}}
calculator: {type: manual}
objective: {unit: GPa}
proposer: {type: grid}
budget: {evaluations: 4}
execution: {in_flight: 2}
"""
PLAIN = SPEC.replace("unit: GPa", "property: Strength_x, unit: '1'")
PRICED = "features: {all: {columns: [x, costly], prices: {costly: 0.01}}}"
PATH = "/api/v1/campaigns/rows"


def post(browser, what, name, **body):
    return browser.change("POST", f"{PATH}/{what}", key=f"{name}-key-0001", json=body)


@pytest.fixture
def browser(site):
    found = site.logged_in(Role.OPERATOR)
    assert found.upload(content=TABLE).status_code == 201
    assert found.change("POST", "/api/v1/campaigns", json={"spec": SPEC}).status_code == 201
    return found


@pytest.fixture
def serve(site, tmp_path):
    """What the service does when it is asked to run the campaign."""

    def run():
        resources = Resources(Settings(home=tmp_path), site.services.site, site.services.store, site.services.artifacts, None)
        ask_tell.apply_commands_now(resources, "rows")
        with ask_tell.CampaignLoop(resources, "rows") as loop:
            loop.advance()

    return run


def test_a_measured_value_is_told_as_one(site, browser, serve):
    """Neither the page of the campaign nor that of the value speaks of computing, and the best has its conditions."""
    post(browser, "asks", "ask", count=1)
    serve()
    assert post(browser, "tells", "tell", rows=[{"number": 1, "value": 3.0}]).status_code < 300
    serve()
    best = browser.get("/campaigns/rows").text.partition('id="best"')[2].partition("</div>")[0]
    assert "x 0, kind soft" in best
    page = browser.get("/campaigns/rows/evaluations/1").text
    assert ", measured" in page
    for text in ("computed by", "Compute once more", "0 s on 1 core", "left no structure", "Computed with", "left no versions"):
        assert text not in page, text


def test_ask_and_tell(site, browser, serve):
    asked = post(browser, "asks", "ask", count=3)
    assert (asked.status_code, asked.json()["waiting"]) == (202, [])
    assert post(browser, "asks", "ask", count=3).status_code == 200
    assert len(site.changes("campaign.ask")) == 1
    (request,) = site.services.requests.requests_of("rows")
    assert request.user == "operator"
    serve()
    waiting = browser.get(f"{PATH}/asks").json()
    assert (waiting["unit"], [item["candidate"] for item in waiting["waiting"]]) == ("GPa", ["a", "b", "c"])
    first = browser.get(f"{PATH}/asks?limit=2")
    assert [item["number"] for item in first.json()["waiting"]] == [1, 2]
    assert first.headers["Link"] == f'<{PATH}/asks?limit=2&after=2>; rel="next"'
    last = browser.get(f"{PATH}/asks?limit=2&after=2")
    assert ([item["number"] for item in last.json()["waiting"]], "Link" in last.headers) == ([3], False)
    assert browser.get(f"{PATH}/asks?after=9").json()["key"] == "after"
    rows = [{"number": 1, "value": "1500 MPa"}, {"number": 2, "status": "failed", "note": "cracked"}]
    told = post(browser, "tells", "tell", rows=rows)
    assert (told.status_code, told.json()["new"], told.json()["applied"]) == (202, {"values": 1, "failures": 1}, False)
    serve()
    assert post(browser, "tells", "tell", rows=rows).json()["applied"]
    assert post(browser, "tells", "again", rows=rows).json()["known"] == [1, 2]
    states = {item["candidate"]: item["value"] for item in browser.get(f"{PATH}/evaluations").json()["items"]}
    assert (states["a"], states["b"]) == (1.5, None)
    page = browser.get("/campaigns/rows/evaluations/1").text
    assert re.search(r'<tr><th scope="row">kind</th><td>\w+</td></tr>', page)
    assert post(browser, "asks", "free", release=[3]).status_code == 202
    serve()
    assert [item["candidate"] for item in browser.get(f"{PATH}/asks").json()["waiting"]] == ["d"]
    assert len(browser.get(f"{PATH}/commands").json()) == 3


def test_plain_numbers_have_no_unit_and_a_heading_is_read_in_any_case(site, serve):
    browser = site.with_session(Role.OPERATOR)
    assert browser.upload("rows.csv", TABLE).status_code == 201
    assert browser.change("POST", "/api/v1/campaigns", json={"spec": PLAIN}).status_code == 201
    post(browser, "asks", "ask", count=2)
    serve()
    page = "/campaigns/rows/measurements"
    assert browser.get(f"{page}.csv").text.startswith("number,candidate,x,kind,value,deviation,")
    (_, heading), *rows = read_workbook(browser.get(f"{page}.xlsx").content)
    assert heading[:6] == ["number", "candidate", "x", "kind", "Strength_x", "deviation"]
    filled = write_workbook([heading, *([*cells[:4], 0.5, *cells[5:]] for _, cells in rows[1:])])
    told = post(browser, "tells", "file", file=base64.b64encode(filled).decode())
    assert (told.status_code, told.json()["new"]) == (202, {"values": 1})
    post(browser, "tells", "tell", csv="candidate,strength_X\na,0.11123\n")
    serve()
    for page in ("", "/measurements", "/evaluations", "/evaluations/1"):
        text = re.sub(r"<[^>]*>", "", browser.get(f"/campaigns/rows{page}").text)
        assert ("[1]" in text, re.search(r"\.\d+ 1\s", text)) == (False, None), page
    assert "0.11123" in text
    assert browser.get("/api/v1/campaigns/rows/figures").json()["quantity"] == "Strength_x"


def test_what_is_wrong_is_a_problem_and_nothing_is_stored(site, browser):
    wrong = post(browser, "tells", "tell", rows=[{"candidate": "a", "value": 1.0}, {"candidate": "a", "value": "1 K"}])
    assert (wrong.status_code, wrong.headers["Content-Type"]) == (422, "application/problem+json")
    assert "line 2: value: 'K' ([temperature]) cannot be converted to 'GPa'" in wrong.json()["detail"]
    assert post(browser, "tells", "csv", csv="candidate;value\nz;1,5\n").status_code == 422
    assert post(browser, "asks", "many", count=5000).status_code == 422
    assert post(browser, "asks", "none", release=[7]).status_code == 404
    assert browser.change("POST", f"{PATH}/asks", json={}).status_code == 422
    assert browser.change("POST", f"{PATH}/commands", json={"kind": "tell"}).status_code == 422
    assert site.services.store.campaign("rows").commands == ()
    assert post(browser, "asks", "once", count=1).status_code == 202
    assert post(browser, "tells", "once", rows=[{"candidate": "a", "value": 1.0}]).status_code == 409


def test_the_form_of_the_dashboard(site, browser, serve):
    page = "/campaigns/rows/measurements"
    assert 'action="/campaigns/rows/tells"' not in site.with_session(Role.VIEWER).get(page).text
    assert f'href="{page}"' in browser.get("/campaigns/rows").text
    asked = browser.submit("/campaigns/rows/asks", {"count": "2", "key": "form-key-1"})
    assert (asked.status_code, asked.headers["Location"].partition("?")[0]) == (303, page)
    serve()
    shown = browser.get(page).text
    assert 'name="value-2"' in shown
    assert '<p id="waiting-said">0 reported, 2 waiting; ask for more' in shown
    assert 'id="count" name="count" inputmode="numeric" value="3"' in shown
    assert shown.index('id="count"') < shown.index('id="proposal-1"')
    wrong = browser.submit("/campaigns/rows/tells", {"key": "form-key-0", "value-2": "x", "note-2": "by hand"})
    assert (wrong.status_code, 'id="problem-proposal-2" role="alert"' in wrong.text) == (422, True)
    for name, typed in (("value-2", "x"), ("note-2", "by hand")):
        assert f'name="{name}" value="{typed}"' in wrong.text
    both = browser.submit("/campaigns/rows/tells", {"key": "form-key-0", "value-1": "1,5", "value-2": "x"})
    assert (both.status_code, 'id="problem-rows" role="alert"' in both.text) == (422, True)
    fields = {"key": "form-key-2", "value-1": "1,5", "deviation-1": "0.1", "value-2": "", "status-2": "failed", "note-2": "no"}
    told = browser.submit("/campaigns/rows/tells", fields)
    assert told.status_code == 303, told.text
    serve()
    found = {item.proposal.candidate: item.outcome for item in site.services.store.evaluations("rows")}
    assert (found["a"].value, found["a"].deviation, found["b"].failure.message) == (1.5, 0.1, "no")
    pasted = browser.submit("/campaigns/rows/tells", {"key": "form-key-3", "csv": "candidate;value\r\nd;2,5\r\n"})
    assert pasted.status_code == 303
    assert browser.submit("/campaigns/rows/tells", {"key": "form-key-4", "value-9": "x"}).status_code == 422
    assert browser.submit("/campaigns/rows/asks", {"key": "form-key-5", "release": "3"}).status_code == 303
    stored = browser.get(page).text
    assert "Stored, learning" in stored, "the table's value and the release wait for a driver"
    assert stored.index("2.5 GPa") < stored.index("1.50 ± 0.10"), "the last report comes first"


def test_who_may_only_look_is_not_asked_to_measure(site, browser, serve):
    post(browser, "asks", "ask", count=2)
    serve()
    page, viewer = "/campaigns/rows", site.with_session(Role.VIEWER)
    head, own = viewer.get(page).text, browser.get(page).text
    assert ("Report values" in own, "waits for 2 values from you" in own) == (True, True)
    assert ("Report values" in head, "from you" in head, "waits for 2 values" in head) == (False, False, True)
    parts = [who.get(f"{page}/parts").text for who in (browser, viewer)]
    assert ["Report values" in text for text in parts] == [True, False]
    looked = viewer.get(f"{page}/measurements").text
    assert "You may look, and report nothing: you are a viewer; an admin can make you an operator." in looked
    assert "You may look" not in browser.get(f"{page}/measurements").text


def test_known_values_are_counted_apart_in_the_same_words_everywhere(site, serve):
    browser = site.with_session(Role.OPERATOR)
    table = "id,x,kind,hardness\na,0.0,soft,1.0\nb,0.5,hard,2.5\nc,1.0,soft,\nd,1.5,hard,\n"
    spec = SPEC + "known: {file: rows.csv, candidate: id, value: hardness}\n"
    assert browser.upload(content=table).status_code == 201
    assert browser.change("POST", "/api/v1/campaigns", json={"spec": spec}).status_code == 201
    post(browser, "asks", "ask", count=2)
    serve()
    shown = {
        page: re.sub(r"<[^>]*>", "", browser.get(page).text)
        for page in ("/", "/campaigns/rows", "/campaigns/rows/measurements")
    }
    assert all("2 known already" in text for text in shown.values())
    assert "0 + 2 waiting" in shown["/"]
    head = shown["/campaigns/rows"]
    assert "0 done, waits for 2 values from you, 2 known already" in head
    assert re.search(r"Evaluations\s+0\s+reported, 2 waiting; of 2 that can be evaluated \(0 %\); the limit is 4\s", head)
    assert "2 of it reserved for what waits" in head
    assert "2 known already, 0 reported, 2 waiting" in shown["/campaigns/rows/measurements"]
    queue = browser.get("/queue").text
    assert ("measured and reported" in queue, "not running now" in queue, "Job</th>" in queue) == (True, False, False)
    (request,) = site.services.requests.requests_of("rows")
    site.services.requests.answer_request(request.id, Answer(service="tansaku", run="run-1"), site.clock())
    site.services.requests.end_request(request.id, "", site.clock())
    assert "run: ended" not in browser.get("/campaigns/rows/runs").text


def test_a_value_is_corrected_in_place_and_the_old_one_stays(browser, serve):
    assert browser.submit("/campaigns/rows/asks", {"count": "1", "key": "form-key-1"}).status_code == 303
    serve()
    assert browser.submit("/campaigns/rows/tells", {"key": "form-key-2", "value-1": "1"}).status_code == 303
    serve()
    corrected = {"key": "form-key-3", "value-1": "x", "status-1": "correction", "note-1": "read wrongly"}
    wrong = browser.submit("/campaigns/rows/tells", corrected)
    assert (wrong.status_code, 'id="problem-correct-1" role="alert"' in wrong.text) == (422, True)
    assert browser.submit("/campaigns/rows/tells", corrected | {"value-1": "2"}).status_code == 303
    serve()
    card = browser.get("/campaigns/rows/measurements").text.partition('id="told-1"')[2]
    assert re.findall(r"<strong>([^<]*)</strong>", card) == ["2 GPa", "1 GPa"]
    assert card.index("2 GPa") < card.index("read wrongly") < card.index("<del>") < card.index("1 GPa")


def test_an_expectation_from_before_a_correction_is_told_as_such(site, serve):
    browser = site.with_session(Role.OPERATOR)
    browser.upload(content=TABLE)
    spec = SPEC.replace("{type: grid}", "{type: gp, initial_points: 2}")
    assert browser.change("POST", "/api/v1/campaigns", json={"spec": spec}).status_code == 201
    post(browser, "asks", "two", count=2)
    serve()
    post(browser, "tells", "first", rows=[{"number": 1, "value": 1.0}, {"number": 2, "value": 20.0}])
    serve()
    post(browser, "asks", "third", count=1)
    serve()
    page = "/campaigns/rows/measurements"
    assert re.search(r"Expected <strong><data [^>]*>[-\d.]+ ± [\d.]+</data></strong> GPa", browser.get(page).text)
    post(browser, "tells", "right", rows=[{"number": 2, "value": 2.0, "status": "correction"}])
    serve()
    shown = browser.get(page).text
    assert re.search(r"Expected before a value was corrected: <data [^>]*>[-\d.]+ ± [\d.]+</data> GPa", shown)
    assert "Skip it to get another proposal that knows the right one." in shown


def test_a_table_to_be_filled_in_goes_out_and_comes_back(site, browser, serve):
    assert post(browser, "asks", "ask", count=2).status_code == 202
    serve()
    page = "/campaigns/rows/measurements"
    viewer = site.with_session(Role.VIEWER)
    assert (
        viewer.get(f"{page}.csv").text.splitlines()[0].startswith("number,candidate,x,kind,value [GPa],deviation,status,note")
    )
    answer = viewer.get(f"{page}.xlsx")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="rows.xlsx"'
    (_, heading), *rows = read_workbook(answer.content)
    assert [cells[:4] for _, cells in rows] == [["1", "a", "0", "soft"], ["2", "b", "0.5", "hard"]]
    filled = write_workbook([heading, *([*cells[:4], 1.5 + number, *cells[5:]] for number, cells in rows)])
    told = post(browser, "tells", "file", file=base64.b64encode(filled).decode())
    assert (told.status_code, told.json()["new"]) == (202, {"values": 2})
    wrong = post(browser, "tells", "torn", file=base64.b64encode(filled[:99]).decode())
    assert (wrong.status_code, "the file: it is no Excel workbook" in wrong.json()["detail"]) == (422, True)


def test_a_surprising_value_is_asked_about_before_it_is_stored(site, serve):
    browser = site.logged_in(Role.OPERATOR)
    rows = "".join(f"r{i},{0.1 * i}\n" for i in range(12))
    assert browser.upload(content=f"id,x\n{rows}").status_code == 201
    spec = SPEC.replace(", kind: {columns: [kind], categories: one_hot}", "").replace("evaluations: 4", "evaluations: 9")
    spec = spec.replace("{type: grid}", "{type: gp, initial_points: 4}")
    assert browser.change("POST", "/api/v1/campaigns", json={"spec": spec}).status_code == 201
    assert post(browser, "asks", "ask", count=4).status_code == 202
    serve()
    waiting = browser.get(f"{PATH}/asks").json()["waiting"]
    values = [{"number": item["number"], "value": 1 + item["cells"]["x"]} for item in waiting]
    assert post(browser, "tells", "first", rows=values).status_code == 202
    serve()
    (number, *_) = (item["number"] for item in browser.get(f"{PATH}/asks").json()["waiting"])
    row = {"number": number, "value": 5000}
    asked = post(browser, "tells", "odd", rows=[row], confirm=False)
    assert (asked.status_code, asked.json()["key"]) == (422, "confirm")
    wanted = rf"proposal {number}: 5000 GPa is \d+ standard deviations from what is expected, \S+ ± \S+ GPa"
    assert re.search(wanted, asked.json()["detail"])
    fields = {"key": "form-key-1", f"value-{number}": "5000", "confirm": ""}
    page = browser.submit("/campaigns/rows/tells", fields)
    assert (page.status_code, 'name="confirm" value="yes"' in page.text) == (422, True)
    pasted = browser.submit(
        "/campaigns/rows/tells", {"key": "form-key-2", "csv": f"number,value\n{number},5000", "confirm": ""}
    )
    assert (pasted.status_code, pasted.text.count('name="confirm" value="yes"')) == (422, 1)
    assert len(site.services.store.campaign("rows").commands) == 2
    assert browser.submit("/campaigns/rows/tells", fields | {"confirm": "yes"}).status_code == 303


def test_a_value_without_a_prediction_is_compared_with_the_others(browser, serve):
    assert post(browser, "asks", "ask", count=4).status_code == 202
    serve()
    values = [{"number": number, "value": value} for number, value in ((1, 22.9), (2, 48.0), (3, 31.0))]
    for row in values:  # applied by nobody yet, as when somebody types one after the other
        assert post(browser, "tells", f"first-{row['number']}", rows=[row], confirm=False).status_code == 202
    waits = browser.get(f"{PATH}/asks").json()["waiting"][3]
    for value, is_odd in ((6100, True), (-150, True), (150, False)):
        asked = post(
            browser, "tells", f"odd-{abs(value)}-{value < 0}", rows=[{"number": waits["number"], "value": value}], confirm=False
        )
        assert (asked.status_code == 422) is is_odd, asked.text
        if value == 6100:
            wanted = "6100 GPa is far from all others, 22.9 to 48 GPa: 241 times as far as these are from each other"
            assert (asked.json()["key"], f"proposal 4: {wanted}" in asked.json()["detail"]) == ("confirm", True)
    table = b"candidate,x,kind,value\nown-1,0.2,hard,30\nown-2,0.3,hard,6100\n"
    asked = post(browser, "tells", "own", file=base64.b64encode(table).decode(), confirm=False)
    assert "line 3: 6100 GPa is far from all others" in asked.json()["detail"]
    table = table.replace(b"value", b"results,status")
    asked = post(browser, "tells", "typo", file=base64.b64encode(table).decode(), confirm=False)
    assert "no column 'value' (or 'value [GPa]'); the report has candidate, x, kind, results, status" in asked.json()["detail"]


def test_the_form_takes_what_was_done_otherwise(site, browser, serve):
    assert browser.submit("/campaigns/rows/asks", {"count": "2", "key": "form-key-1"}).status_code == 303
    serve()
    page = browser.get("/campaigns/rows/measurements").text
    assert re.findall(r'<option value="([^"]*)"></option>', page) == ["a", "b", "c", "d"]
    assert re.findall(r'name="(done-[^"]*)"', page) == ["done-1-x", "done-1-kind", "done-2-x", "done-2-kind"]
    told = {"value-1": "1", "done-1-x": "0.7", "done-1-kind": "", "value-2": "2", "done-2-x": "near", "done-2-kind": ""}
    alone = {name: text for name, text in told.items() if "-2" in name}
    wrong = browser.submit("/campaigns/rows/tells", alone | {"key": "form-key-2"})
    assert (wrong.status_code, 'name="done-2-x" value="near"' in wrong.text) == (422, True)
    right = browser.submit("/campaigns/rows/tells", told | {"key": "form-key-3", "done-2-x": ""})
    assert "proposal 1 (a): x proposed 0, done 0.7" in browser.get(right.headers["Location"]).text
    serve()
    found = site.services.store.evaluations("rows")
    assert [(item.proposal.candidate, item.outcome.value) for item in found if item.outcome] == [
        ("b", 2.0),
        (found[2].proposal.candidate, 1.0),
    ]
    assert found[0].done_as == 3


FRONT = "{unit: GPa, goal: {type: pareto, also: [{property: strength, unit: MPa}]}}"


def test_several_measured_quantities_have_a_field_each(require, site, serve):
    require("botorch")
    browser = site.logged_in(Role.OPERATOR)
    assert browser.upload(content=TABLE).status_code == 201
    spec = SPEC.replace("{unit: GPa}", FRONT).replace("{type: grid}", "{type: gp, initial_points: 2}")
    assert browser.change("POST", "/api/v1/campaigns", json={"spec": spec}).status_code == 201
    assert post(browser, "asks", "ask", count=2).status_code == 202
    serve()
    page = browser.get("/campaigns/rows/measurements").text
    assert re.findall(r'name="(value|deviation|strength|status|note)-1"', page) == [
        "value", "strength", "note", "status", "deviation",
    ]  # fmt: skip
    assert re.search(r'<label for="strength-1">strength</label>\s*<div[^>]*><input[^>]*> <span>MPa</span>', page)
    assert browser.get(f"{PATH}/asks").json()["measured"] == {"value": "GPa", "strength": "MPa"}
    wrong = browser.submit("/campaigns/rows/tells", {"key": "form-key-1", "value-1": "1", "strength-1": ""})
    assert (wrong.status_code, "strength: missing" in wrong.text) == (422, True)
    told = browser.submit("/campaigns/rows/tells", {"key": "form-key-2", "value-1": "1", "strength-1": "0,2 GPa"})
    assert told.status_code == 303, told.text
    assert post(browser, "tells", "two", rows=[{"number": 2, "value": 2}]).status_code == 422
    assert post(browser, "tells", "too", rows=[{"number": 2, "value": 2, "strength": 150}]).status_code == 202
    serve()
    found = [item.outcome.quantities["strength"].value for item in site.services.store.evaluations("rows") if item.outcome]
    assert found == [200.0, 150.0]
    (first, *_) = browser.get(f"{PATH}/asks").json()["waiting"]
    assert set(first["others"]["strength"]) == {"prediction", "uncertainty"}
    assert re.search(r"strength: expected <strong>.* MPa</p>", browser.get("/campaigns/rows/measurements").text)
    assert [axis["name"] for axis in browser.get(f"{PATH}/figures").json()["front"]["axes"]] == ["value", "strength"]


def test_a_descriptor_is_asked_for_and_taken(site, serve):
    browser = site.logged_in(Role.OPERATOR)
    rows = [f"r{i:02d},{(7 * i) % 20 - 10},{'' if i >= 10 else 2 * ((7 * i) % 20 - 10) + (-1) ** i}" for i in range(20)]
    assert browser.upload(content="\n".join(["id,x,costly", *rows]) + "\n").status_code == 201
    priced = SPEC.replace("features: {place: {columns: [x]}, kind: {columns: [kind], categories: one_hot}}", PRICED)
    priced = priced.replace("{type: grid}", "{type: sparse, initial_points: 1}").replace("evaluations: 4", "evaluations: 20")
    assert browser.change("POST", "/api/v1/campaigns", json={"spec": priced}).status_code == 201
    known = [{"candidate": f"r{i:02d}", "value": 2 * ((7 * i) % 20 - 10) + (-1) ** i} for i in range(10)]
    assert post(browser, "tells", "known", rows=known).status_code == 202
    assert post(browser, "asks", "ask", count=1).status_code == 202
    serve()
    asked = browser.get(f"{PATH}/asks").json()
    assert asked["descriptor"]["column"] == "costly"
    names = asked["descriptor"]["candidates"]
    assert f"First measure <strong>costly</strong> of {names[0]}" in browser.get("/campaigns/rows/measurements").text
    assert 'name="values"' in browser.get("/campaigns/rows/measurements").text
    assert post(browser, "asks", "values", count=1, values=True).status_code == 202
    serve()
    first = browser.get(f"{PATH}/asks").json()
    assert (len(first["waiting"]), first["descriptor"]) == (1, None)
    assert browser.submit("/campaigns/rows/asks", {"key": "form-key-1", "count": "2", "values": "on"}).status_code == 303
    serve()
    assert len(browser.get(f"{PATH}/asks").json()["waiting"]) == 2
    told = post(
        browser, "tells", "costly", rows=[{"candidate": name, "costly": 5} for name in asked["descriptor"]["candidates"]]
    )
    assert told.json()["new"] == {"descriptors": len(names)}
    serve()
    assert browser.get(f"{PATH}/asks").json()["descriptor"] != asked["descriptor"]


def test_what_was_done_otherwise_and_what_meets_the_threshold_are_shown(site, serve):
    browser = site.logged_in(Role.OPERATOR)
    assert browser.upload(content=TABLE).status_code == 201
    spec = SPEC.replace("{unit: GPa}", '{unit: GPa, goal: {type: all_below, threshold: "2 GPa"}}')
    assert browser.change("POST", "/api/v1/campaigns", json={"spec": spec}).status_code == 201
    assert post(browser, "asks", "ask", count=3).status_code == 202
    serve()
    told = post(browser, "tells", "tell", rows=[{"number": 1, "x": 0.7, "humidity": 40, "value": 1.0}])
    (otherwise,) = told.json()["otherwise"]
    assert (otherwise["number"], otherwise["proposed"], otherwise["done"]) == (1, {"x": 0.0}, {"x": 0.7})
    assert told.json()["ignored"] == ["humidity"]
    table = "number,x,kind,humidity,value\n2,0.5,soft,41,3\n3,1.2,soft,41,1.5\n"
    pasted = browser.submit("/campaigns/rows/tells", {"key": "form-key-1", "csv": table})
    said = browser.get(pasted.headers["Location"]).text
    assert "proposal 2 (b): kind proposed hard, done soft; stored as off-pool-" in said
    assert "not read" not in said, "humidity was listed before"
    serve()
    page = re.sub(r"<[^>]*>", " ", browser.get("/campaigns/rows/evaluations/1").text)
    assert "done otherwise: its measurement is number 4" in page
    assert re.search(r"x\s+0\s+proposed,\s+0\.7\s+done", page)
    page = browser.get("/campaigns/rows").text
    assert "2 candidates at or below 2 GPa" in page
    assert page.index("off-pool") < page.index('href="/campaigns/rows/evaluations/6"')
    status = browser.get("/api/v1/campaigns/rows").json()
    assert (status["evaluations"], status["done"]) == (4, 3), "the driver has proposed d"
