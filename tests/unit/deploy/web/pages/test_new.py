"""The page of new campaigns, as a browser without scripts uses it."""

from __future__ import annotations

import html
import re
from importlib.resources import files

import pytest

from tansaku.deploy.campaign_templates import campaign_templates
from tansaku.deploy.web.copying import copied_spec
from tansaku.deploy.web.spec_forms.known import known_forms
from tansaku.models.domain.accounts import Role
from tansaku.tasks.backends.stores.campaigns import stored_spec
from tests.unit.deploy.web.conftest import SPEC

MGO = (files("tansaku.deploy") / "templates" / "mgo.cif").read_text() + "\n"


def text_of(page: str) -> str:
    """What stands in the editor."""
    return html.unescape(re.search(r'<textarea id="spec"[^>]*>\n(.*?)</textarea>', page, re.DOTALL)[1])


def send(browser, action: str, spec: str = SPEC, **fields: str):
    return browser.submit("/new", {"spec": spec, "action": action, **fields}, "/new")


def test_it_starts_from_each_template(browser):
    first = browser.get("/new").text
    assert "How likely is it that this budget finds the best candidate?" in first
    for name, template in campaign_templates().items():
        assert f'<option value="{name}"' in first
        assert text_of(browser.get(f"/new?template={name}").text) == template.read_text()
    assert browser.get("/new?template=../../etc/passwd").status_code == 404


def test_a_template_comes_with_its_files_but_replaces_none_of_the_user(site, browser):
    assert browser.upload("mgo.cif", MGO).status_code == 201
    mine = {file.name: file.sha256 for file in site.services.library.files()}
    for name in ("mgo-tilt", "cu-boundaries-20"):
        for _ in range(2):
            assert (
                browser.submit("/new", {"action": "template", "template": name}).headers["Location"] == f"/new?template={name}"
            )
        spec = text_of(browser.get(f"/new?template={name}").text)
        assert "is in the library" not in send(browser, "check", spec).text
    found = {file.name: file.sha256 for file in site.services.library.files()}
    assert sorted(set(found) - set(mine)) == ["cu-boundaries-20.csv"]
    assert found["mgo.cif"] == mine["mgo.cif"]
    assert browser.submit("/new", {"action": "template", "template": "../x"}).status_code == 404


def test_it_starts_from_a_copy_that_can_be_created(site, browser):
    assert send(browser, "create").headers["Location"] == "/campaigns/rows"
    copied = text_of(browser.get("/new?copy=rows").text)
    assert "name: rows-2" in copied
    assert re.search(r"candidates: [0-9a-f]{64}/rows\.csv\n", copied)
    assert send(browser, "create", copied).headers["Location"] == "/campaigns/rows-2"
    records = [site.services.store.campaign(name) for name in ("rows", "rows-2")]
    assert records[0].files == records[1].files
    assert {**records[1].spec, "name": "rows"} == records[0].spec
    assert copied_spec(records[1], {"rows-2-2"}).startswith("schema_version: 1\nname: rows-2-3\n")
    assert browser.get("/new?copy=none").status_code == 404


def test_problems_are_shown_with_line_and_key_and_the_text_stays(site, browser):
    spec = SPEC.replace("rows.csv", "/etc/<b>passwd")
    for action in ("check", "create"):
        answer = send(browser, action, spec)
        assert (
            '<a href="#spec" data-line="5">line 5</a> <a href="#field-space.candidates">Table of the library</a>' in answer.text
        )
        assert text_of(answer.text) == spec
        assert "<b>" not in answer.text
    assert answer.status_code == 422
    assert site.services.store.campaign_names() == []


def test_a_valid_spec_is_described_as_by_the_api(browser):
    page = send(browser, "check").text
    assert "The spec is valid." in page
    found = dict(re.findall(r"<dt>([^<]*)</dt><dd>([^<]*)</dd>", page))
    assert found["Pool"] == "3 candidates"
    assert found["Budget buys"] == "2 evaluations"
    assert found["Cost"] == "no limit; about 4 of the 6 that all candidates would cost"
    assert found["Time"] == "not known before something was measured"
    facts = browser.change("POST", "/api/v1/checks?wait=20", json={"spec": SPEC}).json()["facts"]
    assert {fact["title"]: html.escape(fact["text"]) for fact in facts} == found


def test_what_is_changed_in_the_form_is_put_into_the_text(browser):
    fields = {"name": "other", "seed": "5", "budget.evaluations": "", "budget.cost": "1,5", "execution.in_flight": "1"}
    page = send(browser, "check", SPEC + "# mine\n", shown=SPEC, **fields).text
    text = text_of(page)
    for line in ("seed: 5", "name: other", "cost: 1.5", "# mine"):
        assert line in text
    assert "evaluations" not in text
    assert 'name="seed" data-key="seed" value="5"' in page
    assert send(browser, "nonsense").status_code == 422


