"""The pages of a campaign and its evaluations, and the forms that steer it."""

from __future__ import annotations

import gc
import re
import weakref
from pathlib import Path

from ase import Atoms

from tansaku.calculators.structures.export import write_structure
from tansaku.deploy.web.pages import campaign
from tansaku.deploy.web.pages.campaign import OF_THE_PAGE
from tansaku.models.domain.accounts import Role
from tansaku.models.domain.records import Failure, LeaseOwner, Outcome, Proposal, Provenance, Quantity
from tansaku.models.domain.states import FailureKind, StopReason
from tansaku.tasks.node.jobs.document import DOUBT, STRUCTURE_FILE
from tests.support.campaign_files import rows_campaign
from tests.support.records import proposal_of, store_evaluation

NAME = "small-table"
PAGE = f"/campaigns/{NAME}"
OWNER = LeaseOwner(host="node7", pid=4321, process_started=0.0, user="bob")
HOSTILE = "<script>alert(1)</script>\x1b[31mred\x1b[0m"


def add_evaluation(site, number: int, candidate: str, outcome: Outcome, **proposed: object) -> None:
    store = site.services.store
    lease = store.acquire_lease(NAME, OWNER, 60.0)
    usual = {"system": "alpha", "surface": "alpha/0", "source": "table", "predicted_cost": 2.0, "model": "test"}
    proposal = Proposal(number=number, candidate=candidate, **(usual | proposed))
    store_evaluation(store, lease, proposal, outcome)
    store.release_lease(lease)


def key_of(browser, kind: str) -> str:
    """The idempotency key in the form of a kind of command."""
    return re.search(rf'name="key" value="([^"]+)">\s*<input type="hidden" name="kind" value="{kind}"', browser.get(PAGE).text)[
        1
    ]


def best_of(page: str) -> tuple[str, str]:
    """The best value that a page shows, and what stands below it."""
    value, below = re.search(r'id="best">.*?<a [^>]*>([^<]+)</a>.*?<span class="quiet">([^<]+)<', page, re.DOTALL).groups()
    return value, below


def stat(page: str, label: str) -> str:
    """A number of the head of a page."""
    return re.search(rf'<span class="label">{label}</span>\s*<span class="large[^"]*">([^<]+)<', page)[1]


def commands(site) -> list:
    return [(command.kind, command.user, command.payload) for command in site.services.store.campaign(NAME).commands]


def test_a_viewer_sees_facts_failures_table_and_spec_but_no_forms(site_with):
    browser = site_with("a1", "a2", "a3").logged_in(Role.VIEWER)
    page = browser.get(PAGE).text
    assert "2 done, 0 in progress" in page
    assert (best_of(page), stat(page, "Failed"), stat(page, "Evaluations")) == (("3 mJ/m²", "a2"), "1", "3")
    assert f'<a href="{PAGE}/evaluations/2">3 mJ/m²</a>' in page
    assert "Failed (1)" in page
    assert "recorded_failure" in page
    assert "type: table" in page
    assert 'action="/campaigns/small-table/commands"' in page
    assert 'name="kind"' not in page
    assert browser.submit(f"{PAGE}/commands", {"kind": "pause", "key": "from-a-viewer"}).status_code == 403


def test_the_headline_is_of_the_final_relaxation_and_pairs_no_numbers_of_two_candidates(make_site, recorded):
    browser = make_site(recorded("a1", "a2", polish=("a1",))).logged_in(Role.VIEWER)
    for path in (PAGE, f"{PAGE}/parts"):
        page = browser.get(path).text
        assert "Best after the final relaxation" in page
        assert best_of(page) == ("5 mJ/m²", "a1; 5 mJ/m² in the search")
        assert f'Best of the search: <a href="{PAGE}/evaluations/2">3 mJ/m²</a> (a2)' in page
    home = browser.get("/").text
    assert re.search(r"5 mJ/m²<br><span class=\"quiet\">final relaxation; in the search 5</span>", home)
    assert ">3 mJ/m²<" not in home


