"""Each figure of a page can be taken: as PNG, SVG and CSV, as a table on the page, and as a line of Python."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest

from tansaku.deploy.web.scripts import STATIC
from tansaku.models.domain.accounts import Role
from tests.support.alloys import NAME, alloy_store

TEMPLATES = sorted(STATIC.parents[2].glob("*/web/templates/*.html"))
SCRIPTS = sorted(STATIC.parents[2].glob("*/web/static/*.js"))
OF_MODELS = "/api/v1/models/alloy@2/drawings"

DRAWS = re.compile(r"<figure>|class=\"drawn\"|-plot\"|new uPlot|figureIn\(|pictureIn\(")
OFFERS = re.compile(r"data-take=|\btaken\(|\btakenFrom\(")
ELSEWHERE = {
    "picture.html",  # a part of other templates
    "plots.js",  # the same of other scripts
    "path.js",  # migration_path.html offers it
}
"""Files that draw and leave it to another one to offer what can be taken."""


@pytest.mark.parametrize("path", [*TEMPLATES, *SCRIPTS], ids=lambda path: path.name)
def test_what_draws_a_figure_offers_what_can_be_taken_from_it(path: Path):
    text = path.read_text()
    assert not DRAWS.search(text) or OFFERS.search(text) or path.name in ELSEWHERE


def test_only_pages_with_its_script_offer_something():
    for path in TEMPLATES:
        if "data-take=" in path.read_text() and path.name != "migration_path.html":
            assert "taken.js" in path.read_text(), path.name
    assert "taken.js" in (STATIC.parent / "templates" / "evaluation.html").read_text()


def _taken(browser, address: str) -> list[dict[str, str]]:
    """The rows of a figure's CSV; its pictures are there in both schemes."""
    assert browser.get(f"{address}?form=png").content.startswith(b"\x89PNG")
    light, dark = (browser.get(f"{address}?form=svg&scheme={scheme}") for scheme in ("light", "dark"))
    assert light.headers["Content-Type"] == dark.headers["Content-Type"] == "image/svg+xml"
    assert "#ffffff" in light.text
    assert "#ffffff" not in dark.text
    answer = browser.get(f"{address}?form=csv")
    assert answer.headers["Content-Type"].startswith("text/csv")
    return list(csv.DictReader(answer.text.splitlines()))


def test_the_figures_of_a_model(site, add_models):
    browser = add_models(site).with_session(Role.VIEWER)
    learning = _taken(browser, f"{OF_MODELS}/learning")
    assert list(learning[0]) == ["step", "training [eV/atom]", "validation [eV/atom]"]
    assert len(learning) == 699
    parity = _taken(browser, f"{OF_MODELS}/parity-energy")
    # All points, of which the page draws 500 of each.
    assert [row["data"] for row in parity] == ["held out"] * 800 + ["training"] * 800
    assert float(parity[-1]["predicted [eV/atom]"]) == pytest.approx(1.1)
    calibration = _taken(browser, f"{OF_MODELS}/calibration-energy")
    assert [float(row["observed"]) for row in (calibration[0], calibration[-1])] == [0.0, 1.0]
    missing = browser.get(f"{OF_MODELS}/parity-force")
    assert (missing.status_code, "learning, parity-energy, calibration-energy" in missing.text) == (404, True)
    for page in ("/models/alloy@2", "/models/alloy/versions"):
        assert 'data-model="/api/v1/models/alloy@2"' in browser.get(page).text


def test_the_timeline_and_the_phase_diagram(make_site):
    browser = make_site(alloy_store()).with_session(Role.VIEWER)
    rows = _taken(browser, f"/api/v1/campaigns/{NAME}/workers")
    assert [row["round"] for row in rows if row["state"] == "done"] == ["1", "2", "3", "4", "5"]
    assert list(rows[0]) == ["round", "candidate", "machine", "begun", "ended", "took [s]", "state"]
    page = browser.get(f"/campaigns/{NAME}/workers").text
    assert f'data-take="/api/v1/campaigns/{NAME}/workers"' in page
    assert re.search(r"/static/together/taken\+poll\.js", page)
    hull = _taken(browser, f"/api/v1/campaigns/{NAME}/drawings/hull")
    assert {"phase", "formula"} < set(hull[0])
    page = browser.get(f"/campaigns/{NAME}/hull").text
    assert f'data-take="/api/v1/campaigns/{NAME}/drawings/hull" data-campaign="{NAME}" data-python="hull()"' in page


def test_what_was_not_computed_has_no_timeline(site_with):
    browser = site_with("a1").with_session(Role.VIEWER)
    assert browser.get("/api/v1/campaigns/small-table/workers").status_code == 404
    assert browser.get("/api/v1/campaigns/small-table/evaluations/1/path").status_code == 404


def test_what_a_search_found(site_with):
    browser = site_with("a1", "a2").with_session(Role.VIEWER)
    page = browser.get("/search?campaign=small-table&order=lowest").text
    (address,) = re.findall(r'data-take="([^"]+)" data-table="beside"', page)
    assert address == "/api/v1/search/drawing?campaign=small-table&amp;order=lowest"
    rows = list(csv.DictReader(browser.get("/api/v1/search/drawing?campaign=small-table&form=csv").text.splitlines()))
    assert [row["candidate"] for row in rows] == ["a1", "a2"]
    assert browser.get("/api/v1/search/drawing?campaign=small-table&form=svg&scheme=dark").text.count("<svg") == 1
    assert browser.get("/api/v1/search/drawing?campaign=small-table&candidate=a1").status_code == 404
    assert browser.get("/api/v1/search/drawing?form=exe").status_code == 422
