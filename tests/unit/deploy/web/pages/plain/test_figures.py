"""A campaign's figures: their data by the API, and as tables."""

from datetime import UTC, datetime

from tansaku.models.domain.accounts import Role
from tansaku.models.domain.records import Event, LeaseOwner
from tansaku.tasks.loop.steps.certificates import CERTIFICATE
from tests.support.records import proposal_of

NAME = "small-table"
PAGE = f"/campaigns/{NAME}"
API = f"/api/v1{PAGE}/figures"


def test_data_tables_and_versions(site_with):
    site = site_with("a1", "a2")
    browser = site.logged_in(Role.VIEWER)
    first = browser.get(API)
    assert (first.json()["proposals"], first.json()["angles"], first.json()["maps"]) == (None, None, [])
    assert "There are no figures yet." in browser.get(f"{PAGE}/figures").text
    assert f'data-figures="{API}"' in browser.get(PAGE).text
    assert browser.get(API, headers={"If-None-Match": first.headers["ETag"]}).status_code == 304

    store = site.services.store
    data = {
        "number": 10, "horizon": 2, "searched": 2, "confidence": 0.95, "tolerance": None, "known": 2.5,
        "tolerances": {"alpha": 2.5, "<b>beta</b>": None}, "unit": "mJ/m2",
    }  # fmt: skip
    store.append_event(Event(id="c", campaign=NAME, kind=CERTIFICATE, at=datetime.now(UTC), data=data))
    lease = store.acquire_lease(NAME, LeaseOwner(host="h", pid=1, process_started=0.0, user="u"), 60.0)
    store.insert_proposal(
        lease,
        proposal_of(3, candidate="b1", system="beta", acquisition=0.25, predicted_mean=4.0, predicted_deviation=0.5),
    )
    second = browser.get(API, headers={"If-None-Match": first.headers["ETag"]})
    assert second.status_code == 200
    assert second.json()["proposals"]["acquisition"] == [0.25]
    assert second.json()["certificate"]["tolerance"] == [2.5, None]
    page = browser.get(f"{PAGE}/figures").text
    assert "not known" in page
    assert "&lt;b&gt;beta&lt;/b&gt;" in page
    assert f'<a href="{PAGE}/evaluations/3">3</a>' in page
    assert '<p id="near">1 of 2 systems within 5 mJ/m² of the optimum (95 %)</p>' in browser.get(PAGE).text
    table = browser.get(f"{API.removesuffix('/figures')}/drawings/certificate?form=csv").text.splitlines()
    assert [line.rpartition(",")[2] for line in table] == ["tolerance [mJ/m2]", "2.5", ""]
    for figure in ("certificate", "acquisition"):
        assert browser.get(f"{API.removesuffix('/figures')}/drawings/{figure}").content.startswith(b"\x89PNG")


def test_an_unknown_campaign_has_none(site):
    browser = site.logged_in(Role.VIEWER)
    assert [browser.get(path).status_code for path in (API, f"{PAGE}/figures")] == [404, 404]


def test_twenty_viewers_cost_no_reading_of_all_evaluations(site_with, monkeypatch):
    site = site_with("a1", "a2")
    browser = site.with_session(Role.VIEWER)
    version = browser.get(API).json()["version"]
    asked = []
    for name in ("columns", "changes", "events", "campaign"):
        monkeypatch.setattr(site.services.store, name, lambda *given, name=name, **_: asked.append(name))
    answers = [browser.get(f"{API}?seen={version}") for _ in range(20)]
    assert {answer.json()["version"] for answer in answers} == {version}
    assert asked == []