def test_stored_texts_are_escaped_and_without_terminal_codes(site_with):
    site = site_with("a1", "b1")
    add_evaluation(site, 3, "a2", Outcome(failure=Failure(kind=FailureKind.SCIENCE, reason="nan", message=HOSTILE)))
    browser = site.logged_in(Role.OPERATOR)
    for path in (PAGE, f"{PAGE}/evaluations/3", f"{PAGE}/table?state=FAILED"):
        text = browser.get(path).text
        assert "&lt;script&gt;alert(1)&lt;/script&gt;red" in text, path
        assert "<script>alert" not in text
        assert "<b>beta</b>" not in text
        assert "style=" not in text


def test_stored_names_are_words_with_units_on_the_page_of_an_evaluation(site_with):
    site = site_with("a1")
    provenance = Provenance(code="lammps", code_version="2025", settings={"files_sha256": None, "max_steps": 300})
    quantities = {"bulk_energy_per_formula_unit": Quantity(value=-12.5, unit="eV"), "E_ads": Quantity(value=0.5, unit="J/m^2")}
    add_evaluation(site, 2, "a2", Outcome(value=3.0, quantities=quantities, provenance=provenance))
    page = site.logged_in(Role.VIEWER).get(f"{PAGE}/evaluations/2").text
    rows = dict(re.findall(r'<th scope="row">([^<]+)</th><td>(?:<code>)?([^<]+)<', page))
    assert (rows["Bulk energy per formula unit"], rows["Code version"], rows["Max steps"]) == ("-12.5 eV", "2025", "300")
    assert rows["E_ads"] == "0.5 J/m²", "a person's name for it stays"
    assert [name for name in rows if "_" in name] == ["E_ads"]
    assert not {"Files SHA-256", "Model SHA-256"} & rows.keys(), "what was not set"


def test_more_than_two_warnings_are_folded(site_with, monkeypatch):
    site = site_with("a1")
    known = campaign.status_of
    warnings = tuple(f"value {number} mJ/m2 is doubtful" for number in range(1, 6))
    monkeypatch.setattr(campaign, "status_of", lambda reading: known(reading).model_copy(update={"warnings": warnings}))
    page = site.logged_in(Role.VIEWER).get(PAGE).text
    open_ones, _, folded = page.partition("3 more warnings</summary>")
    assert (open_ones.count("is doubtful"), folded.count("is doubtful")) == (2, 3)


def test_a_system_whose_evaluations_all_failed_has_no_candidate(site_with):
    page = site_with("a3", "b1").logged_in(Role.VIEWER).get(PAGE).text
    assert re.search(r"alpha</th>.*?<td class=\"aside\">–</td>", page)


def test_systems_are_called_as_people_know_them(site_with, monkeypatch):
    browser = site_with("a1", "b1").logged_in(Role.VIEWER)
    assert "Σ3" not in browser.get(PAGE).text
    monkeypatch.setattr(campaign.Campaign, "labels", {"alpha": "Σ3 (111)"})
    table = browser.get(f"{PAGE}/table").text
    assert '<option value="alpha">Σ3 (111)</option>' in table
    assert '<td class="whole">Σ3 (111)</td>' in table
    assert "system Σ3 (111) (alpha)" in browser.get(f"{PAGE}/evaluations/1").text
    assert "&lt;b&gt;beta" in table


def test_one_form_sent_twice_is_one_command(site_with):
    site = site_with("a1")
    browser = site.logged_in(Role.OPERATOR)
    fields = {"kind": "pause", "key": key_of(browser, "pause")}
    for _ in range(2):
        answer = browser.submit(f"{PAGE}/commands", fields)
        assert answer.status_code == 303
    assert commands(site) == [("pause", "operator", {})]
    assert [entry.action for entry in site.services.accounts.audit() if entry.subject == f"campaign:{NAME}"] == [
        "campaign.pause"
    ]
    expected = "pause: stored; it does not run until it is resumed"
    assert expected in browser.get(answer.headers["Location"]).text
    site.services.store.acquire_lease(NAME, OWNER, 60.0)
    assert "it takes effect before the next proposal" in browser.get(answer.headers["Location"]).text


