"""Campaigns are created by the API."""

from __future__ import annotations

import pytest

from tansaku.deploy.campaign_templates import campaign_templates, template_files
from tansaku.deploy.web.auth.tokens import issue_token
from tansaku.models.domain.accounts import Actor, Role
from tansaku.models.domain.errors import InvalidSpecError
from tansaku.models.domain.records import CampaignFile
from tansaku.models.domain.specs.site import SiteSpec
from tansaku.models.domain.specs.web import RoleLimitsSpec, WebSpec
from tansaku.tasks.backends.stores.campaigns import stored_spec
from tansaku.tasks.node.configuration.campaign_files import load_campaign, spec_hash
from tansaku.tasks.node.configuration.source import source_of
from tests.unit.deploy.web.conftest import SPEC, TABLE

PATH = "/api/v1/campaigns"


def create(browser, spec: str = SPEC, **more: object):
    return browser.change("POST", PATH, json={"spec": spec, **more})


def test_a_campaign_is_the_same_as_one_of_a_file(site, browser, tmp_path):
    answer = create(browser)
    assert answer.status_code == 201, answer.text
    assert answer.headers["Location"] == f"{PATH}/rows"
    (tmp_path / "rows.csv").write_text(TABLE)
    (tmp_path / "rows.yaml").write_text(SPEC)
    assert answer.json()["spec_hash"] == spec_hash(load_campaign(tmp_path / "rows.yaml").spec)
    record = site.services.store.campaign("rows")
    sha256 = record.spec["space"]["sha256"]
    assert record.files == (CampaignFile(path=f"{sha256}/rows.csv", sha256=sha256),)
    # Its pages open the space from the copy of the file.
    assert browser.get(f"{PATH}/rows").json()["problem"] is None
    (entry,) = site.changes("campaign.create")
    assert (entry.actor, entry.address, entry.subject) == ("operator", "testclient", "campaign:rows")


def test_defaults_of_the_final_relaxation_are_filled_in(site, browser):
    rough = """
schema_version: 1
name: rough
space:
  type: grain_boundary
  crystal: {structure: fcc, element: Cu, lattice_parameter: 3.6}
  boundaries: {planes: [[1, 1, 1]]}
  translation: {normal: [0.0], in_plane: [0.0], along_axis: [0.0]}
  spacing: 8.0
calculator: {type: emt, relaxation: {fmax: 0.05}}
proposer: {type: grid}
budget: {evaluations: 1}
execution: {in_flight: 1}
"""
    answer = create(browser, rough)
    assert answer.status_code == 201, answer.text
    assert site.services.store.campaign("rough").spec["execution"]["polish_fmax"] == 0.001
    assert (create(browser, rough).status_code, create(browser, rough).json()["new"]) == (200, False)


def test_creating_again_is_known_and_another_spec_is_refused(browser):
    first = create(browser).json()
    again = create(browser)
    assert (again.status_code, again.json()) == (200, {**first, "new": False})
    other = create(browser, SPEC.replace("[x]", "[x, cost]"))
    assert (other.status_code, "space.features" in other.json()["detail"]) == (409, True)
    budget = create(browser, SPEC.replace("evaluations: 2", "evaluations: 3"))
    assert (budget.status_code, "budget.evaluations" in budget.json()["detail"]) == (409, True)
    assert browser.get(f"{PATH}/rows/commands").json() == []


def test_a_token_and_an_idempotency_key_do(site, browser):
    user = site.services.accounts.user("operator")
    secret, _ = issue_token(site.services, user, "script", Role.OPERATOR, 60.0)
    headers = {"Authorization": f"Bearer {secret}", "Idempotency-Key": "an-ordinary-key"}
    assert site.browser().post(PATH, json={"spec": SPEC}, headers=headers).status_code == 201
    assert site.browser().post(PATH, json={"spec": SPEC}, headers=headers).status_code == 200
    assert site.browser().post(PATH, json={"spec": SPEC}, headers={**headers, "Idempotency-Key": "?"}).status_code == 422


