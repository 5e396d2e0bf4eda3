"""Figures over parameters on the page of a campaign and in the API."""

from __future__ import annotations

import csv
import re

import pytest

import tansaku as ts
from tansaku.deploy.web.api import parameter_figures
from tansaku.models.domain.accounts import Role
from tests.support.alloys import NAME, alloy_store


@pytest.fixture
def browser(make_site):
    """A viewer of a campaign with six values, the fourth of which is absurd."""
    campaign = ts.Campaign(
        ts.Parameters({"x": (0, 1), "kind": ["in", "<b>"]}, pool=32, refine=None),
        ts.minimize("loss", unit="eV"),
        12,
        store=None,
        name="bench",
    )
    for count, row in enumerate(campaign.ask(6), 1):
        campaign.tell(row, value=1e7 if count == 4 else row["x"])
    return make_site(campaign._place._resources.store).with_session(Role.VIEWER)


API = "/api/v1/campaigns/bench"


def test_lines_and_the_model_are_asked_apart(browser):
    lines = browser.get(f"{API}/figures/parallel").json()
    assert [axis["name"] for axis in lines["axes"]] == ["x", "kind"]
    assert lines["outliers"].count(True) == 1
    assert lines["best"] == lines["numbers"][-1]
    found = browser.get(f"{API}/figures/model")
    assert found.json()["model"]["evaluation"] == 6
    assert {item["along"] for item in found.json()["model"]["slices"]} == {"x", "kind"}
    assert browser.get(f"{API}/figures/model", headers={"If-None-Match": found.headers["ETag"]}).status_code == 304
    contour = browser.get(f"{API}/figures/contour", params={"x": "kind", "y": "x"}).json()
    assert (contour["at_x"], len(contour["mean"])) == (["in", "<b>"], 2)
    assert browser.get(f"{API}/figures/contour").json()["x"] in ("x", "kind")
    assert browser.get(f"{API}/figures/contour", params={"x": "y" * 101}).status_code == 422
    assert "no axis" in browser.get(f"{API}/figures/contour", params={"x": "nowhere"}).json()["detail"]


def test_a_contour_is_drawn_over_what_was_chosen(browser):
    text = browser.get(f"{API}/drawings/contour", params={"form": "csv", "x": "kind", "y": "x"}).text
    assert next(csv.reader(text.splitlines())) == ["kind", "x", "mean [eV]", "deviation [eV]"]
    assert browser.get(f"{API}/drawings/contour", params={"form": "svg", "x": "x", "y": "kind"}).status_code == 200
    assert browser.get(f"{API}/drawings/contour", params={"x": "x", "y": "nowhere"}).status_code == 422


def test_a_model_that_others_wait_for_may_be_asked_again(browser, monkeypatch):
    monkeypatch.setattr(parameter_figures, "_PATIENCE", 0.01)
    with parameter_figures._TURN:
        answer = browser.get(f"{API}/figures/model")
    assert (answer.status_code, "other models" in answer.json()["detail"]) == (503, True)
    assert browser.get(f"{API}/figures/model").status_code == 200


def test_the_page_has_a_column_for_each_parameter_and_marks_outliers(browser):
    page = browser.get("/campaigns/bench").text
    assert 'data-contour="/api/v1/campaigns/bench/figures/contour"' in page
    assert '<th scope="col">kind</th>' in page
    assert "<td>&lt;b&gt;</td>" in page
    assert page.count(">outlier</strong>") == 1
    assert browser.get("/campaigns/bench/table?sort=best").text.count(">outlier</strong>") == 1


def test_a_campaign_without_a_model_says_so(site_with):
    browser = site_with("a1", "a2").with_session(Role.VIEWER)
    api = "/api/v1/campaigns/small-table/figures"
    assert browser.get(f"{api}/parallel").json()["count"] == 2
    assert site_with().with_session(Role.VIEWER).get(f"{api}/parallel").json() is None


def test_importance_is_shown_or_why_there_is_none(make_site, browser, site_with):
    assert browser.get(f"{API}/figures/importance").json()["problem"] == "no model was fitted yet"
    campaign = ts.Campaign(
        ts.Parameters({"x": (0, 1), "kind": ["in", "out"]}, pool=32, refine=None),
        ts.minimize("loss", unit="eV"),
        12,
        proposer={"type": "gp", "initial_points": 4},
        store=None,
        name="bench",
    )
    for _ in range(2):
        campaign.tell({row.number: row["x"] + (row["kind"] == "in") for row in campaign.ask(4)})
    browser = make_site(campaign._place._resources.store).with_session(Role.VIEWER)
    shares = browser.get(f"{API}/figures/importance").json()
    assert (shares["problem"], {item["name"] for item in shares["shares"]}) == ("", {"x", "kind"})
    assert [(item["name"], item["share"]) for item in shares["shares"]] == [
        (item["group"], item["share"]) for item in browser.get(f"{API}/importance").json()
    ]
    table = list(csv.reader(browser.get(f"{API}/drawings/importance?form=csv").text.splitlines()))
    assert table == [["group", "share"], *([item["name"], str(item["share"])] for item in shares["shares"])]
    small = site_with("a1", "a2").with_session(Role.VIEWER).get("/api/v1/campaigns/small-table/figures/importance").json()
    assert (small["shares"], small["problem"] != "") == ([], True)


def test_pages_of_other_spaces_have_a_place_for_importance(make_site, browser):
    page = make_site(alloy_store()).with_session(Role.VIEWER).get(f"/campaigns/{NAME}").text
    assert f'data-importance="/api/v1/campaigns/{NAME}/figures/importance"' in page
    assert "importance" in re.search(r'id="model" data-script="/static/together/([\w+-]+)\.js', page)[1]
    assert "data-importance" not in browser.get("/campaigns/bench").text  # beside the slices