def test_the_selected_failures_are_retried(site_with):
    site = site_with("a1", "a3")
    browser = site.logged_in(Role.OPERATOR)
    nothing = browser.submit(f"{PAGE}/commands", {"kind": "retry", "key": key_of(browser, "retry"), "evaluation-1": "on"})
    assert nothing.status_code == 422
    browser.submit(f"{PAGE}/commands", {"kind": "retry", "key": key_of(browser, "retry"), "evaluation-2": "on"})
    browser.submit(f"{PAGE}/commands", {"kind": "retry", "key": key_of(browser, "retry"), "all": "yes"})
    assert commands(site) == [("retry", "operator", {"candidates": ["a3"]}), ("retry", "operator", {})]


def test_no_failure_is_ticked_beforehand_and_each_group_can_be(site_with):
    site = site_with("a1")
    for number, reason in enumerate(("nan", "nan", "slow"), 2):
        add_evaluation(
            site, number, f"a{number}", Outcome(failure=Failure(kind=FailureKind.SCIENCE, reason=reason, message=""))
        )
    page = site.logged_in(Role.OPERATOR).get(PAGE).text
    assert re.findall(r'name="evaluation-(\d)"', page) == ["2", "3", "4"]
    assert re.search(r"<input[^>]*\bchecked\b", page) is None
    assert re.findall(r"data-select-group[^>]*>([^<]+)<", page) == ["Select all 2 of this group"]


def test_what_is_used_of_the_budget_is_shown_and_follows(make_site, recorded):
    site = make_site(recorded("a1", "a3"))
    browser = site.logged_in(Role.OPERATOR)
    page = browser.get(f"{PAGE}/parts").text
    assert (stat(page, "Evaluations"), "not limited" in page) == ("2", True)
    assert re.findall(r'<progress max="1" value="([^"]+)" aria-label="Cost', page) == ["0.75"]
    assert "of 8 (75 %)" in browser.get(f"{PAGE}/budget").text
    add_evaluation(site, 3, "a2", Outcome(value=3.0))
    assert "of 8 (100 %)" in browser.get(f"{PAGE}/parts").text


def test_the_pace_is_shown_while_a_campaign_is_driven(make_site, recorded):
    store = recorded("a1")
    lease = store.acquire_lease(NAME, OWNER, 60.0)
    for number, candidate in enumerate(("a2", "a3", "a0"), start=2):
        proposal = proposal_of(number, candidate=candidate, system="alpha", predicted_cost=2.0)
        store_evaluation(store, lease, proposal, Outcome(value=float(number)))
    browser = make_site(store).logged_in(Role.VIEWER)
    assert re.search(r'id="pace">[\d.e+]+ evaluations a \w+; about \d+ seconds? left<', browser.get(PAGE).text)
    store.release_lease(lease)
    assert 'id="pace"' not in browser.get(PAGE).text


def test_the_best_of_each_system_has_a_small_curve(site_with):
    page = site_with("a1", "a2", "b1").logged_in(Role.VIEWER).get(PAGE).text.partition('id="systems"')[2]
    curves = re.findall(r'<tr><th scope="row"><a href="[^"]+">([^<]+)</a></th><td>(<svg.*?</svg>)?</td>', page)
    assert [(system, bool(curve)) for system, curve in curves] == [("&lt;b&gt;beta&lt;/b&gt;", False), ("alpha", True)]


def test_the_time_limit_of_attempts_can_be_edited(site_with):
    site = site_with("a1")
    browser = site.with_session(Role.OPERATOR)
    seen = re.search(r'name="revision" value="([^"]+)"', browser.get(PAGE).text)[1]
    fields = {"kind": "edit", "revision": seen, "in_flight": "2", "timeout": "900", "retries": "1", "key": "first-edit"}
    assert browser.submit(f"{PAGE}/commands", fields).status_code == 303
    ((kind, _, changes),) = commands(site)
    assert (kind, changes["execution.timeout"], changes["execution.retries"]) == ("edit", 900.0, 1)
    wrong = browser.submit(f"{PAGE}/commands", {**fields, "retries": "1.5", "key": "second-edit"})
    assert wrong.status_code == 422
    assert "is not a whole number" in wrong.text


