"""Campaigns side by side, on the page and in the API."""

import pytest

from tansaku.models.domain.accounts import Role
from tansaku.tasks.read.views.comparison import leading
from tansaku.tasks.read.views.readings import campaign_line

NAME, API = "small-table", "/api/v1/comparison"


@pytest.fixture
def browser(site_with):
    """A site with the campaign, a copy with another seed, and one in another unit."""
    site = site_with("a1", "a3", "b1")
    store = site.services.store
    record = store.campaign(NAME)
    for name, changes in (("seeded", {"seed": 7}), ("other-unit", {"objective": record.spec["objective"] | {"unit": "eV"}})):
        spec = record.spec | {"name": name} | changes
        store.create_campaign(record.model_copy(update={"id": name, "name": name, "spec": spec}))
    return site.with_session(Role.VIEWER)


def test_curves_systems_and_different_keys(browser):
    found = browser.get(f"{API}?name={NAME}&name=seeded").json()
    assert [line["name"] for line in found["campaigns"]] == [NAME, "seeded"]
    assert found["series"][0]["best"][-1] == found["campaigns"][0]["best"]
    assert found["series"][1]["best"] == []
    assert found["differences"] == [{"key": "seed", "values": ["0", "7"]}]
    assert [row["system"] for row in found["systems"]] == ["<b>beta</b>", "alpha"]
    assert found["systems"][0]["values"] == [9.0, None]
    first = found["series"][0]
    at = first["best"].index(first["best"][-1])
    assert found["reached"] == [first["evaluations"][at], None]
    assert found["leading"] == [NAME]
    page = browser.get(f"/compare?name={NAME}&name=seeded").text
    assert "<code>seed</code>" in page
    assert "&lt;b&gt;beta" in page
    assert "After evaluations" in page
    assert page.count('<span class="role">lowest</span>') == 1


def test_values_that_read_the_same_lead_together_and_systems_have_their_final_relaxation(make_site, recorded):
    site = make_site(recorded("a1", "b1", polish=("a1", "b1")))
    store = site.services.store
    record = store.campaign(NAME)
    store.create_campaign(record.model_copy(update={"id": "twin", "name": "twin", "spec": record.spec | {"name": "twin"}}))
    readings = site.services.readings.reading(NAME), site.services.readings.reading("twin")
    line = campaign_line(readings[0])
    twin = line.model_copy(
        update={"name": "twin", "relaxed": line.relaxed.model_copy(update={"value": line.relaxed.value + 1e-6})}
    )
    far = line.model_copy(
        update={"name": "far", "relaxed": line.relaxed.model_copy(update={"value": line.relaxed.value + 1e-3})}
    )
    assert leading((line, twin, far), 1.0) == (NAME, "twin")
    page = site.with_session(Role.VIEWER).get(f"/compare?name={NAME}&name=twin").text
    systems = page.partition("Best of each system")[2].partition("Keys that differ")[0]
    assert systems.count("after relaxation") == 2


def test_the_curves_can_be_taken_as_files(browser):
    chosen = f"{API}/drawing?name={NAME}&name=seeded"
    series = browser.get(f"{API}?name={NAME}&name=seeded").json()["series"][0]
    lines = browser.get(f"{chosen}&form=csv").text.splitlines()
    assert lines[0] == "campaign,evaluations,cost,value [mJ/m2],best [mJ/m2]"
    assert len(lines) == 1 + len(series["best"])
    assert all(line.startswith(f"{NAME},") for line in lines[1:])
    assert float(lines[-1].rpartition(",")[2]) == series["best"][-1]
    assert browser.get(chosen).content.startswith(b"\x89PNG")
    assert "cost" in browser.get(f"{chosen}&axis=cost&form=svg").text
    assert browser.get(f"{chosen}&axis=colour").status_code == 422


@pytest.mark.parametrize(
    ("query", "said"),
    [
        (f"name={NAME}&name=other-unit", "small-table: mJ/m2, other-unit: eV"),
        (f"name={NAME}&name={NAME}", "1 campaign chosen; expected 2 to 8"),
        ("&".join(f"name=c{number}" for number in range(9)), "expected 2 to 8"),
        (f"name={NAME}&name=none-such", "none-such"),
    ],
)
def test_what_cannot_be_compared_is_refused_by_name(browser, query, said):
    answer = browser.get(f"{API}?{query}")
    assert answer.status_code in (404, 422)
    assert said in answer.json()["detail"]
    page = browser.get(f"/compare?{query}")
    assert page.status_code == 422
    assert said in page.text


def test_the_page_offers_all_campaigns(browser):
    page = browser.get("/compare").text
    assert page.count('type="checkbox"') == 3
    home = browser.get("/").text
    assert home.count('form="compare"') == 3
    assert 'id="compare" method="get" action="/compare"' in home