def test_a_wrong_field_is_marked_and_what_was_typed_stays(browser):
    page = send(browser, "check", shown=SPEC, seed="<i>many").text
    assert 'aria-describedby="problem-seed" aria-invalid="true" value="&lt;i&gt;many"' in page
    assert "seed: <i>many" in text_of(page)
    broken = send(browser, "check", "name: [", shown=SPEC, seed="7").text  # kept until the text is YAML again
    assert (text_of(broken), 'data-key="seed" value="7"' in broken) == ("name: [", True)
    assert "seed: 7" in text_of(send(browser, "check", SPEC, shown=SPEC, seed="7").text)
    refused = send(browser, "create", "x" * 70_000)
    assert (refused.status_code, "70,000 characters" in refused.text) == (422, True)


def test_what_is_stored_already_is_shown_and_said_so(browser):
    send(browser, "create")
    again = send(browser, "create").headers["Location"]
    assert again == "/campaigns/rows?known=true"
    assert "This campaign is stored already" in browser.get(again).text


def test_why_nothing_was_created_stays_and_stands_by_the_buttons(browser):
    assert send(browser, "create").status_code == 303
    page = send(browser, "create", SPEC + "seed: 9\n").text
    said = r'id="not-created"[^>]*>Not created: Name: there is a campaign [^<]*such as rows-2 <a href="#field-name">'
    assert re.search(said, page)
    assert page.index("not-created") < page.index('id="new"'), "where it is seen on a phone too"
    assert "data-untouched" in page, "else the script checks at once, and its answer takes the place of the reason"
    checked = send(browser, "check", SPEC.replace("name: rows", "name: free")).text
    assert ("not-created" in checked, "data-untouched" in checked) == (False, False)


def test_a_name_that_is_taken_is_said_at_its_field_and_forms_begin_with_a_free_one(browser):
    start = known_forms()["experiment"].start
    assert text_of(browser.get("/new/experiment").text) == start
    spec = start.replace("{}", "{x: {type: number, low: 0, high: 1}}")
    assert send(browser, "create", spec).status_code == 303
    checked = send(browser, "check", spec, shown=spec).text
    assert 'id="problem-name">there is a campaign &#x27;my-experiment&#x27;; choose another name' in checked
    assert "The spec is valid" not in checked
    assert "<dt>Pool</dt>" in checked, "the check goes on"
    again = text_of(browser.get("/new/experiment").text)
    assert again == start.replace("my-experiment", "my-experiment-2")
    assert "The spec is valid" in send(browser, "check", spec.replace("my-experiment", "my-experiment-2")).text


@pytest.mark.parametrize("kind", known_forms())
def test_each_form_has_an_example_whose_files_come_with_it(browser, kind):
    """As it is, the example is a valid spec of the form's own kind."""
    form = known_forms()[kind]
    assert f'name="template" value="{form.example}"' in browser.get(f"/new/{kind}").text
    shown = browser.get(browser.submit("/new", {"action": "template", "template": form.example}).headers["Location"]).text
    assert re.search(rf'href="/new/{kind}" aria-current', shown)
    checked = send(browser, "check", text_of(shown)).text
    assert "The spec is valid" in checked, html.unescape(re.findall(r'class="problem".*', checked)[0])


def test_templates_are_listed_by_what_a_person_has(browser):
    page = browser.get("/new").text
    groups = dict(re.findall(r'<optgroup label="([^"]*)">(.*?)</optgroup>', page))
    assert set(groups) == {*(form.title for form in known_forms().values()), "Others"}
    assert 'value="alloys"' in groups["Table"]
    assert 'value="cu-crystals"' in groups["Others"]


def test_the_first_experiments_are_named_by_their_conditions(browser):
    given = "{T: {type: number, low: 20, high: 80, step: 20, unit: °C}, solvent: {type: category, values: [water, ethanol]}}"
    page = send(browser, "check", known_forms()["experiment"].start.replace("{}", given)).text
    found = dict(re.findall(r"<dt>([^<]*)</dt><dd>([^<]*)</dd>", page))
    said = r"(T (20|40|60|80) °C, solvent (water|ethanol)(; )?){3}"
    assert re.fullmatch(said, found["First evaluations"]), found
    assert (found["Pool"], "Cost" in found) == ("8 candidates", False)