def test_an_edit_of_the_budget_starts_from_the_page_that_was_seen(site_with):
    site = site_with("a1")
    browser = site.logged_in(Role.OPERATOR)
    seen = re.search(r'name="revision" value="(\w+)"', browser.get(PAGE).text)[1]
    fields = {"kind": "edit", "revision": seen, "cost": "12", "evaluations": "", "fraction": ""}
    assert browser.submit(f"{PAGE}/commands", {**fields, "key": "first-edit"}).status_code == 303
    assert commands(site) == [("edit", "operator", {"budget.cost": 12.0})]
    stale = browser.submit(f"{PAGE}/commands", {**fields, "cost": "13", "key": "second-edit"})
    assert stale.status_code == 412
    assert browser.submit(f"{PAGE}/commands", {**fields, "cost": "much", "key": "third-edit"}).status_code == 422
    assert len(commands(site)) == 1


def test_pages_of_the_table_are_filtered_and_sorted(site_with):
    browser = site_with("a1", "a2", "a3", "b1", "b2").logged_in(Role.VIEWER)

    def rows(query: str) -> list[str]:
        return re.findall(r'evaluations/\d+">(\w+)</a></th>', browser.get(f"{PAGE}/table?{query}").text)

    assert rows("state=&system=&sort=best") == ["a2", "a1", "b2", "b1", "a3"]
    assert rows("sort=best&limit=2&after=1") == ["b2", "b1"]
    assert rows("state=FAILED") == ["a3"]
    assert rows("system=alpha&sort=newest") == ["a3", "a2", "a1"]
    values = {line["candidate"]: line["value"] for line in browser.get(f"/api/v1{PAGE}/evaluations").json()["items"]}
    known = sorted(value for value in values.values() if value is not None)
    assert rows(f"value_min=&value_max={known[1]}") == rows(f"value_max={known[1]}")
    for low, high in ((None, known[1]), (known[1], None), (known[1], known[2])):
        query = "&".join(f"{key}={value}" for key, value in (("value_min", low), ("value_max", high)) if value is not None)
        wanted = {
            name for name, value in values.items()
            if value is not None and (low is None or value >= low) and (high is None or value <= high)
        }  # fmt: skip
        assert set(rows(query)) == wanted
        assert 0 < len(wanted) < len(values)
    assert browser.get(f"{PAGE}/table?sort=worst").status_code == 422
    assert browser.get(f"{PAGE}/table?value_min=nan").status_code == 422


def test_an_evaluation_shows_its_structure_in_words_and_as_files(site_with, tmp_path: Path):
    site = site_with("a1")
    path = write_structure(Atoms("NaCl", [[0, 0, 0], [2, 2, 2]], cell=[4, 4, 4], pbc=True), tmp_path / "end.extxyz")
    stored = site.services.artifacts.put(path)
    add_evaluation(site, 2, "a2", Outcome(value=3.0, artifacts={STRUCTURE_FILE: stored}))
    browser = site.logged_in(Role.VIEWER)
    page = browser.get(f"{PAGE}/evaluations/2").text
    assert "ClNa, 2 atoms; cell a, b, c = 4, 4, 4" in page
    assert f'rel="prev" href="{PAGE}/evaluations/1"' in page
    file = browser.get(f"/api/v1{PAGE}/evaluations/2/structure?form=cif")
    assert file.headers["Content-Type"].startswith("text/plain")
    assert 'filename="a2.cif"' in file.headers["Content-Disposition"]
    assert "_cell_length_a 4.0000000000" in file.text
    again = browser.get(f"/api/v1{PAGE}/evaluations/2/structure?form=cif", headers={"If-None-Match": file.headers["ETag"]})
    assert again.status_code == 304
    assert browser.get(f"/api/v1{PAGE}/evaluations/1/structure").status_code == 404
    start = browser.get(f"/api/v1{PAGE}/evaluations/2/structure?of=start")
    assert (start.status_code, "no structure" in start.json()["detail"]) == (404, True)
    gallery = browser.get(f"{PAGE}/structures").text
    assert re.findall(r'data-file="([^"?]*)', gallery) == [f"/api/v1{PAGE}/evaluations/2/structure"]  # the only one
    assert "Nothing that has a value left a structure" in browser.get(f"{PAGE}/structures?after=2").text
    assert browser.get(f"{PAGE}/evaluations/9").status_code == 404