@pytest.mark.parametrize(
    ("before", "after", "key", "line"),
    [
        ("rows.csv", "/etc/passwd", "space.candidates", 5),
        ("rows.csv", "../../etc/shadow", "space.candidates", 5),
        ("value: value", "value: none", "space.columns.value", 6),
        ("evaluations: 2", "evaluations: many", "budget.evaluations", 10),
        ("in_flight: 1", "in_flight: 1000", "execution.in_flight", 11),
        ("type: grid", "type: grit", "proposer", 9),
        ("name: rows", "name: rows\nbase_path: /etc", "base_path", 3),
        ("name: rows", "name: rows\nfolder: /etc", "folder", 3),
        ("name: rows", "name: ../rows", "name", 2),
        ("schema_version: 1", "schema_version: [", "", 2),
    ],
)
def test_a_wrong_spec_is_refused_with_key_and_line(site, browser, before, after, key, line):
    answer = create(browser, SPEC.replace(before, after))
    assert answer.status_code == 422, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    problem = answer.json()
    assert (problem.get("key", ""), problem.get("line", line)) == (key, line)
    assert "root:" not in answer.text
    assert site.services.store.campaign_names() == []


@pytest.mark.parametrize(
    "body", [{}, {"spec": 5}, {"spec": SPEC, "folder": "/tmp"}, {"spec": SPEC, "base_path": "/"}, {"spec": "x" * 70_000}]
)
def test_a_body_of_another_form_is_refused(browser, body):
    assert browser.change("POST", PATH, json=body).status_code == 422


def test_a_site_is_named_and_registered(browser):
    for site in ("other", "/etc/site.yaml"):
        assert create(browser, site=site).json()["key"] == "site"
    assert create(browser, site="default").status_code == 201


def test_a_run_is_requested_once(site, browser):
    assert create(browser, SPEC.replace("rows.csv", "none.csv"), run=True).status_code == 422
    assert site.services.requests.requests_of("rows") == []
    assert create(browser, run=True).status_code == 201
    (asked,) = site.services.requests.requests_of("rows")
    assert (asked.campaign, asked.user) == ("rows", "operator")
    assert create(browser, run=True).status_code == 200
    assert site.services.requests.requests_of("rows") == [asked]


def test_what_the_budget_buys_and_the_pool_are_limited_by_role(make_site):
    small = SiteSpec(web=WebSpec(operator=RoleLimitsSpec(evaluations=2, pool=2)))
    site = make_site(given={"site": small})
    browser = site.logged_in(Role.OPERATOR)
    browser.upload()
    problem = create(browser).json()
    assert (problem["key"], "expected at most 2" in problem["detail"]) == ("space.candidates", True)
    browser = site.logged_in(Role.ADMIN)
    of_another = SPEC.replace("evaluations: 2", "evaluations: 3").replace("rows.csv", "operator:rows.csv")
    assert create(browser, of_another).status_code == 201

    browser = make_site(given={"site": SiteSpec(web=WebSpec(operator=RoleLimitsSpec(evaluations=2)))}).logged_in(Role.OPERATOR)
    browser.upload()
    # Without a budget, everything would be evaluated.
    problem = create(browser, SPEC.replace("budget: {evaluations: 2}\n", "")).json()
    assert (problem["key"], problem["line"]) == ("budget.evaluations", None)


def test_edits_are_limited_too(browser):
    create(browser)
    tag = browser.get(f"{PATH}/rows").headers["ETag"]
    for key, value in (("execution.in_flight", 1000), ("budget.evaluations", 10**6), ("budget.evaluations", None)):
        body = {"kind": "edit", "changes": {key: value}}
        answer = browser.change("POST", f"{PATH}/rows/commands", key="too-much", json=body, headers={"If-Match": tag})
        assert (answer.status_code, answer.json()["key"]) == (422, key)