def test_a_run_and_the_names_of_sites_are_offered(make_site):
    other = make_site(given={"site_names": ("laptop", "cluster")}).logged_in(Role.OPERATOR)
    page = other.get("/new").text
    assert "Create and run" in page
    assert '<option value="cluster">' in page


def test_files_are_shown_and_removed_by_admins(site, browser):
    page = browser.get("/files").text
    assert "rows.csv" in page
    assert "Remove" not in page
    assert 'id="upload"' in page
    assert 'id="upload"' not in site.logged_in(Role.VIEWER).get("/files").text
    admin = site.logged_in(Role.ADMIN)
    sha256 = site.services.library.files()[0].sha256
    assert f'action="/files/{sha256}/deletion"' in admin.get("/files").text
    assert admin.submit(f"/files/{sha256}/deletion").headers["Location"] == "/files"
    assert "No file was uploaded." in admin.get("/files").text


def test_the_list_shows_the_template_that_the_text_begins_with(site):
    browser = site.with_session(Role.OPERATOR)
    for path, chosen in (("/new", "cu-emt"), ("/new?template=al-110-tilt", "al-110-tilt")):
        page = browser.get(path).text
        assert re.findall(r'<option value="([^"]+)" selected>[^<]*: ', page)[0] == chosen
        assert f"name: {chosen}" in page


def test_values_that_a_table_holds_already_are_known_and_the_others_are_measured(site):
    browser = site.with_session(Role.OPERATOR)
    browser.upload("lab.csv", "sample,Ni,Cr,Hardness (HV)\na,1,2,310\nb,2,3,\nc,3,1,290\nd,4,2,\n")
    start = known_forms()["table"].start
    page = browser.submit("/new", {"spec": start, "shown": start, "action": "check", "space.candidates": "lab.csv"}).text
    text = text_of(page)
    assert "property: Hardness" in text
    assert "known: {file: lab.csv" in text
    assert re.search(r'<option value="measured" selected>', page)
    answer = browser.submit("/new", {"spec": text, "shown": text, "action": "create"})
    assert answer.status_code == 303, answer.text
    known = stored_spec(site.services.store.campaign("my-table")).known
    assert (known.candidate, known.value) == ("sample", "Hardness (HV)")
    page = browser.submit("/new", {"spec": text, "shown": text, "action": "check", "role-3": "value"}).text
    looked_up = text_of(page)
    said = browser.submit("/new", {"spec": looked_up, "shown": looked_up, "action": "check"}).text
    assert "2 of 4 rows have no value, which counts as a failure" in said, said


def test_values_that_are_measured_together_are_known_together(site):
    browser = site.with_session(Role.OPERATOR)
    browser.upload("lab.csv", "sample,Ni,Cr,Charpy (J),Hardness (HV)\na,1,2,44,310\nb,2,3,,\nc,3,1,60,290\nd,4,2,,\n")
    start = known_forms()["table"].start
    page = browser.submit("/new", {"spec": start, "shown": start, "action": "check", "space.candidates": "lab.csv"}).text
    text = text_of(page)
    assert "You want, of Charpy" in page
    answer = browser.submit("/new", {"spec": text, "shown": text, "action": "create"})
    assert answer.status_code == 303, answer.text
    spec = stored_spec(site.services.store.campaign("my-table"))
    assert spec.known.quantities["Charpy"].column == "Charpy (J)"
    assert dict(spec.measured) == {"value": "HV", "Charpy": "J"}


GAPS = """\
schema_version: 1
name: gaps
space:
  type: table
  candidates: gaps.csv
  columns: {id: sample}
  features: {numbers: {columns: [x, y], units: {x: '1', y: '1'}}}
calculator: {type: manual}
objective: {unit: '1', property: strength}
known: {file: gaps.csv, value: strength, candidate: sample}
budget: {evaluations: 4}
"""


def test_rows_with_an_empty_cell_are_left_out_of_another_table(site, browser):
    browser.upload("gaps.csv", "sample;x;y;strength\na;1;2;\nb;;2;3\nc;2;;4\nd;3;1;5\n")
    page = send(browser, "complete", GAPS)
    assert page.status_code == 200
    assert "2 of 4 rows have an empty cell; gaps-complete.csv has the others." in page.text
    text = text_of(page.text)
    assert "candidates: gaps-complete.csv" in text
    assert "file: gaps-complete.csv" in text
    assert "evaluations: 2" in text
    (stored,) = site.services.library.files("gaps-complete.csv")
    with site.services.artifacts.open(stored.sha256) as content:
        assert content.read() == b"sample;x;y;strength\na;1;2;\nd;3;1;5\n"  # what people are to measure may be empty
    again = send(browser, "complete", text)
    assert again.status_code == 422
    assert "0 of 2 rows lack a cell" in again.text