def test_events_are_shown_without_the_steps_of_evaluations(site_with):
    site = site_with("a1", "a3")
    kinds = {event.kind for event in site.services.store.events("small-table")}
    shown = site.logged_in(Role.VIEWER).get(PAGE).text.partition("<h2>Events</h2>")[2].partition("</table>")[0]
    assert "evaluation.submitting" in kinds
    assert "submitting" not in shown
    assert "a1 done" in shown
    assert "a3 failed" in shown


def test_why_a_value_is_doubtful_stands_on_its_page(site_with):
    site = site_with("a1")
    add_evaluation(site, 2, "a2", Outcome(value=3.0, properties={DOUBT: "its two boundaries <differ>"}))
    browser = site.logged_in(Role.VIEWER)
    assert "The value is doubtful: its two boundaries &lt;differ&gt;" in browser.get(f"{PAGE}/evaluations/2").text
    assert "doubtful" not in browser.get(f"{PAGE}/evaluations/1").text


def test_an_evaluation_has_its_provenance_and_its_files(site_with, tmp_path: Path):
    site = site_with("a1", "a3")
    (tmp_path / "out").write_bytes(b"energies")
    stored = site.services.artifacts.put(tmp_path / "out")
    add_evaluation(site, 3, "a2", Outcome(value=3.0, artifacts={"pw.out": stored, "gone": "0" * 64}))
    api = f"/api/v1{PAGE}/evaluations"
    viewer, operator = site.with_session(Role.VIEWER), site.with_session(Role.OPERATOR)
    page = viewer.get(f"{PAGE}/evaluations/3").text
    assert f'href="{api}/3/provenance"' in page
    assert "<li>pw.out <code" in page
    assert f'<li><a href="{api}/3/files/pw.out" download>pw.out</a>' in operator.get(f"{PAGE}/evaluations/3").text
    graph = viewer.get(f"{api}/3/provenance").json()
    assert graph["entity"]["tansaku:value-3"]["tansaku:candidate"] == "a2"
    assert viewer.get(f"{api}/2/provenance").status_code == 404
    file = operator.get(f"{api}/3/files/pw.out")
    assert (file.content, file.headers["Content-Disposition"]) == (b"energies", "attachment; filename*=UTF-8''pw.out")
    assert [operator.get(f"{api}/3/files/{name}").status_code for name in ("gone", "other", "..%2F..%2Fetc")] == [404] * 3
    assert viewer.get(f"{api}/3/files/pw.out").status_code == 403


def test_an_evaluation_is_computed_again_from_its_page(site_with):
    site = site_with("a1", "a3")
    browser = site.logged_in(Role.OPERATOR)
    for number, title, kind, candidate in ((1, "Compute once more", "rerun", "a1"), (2, "Retry", "retry", "a3")):
        page = browser.get(f"{PAGE}/evaluations/{number}").text
        form, button, _ = page.partition(f">{title}</button>")
        assert button
        form = form.rpartition("<form")[2]
        fields = dict(re.findall(r'<input type="hidden" name="([\w-]+)" value="([\w-]+)">', form))
        assert browser.submit(f"{PAGE}/commands", fields).status_code == 303
        assert commands(site)[-1] == (kind, "operator", {"candidates": [candidate]})
    assert browser.submit(f"{PAGE}/commands", {"kind": "rerun", "key": "k" * 8, "number": "99"}).status_code == 422
    assert "Retry</button>" not in site.logged_in(Role.VIEWER).get(f"{PAGE}/evaluations/2").text