def test_a_raised_cost_buys_no_more_evaluations_than_the_role_may_ask_for(make_site):
    site = make_site(given={"site": SiteSpec(web=WebSpec(operator=RoleLimitsSpec(evaluations=2)))})
    operator = site.with_session(Role.OPERATOR)
    operator.upload()
    assert create(operator, SPEC.replace("evaluations: 2", "cost: 4")).status_code == 201

    def edit(browser, **changes: object):
        key, seen = f"edit-{len(changes)}-{browser is operator}", {"If-Match": browser.get(f"{PATH}/rows").headers["ETag"]}
        body = {"kind": "edit", "changes": {f"budget.{key}": value for key, value in changes.items()}}
        return browser.change("POST", f"{PATH}/rows/commands", key=key, json=body, headers=seen)

    for cost in (6, None):
        answer = edit(operator, cost=cost)
        assert (answer.status_code, answer.json()["key"]) == (422, "budget.evaluations")
    assert edit(operator, cost=6, evaluations=2).status_code == 202
    assert edit(site.with_session(Role.ADMIN), cost=7).status_code == 202


def test_a_source_of_transfer_must_be_stored_and_is_frozen(site_with, monkeypatch):
    site = site_with("a1", "a2", "b1")
    store = site.services.store
    own = source_of(stored_spec(store.campaign("small-table")))
    known = [observation.model_copy(update={"source": own}) for observation in store.observations("small-table")]
    monkeypatch.setattr(store, "observations", lambda name: known if name == "small-table" else [])
    browser = site.logged_in(Role.OPERATOR)
    browser.upload()
    spec = SPEC.replace("grid", "gp").replace("place", "translation").replace("eV", "mJ/m2")
    unknown = create(browser, f"{spec}transfer: {{sources: [{{type: campaign, name: unknown}}]}}\n").json()
    assert (unknown["key"], unknown["line"]) == ("transfer.sources[0].name", 12)
    answer = create(browser, f"{spec}transfer: {{sources: [{{type: campaign, name: small-table}}]}}\n")
    assert answer.status_code == 201, answer.text
    frozen = site.services.store.campaign("rows").spec["transfer"]["sources"][0]["sha256"]
    with site.services.artifacts.open(frozen) as stream:
        assert b"small-table" in stream.read()


def test_models_of_others_get_no_versions_from_operators(site, browser, monkeypatch):
    spec = campaign_templates()["al-first-look"].read_text().replace("  first: 20", "  first: 20\n  model: theirs")
    monkeypatch.setattr(site.services.registry, "models", lambda name=None: [object()] if name == "theirs" else [])
    answer = create(browser, spec)
    assert (answer.status_code, answer.json()["key"]) == (422, "retrain.model")


def test_every_template_passes_the_policy(site):
    for name, template in campaign_templates().items():
        text = template.read_text()
        if name == "tavorite-na":
            continue  # learns from a campaign that is not stored
        if len(template_files(template)) > 1:  # its table or structure is to be added to the library first
            with pytest.raises(
                InvalidSpecError, match=r"space\.(boundaries\.list|boundary|candidates|crystal|paths\[0\]): no file"
            ):
                site.services.desk.admit(Actor(name="ada", role=Role.OPERATOR), text)
            continue
        admitted = site.services.desk.admit(Actor(name="ada", role=Role.OPERATOR), text)
        assert admitted.spec.name == name


def test_a_list_of_boundaries_is_a_file_of_the_library(site, browser):
    """And a table of something else is refused before anything is stored."""
    text = campaign_templates()["cu-boundaries-20"].read_text().replace("cu-boundaries-20.csv", "rows.csv")
    answer = create(browser, text)
    assert answer.status_code == 422
    assert "'rows.csv' has the columns" in answer.json()["detail"]
    assert "cu-boundaries-20" not in site.services.store.campaign_names()