def test_predictions_are_judged_and_the_last_proposals_are_explained(site_with):
    site = site_with("a1", "b1")
    for number, (candidate, mean) in enumerate((("a2", 3.1), ("a0", 100.0)), 3):
        expected = {"predicted_mean": mean, "predicted_deviation": 0.5, "acquisition": 0.25 * number, "refit": number - 2}
        add_evaluation(site, number, candidate, Outcome(value=3.0), **expected)
    browser = site.logged_in(Role.VIEWER)
    page = browser.get(PAGE).text
    assert "Of 2 predictions 50 % were within one standard deviation" in page
    assert ">3.10 ± 0.50</data>" in page
    last = page.partition('id="proposals"')[2]
    assert last.index(">a0</a></th>") < last.index(">a2</a></th>")
    found = browser.get(f"/api/v1{PAGE}/predictions").json()
    assert (found["numbers"], found["predicted"], found["computed"]) == ([3, 4], [3.1, 100.0], [3.0, 3.0])
    assert found["within"] == [0.5, 0.5]
    texts = [browser.get(f"{PAGE}/evaluations/{number}").text for number in (1, 3)]
    assert ["Value minus prediction" in text for text in texts] == [False, True]
    assert re.search(r">-0.2</data> standard deviations</td>", texts[1])
    assert ("parameters fitted 2 times" in last, "parameters fitted once" in texts[1]) == (True, True)


def test_the_engine_for_few_evaluations_is_named(owned_site):
    spec = rows_campaign("few", 2).replace("type: grid", "type: gp, engine: 5")
    assert owned_site.logged_in(Role.OPERATOR).change("POST", "/api/v1/campaigns", json={"spec": spec}).status_code == 201
    browser = owned_site.logged_in(Role.VIEWER)
    assert "Engine 5, for few evaluations: three models averaged equally" in browser.get("/campaigns/few").text
    assert "Engine " not in browser.get("/campaigns/rows").text


def test_parts_of_a_page_are_the_same_for_all_who_look(site_with):
    site = site_with("a1", "a3")
    operator, viewer = site.with_session(Role.OPERATOR), site.with_session(Role.VIEWER)
    others = site.with_session(Role.OPERATOR)
    texts = [browser.get(f"{PAGE}/parts").text for browser in (operator, others)]
    found = re.findall(r'name="(?:csrf_token|key)" value="([\w-]+)"', texts[0])
    # The page that asked fills its own in.
    assert (len(found) > 4, set(found)) == (True, {OF_THE_PAGE})
    assert texts[0] == texts[1]
    plain, packed = (operator.get(f"{PAGE}/parts", headers={"Accept-Encoding": way}) for way in ("identity", "gzip"))
    assert [answer.headers.get("Content-Encoding") for answer in (plain, packed)] == [None, "gzip"]
    assert plain.text == packed.text
    version = re.search(r'data-version="(\w+)"', texts[0])[1]
    assert version in operator.get(PAGE).text
    assert '<nav aria-label="Main"' not in texts[0]
    assert 'name="kind"' not in viewer.get(f"{PAGE}/parts?seen={version}").text
    add_evaluation(site, 3, "a2", Outcome(value=3.0))
    assert "2 done, 0 in progress" in viewer.get(f"{PAGE}/parts").text


def test_many_failures_are_listed_in_part(site_with, monkeypatch):
    monkeypatch.setattr("tansaku.deploy.web.pages.campaign._MOST_FAILURES", 2)
    site = site_with("a1")
    for number in range(2, 5):
        failure = Failure(kind=FailureKind.SCIENCE, reason="nan", message="no number")
        add_evaluation(site, number, f"a{number - 2}" if number != 3 else "b1", Outcome(failure=failure), replicate=1)
    page = site.with_session(Role.VIEWER).get(PAGE).text
    assert "<legend>3 × nan: no number</legend>" in page
    assert "Only 2 of 3 are listed here." in page


def test_whoever_retries_atoms_that_coincide_is_warned(site_with):
    site = site_with("a1")
    failure = Failure(kind=FailureKind.SCIENCE, reason="overlap", message="atoms 0 and 1 are 0 Å apart")
    add_evaluation(site, 2, "b1", Outcome(failure=failure))
    assert "a retry gives the same. Correct the structure" in site.with_session(Role.VIEWER).get(PAGE).text


def test_whole_numbers_of_the_edit_have_no_decimals(site_with):
    page = site_with("a1").with_session(Role.OPERATOR).get(PAGE).text
    fields = dict(re.findall(r'id="(?:budget|execution)-(\w+)" name="\w+"[^>]* value="([^"]*)"', page))
    assert fields["timeout"].isdigit()
    assert fields["cost"] == "8"


def test_only_commands_that_apply_are_offered_and_accepted(site_with):
    site = site_with("a1", "a3", "a2", stop=StopReason.BUDGET)
    browser, offers = site.with_session(Role.OPERATOR), {"pause", "cancel", "edit", "retry"}

    def offered() -> set[str]:
        return set(re.findall(r'name="kind" value="(\w+)"', browser.get(PAGE).text))

    assert offered() == {"edit", "retry"}  # it is finished
    answer = browser.submit(f"{PAGE}/commands", {"kind": "cancel", "key": "the-first-cancel"})
    assert answer.status_code == 409
    assert "is FINISHED; cancel applies to" in answer.text
    assert commands(site) == []
    browser.submit(f"{PAGE}/commands", {"kind": "retry", "key": "the-retry", "all": "yes"})
    assert offered() == offers
    for kind, left in (("pause", {"resume", "cancel", "edit"}), ("cancel", {"resume", "edit"})):
        assert browser.submit(f"{PAGE}/commands", {"kind": kind, "key": f"the-second-{kind}"}).status_code == 303
        assert offered() == left
        assert browser.submit(f"{PAGE}/commands", {"kind": kind, "key": f"once-more-{kind}"}).status_code == 303
    assert [kind for kind, *_ in commands(site)] == ["retry", "pause", "cancel"]
    assert "Compute once more" not in browser.get(f"{PAGE}/evaluations/1").text


def test_the_page_says_what_further_evaluations_may_bring(table_file, site_with):
    table_file.write_text(table_file.read_text().replace("{type: grid}", "{type: gp, preset: default}"))
    page = site_with("a1", "b1", "b2").logged_in(Role.VIEWER).get(PAGE).text
    assert "It is too early to say what further evaluations gain: each system needs 3 results, and 1 of 2 has only 1" in page
    ended = site_with("a1", "b1", "b2", stop=StopReason.EVALUATIONS).logged_in(Role.VIEWER).get(PAGE).text
    assert "What further evaluations gain" not in ended


def test_a_stored_edit_is_told_until_the_campaign_runs_again(site_with):
    browser = site_with("a1").logged_in(Role.OPERATOR)

    def store(evaluations: str, key: str) -> int:
        seen = re.search(r'name="revision" value="(\w+)"', browser.get(PAGE).text)[1]
        fields = {"kind": "edit", "revision": seen, "evaluations": evaluations, "key": key}
        return browser.submit(f"{PAGE}/commands", fields).status_code

    assert store("6", "edit-to-six") == 303
    page = browser.get(PAGE).text
    assert "(6 once it runs)" in page
    assert re.search(r'name="evaluations"[^>]* value="6"', page)
    assert store("", "edit-to-none") == 303, "what waits is changed, not what was before"
    assert not re.search(r"\([^)]* once it runs\)", browser.get(PAGE).text)


def test_a_campaign_whose_evaluations_all_failed_is_no_success(site_with):
    site = site_with("a3", stop=StopReason.BUDGET)
    for path in (PAGE, "/"):
        shown = site.logged_in(Role.OPERATOR).get(path).text
        assert re.search(r'class="badge failed">FINISHED</\w+> <span class="bad">1 of 1 failed</span>', shown)
        assert "its cost was spent" in shown
    other = site_with("a1", "a3", stop=StopReason.BUDGET)
    assert 'class="badge finished">FINISHED' in other.logged_in(Role.OPERATOR).get(PAGE).text


def test_a_failure_by_the_time_limit_has_its_remedy(site_with):
    site = site_with("a1")
    store = site.services.store
    failure = Failure(kind=FailureKind.PLUMBING, reason="timeout", message="not finished after 86400 s")
    add_evaluation(site, 2, "a2", Outcome(failure=failure, wall_time=5.0))
    browser = site.logged_in(Role.OPERATOR)
    limit = f"{store.campaign(NAME).spec.get('execution', {}).get('timeout', 86400):g}"
    page = browser.get(PAGE).text
    assert '<a href="#execution-timeout">“Time limit of one attempt” in Edit</a>' in page
    assert 'id="edit"' in page
    assert f"Retry selected (the same limit of {limit} s)" in page.replace(",", "")
    assert f'<a href="{PAGE}#execution-timeout">' in browser.get(f"{PAGE}/evaluations/2").text
    assert "The limit was" not in page
    assert " disabled" not in page
    revision = re.search(r'name="revision" value="(\w+)"', page)[1]
    edit = {"kind": "edit", "revision": revision, "timeout": "90000", "key": "a-larger-limit"}
    assert browser.submit(f"{PAGE}/commands", edit).status_code == 303
    raised = browser.get(PAGE).text.replace(",", "")
    assert "The limit was 86400 s then; it is 90000 s now." in raised
    assert "the same limit" not in raised
    browser.submit(f"{PAGE}/commands", {"kind": "retry", "key": "retry-all-of-them", "all": "yes"})
    asked = browser.get(PAGE).text
    assert "Asked to retry 1; waiting for the service." in asked
    assert re.findall(r'<button type="submit" disabled[^>]*>(Retry[^<]*)<', asked) == [
        "Retry selected", "Retry all failed and cancelled"
    ]  # fmt: skip
    assert "Time limit of one attempt” in Edit" not in site_with("a3").logged_in(Role.OPERATOR).get(PAGE).text


def test_a_column_that_says_the_same_of_every_row_is_left_out(site_with):
    def headings(*candidates: str) -> list[str]:
        return re.findall(
            r'<th scope="col"[^>]*>(system)<', site_with(*candidates).logged_in(Role.VIEWER).get(PAGE).text.lower()
        )

    assert "system" not in re.findall(r"<th[^>]*>(\w+)</th>", site_with("a1").logged_in(Role.VIEWER).get(f"{PAGE}/table").text)
    assert headings("a1", "b1")


def test_an_earlier_reading_leaves_memory_with_the_next_result(site_with):
    site = site_with("a1")
    browser = site.logged_in(Role.VIEWER)
    paths = (PAGE, f"{PAGE}/parts", f"{PAGE}/evaluations/1", "/", f"/api/v1{PAGE}/series", f"/api/v1{PAGE}/figures")
    gc.disable()  # a circle would wait for it
    try:
        assert [browser.get(path).status_code for path in paths] == [200] * len(paths)
        earlier = weakref.ref(site.services.readings.reading(NAME))
        add_evaluation(site, 2, "a2", Outcome(value=3.0))
        assert [browser.get(path).status_code for path in paths] == [200] * len(paths)
        assert earlier() is None
    finally:
        gc.enable()


def test_the_place_of_a_figure_is_kept_once_something_has_a_value(site_with):
    """Else what is below moves when the figure comes, and an empty part disappears."""
    coming, axis = '<p class="coming quiet">Loading …</p>', re.compile('id="curve-axis"( hidden)?>')
    page = site_with("a1").with_session(Role.VIEWER).get(PAGE).text
    assert coming in page[page.index('<div id="curve"') :].partition("</div>")[0]
    assert axis.search(page)[1] is None
    assert re.search('<section id="figures" hidden ', page)  # this space has none
    empty = site_with().with_session(Role.VIEWER).get(PAGE).text
    assert coming not in empty
    assert axis.search(empty)[1] == " hidden"
