"""The search over all campaigns, on the page, in the API and as CSV."""

from __future__ import annotations

import re

import pytest

from tansaku.models.domain.accounts import MOST_SEARCHES, Actor, Role, SavedSearch
from tansaku.tasks.act.commands.searches import SavedSearches
from tests.support.killed_writes import KilledError, MortalStore

NAME, API = "small-table", "/api/v1/search"
QUERY = "elements=&value=100&unit=J%2Fm2&order=highest"
SAVED = {"value": "100", "unit": "J/m2", "order": "highest"}


@pytest.fixture
def site(site_with):
    """A site with one campaign: alpha a1, beta b1, and a3, which failed."""
    return site_with("a1", "a3", "b1")


@pytest.fixture
def browser(site):
    """A viewer's."""
    return site.with_session(Role.VIEWER)


def test_the_form_alone_searches_nothing(browser):
    page = browser.get("/search")
    assert page.status_code == 200
    assert "leave the rest empty" in page.text
    assert "Evaluations that were found" not in page.text
    assert 'href="/search" aria-current="page"' in page.text
    assert '<option value="mJ/m2">' in page.text


def test_results_on_the_page_in_the_api_and_as_csv(browser):
    query = "value=100&unit=J/m2&order=highest"
    found = browser.get(f"{API}?{query}").json()
    assert [(hit["candidate"], hit["value"], hit["unit"], hit["calculator"]) for hit in found["items"]] == [
        ("b1", 9.0, "mJ/m2", None),
        ("a1", 5.0, "mJ/m2", None),
    ]
    assert found["mongosh"].startswith('db.evaluations.find({"campaign": ')
    page = browser.get(f"/search?{query}").text
    assert f'<a href="/campaigns/{NAME}/evaluations/1">a1</a>' in page
    assert "2 evaluations; 1 campaign searched." in page
    assert "&lt;b&gt;beta" in page
    assert "<b>beta" not in page
    assert "db.evaluations.find(" in page
    lines = browser.get(f"/search.csv?{query}").text.splitlines()
    assert lines[0].startswith("campaign,round,candidate,system,state,property,value,unit")
    assert lines[2].startswith(f"{NAME},1,a1,alpha,DONE,value,5.0,mJ/m2,False,,")
    assert len(lines) == 3


def test_pages_follow_each_other(browser):
    first = browser.get("/search?limit=2&system=&order=round").text
    assert "2 evaluations on this page" in first
    assert f"after={NAME}%2F2" in first
    second = browser.get(f"/search?order=round&after={NAME}%2F2").text
    assert "1 evaluation on this page" in second
    assert "First page" in second
    assert "Next page" not in second


@pytest.mark.parametrize(
    ("query", "key"),
    [
        ("value=%24gt", "value"),
        ("value=1e200", "value"),
        ("value=nan", "value"),
        ("value[%24gt]=1", "value[$gt]"),
        ("%24where=1", "$where"),
        ("elements=Li3", "elements"),
        ("elements=%7B%22%24ne%22:1%7D", "elements"),
        ("unit=m**9999999999**9999999", "unit"),
        ("state=BROKEN", "state"),
        ("comparison=%24gt", "comparison"),
        ("order=random", "order"),
        ("limit=501", "limit"),
        ("system=" + 201 * "x", "system"),
        ("after=nothing", "after"),
    ],
)
def test_what_is_no_condition_is_refused_by_name(browser, query, key):
    answer = browser.get(f"{API}?{query}")
    assert (answer.status_code, answer.json()["key"]) == (422, key)
    page = browser.get(f"/search?{query}")
    assert page.status_code == 422
    assert f'role="alert">{key}' in page.text
    if not key.startswith(("after", "limit")):
        assert browser.get(f"/search.csv?{query}").status_code == 422


def test_operators_in_texts_are_texts(browser):
    for field in ("campaign", "space", "owner", "calculator", "system", "candidate", "property"):
        found = browser.get(API, params={field: '{"$ne": ""}'}).json()
        assert found["items"] == [], field


def save(browser, name: str, query: str = QUERY, action: str = "save"):
    return browser.submit("/search/saved", {"action": action, "name": name, "query": query}, "/search?order=lowest")


def test_saved_searches_are_their_users_own(site, browser):
    address = save(browser, "strong  <i>").headers["Location"]
    page = browser.get(address).text
    assert 'order=highest" aria-current="page">strong &lt;i&gt;</a>' in page
    assert browser.get(f"{API}/saved").json() == [{"name": "strong <i>", "conditions": SAVED, "address": address}]
    other = site.with_session(Role.ADMIN)
    assert "strong" not in other.get("/search").text
    assert "2 evaluations; 1 campaign searched." in other.get(address).text
    assert other.change("DELETE", f"{API}/saved/strong <i>").status_code == 404
    done = save(browser, "strong <i>", "order=lowest", "remove")
    assert (done.status_code, done.headers["Location"]) == (303, "/search?order=lowest")
    assert browser.get(f"{API}/saved").json() == []
    assert save(browser, "strong <i>", "", "remove").status_code == 404
    assert [entry.before for entry in site.changes("search.remove")] == [SAVED]


def test_a_saved_search_is_replaced_under_its_name(site, browser):
    for query in (QUERY, QUERY, "order=lowest"):
        assert save(browser, "mine", query).status_code == 303
        site.clock.pass_time(1.0)
    assert [(entry.before, entry.after) for entry in reversed(site.changes("search.save"))] == [
        (None, SAVED),
        (SAVED, {"order": "lowest"}),
    ]


@pytest.mark.parametrize(
    ("method", "after"), [(method, after) for method in ("append_audit", "remove_search") for after in (False, True)]
)
def test_a_removal_that_was_killed_is_in_the_audit_or_did_not_happen(site, method, after):
    accounts, ada = site.services.accounts, Actor(name="ada", role=Role.VIEWER)
    SavedSearches(accounts, ada, site.clock).save("mine", SAVED)
    mortal = MortalStore(accounts, method, after)
    with pytest.raises(KilledError):
        SavedSearches(mortal, ada, site.clock).remove("mine")
    is_there = bool(accounts.searches("ada"))
    assert is_there == ((method, after) != ("remove_search", True))
    assert is_there or [entry.before for entry in site.changes("search.remove")] == [SAVED]
    if is_there:
        SavedSearches(accounts, ada, site.clock).remove("mine")
    assert (accounts.searches("ada"), site.changes("search.remove")[0].before) == ([], SAVED)


@pytest.mark.parametrize("name", ["", "a/b", ".", 61 * "x"])
def test_a_name_that_cannot_be_one_is_refused_at_its_field(browser, name):
    answer = save(browser, name)
    assert answer.status_code == 422
    assert re.search(r'id="saved-name"[^>]*aria-invalid="true"', answer.text)


@pytest.mark.parametrize(
    "query", ["%24where=1", "value=%24gt", "value%5B%24gt%5D=1", "after=x%2F1", "unit=m**9999999999**9999999"]
)
def test_what_is_no_condition_is_not_saved(browser, query):
    assert save(browser, "mine", query).status_code == 422
    body = {"$where": "1"} if "where" in query else {"value": {"$gt": "1"}}
    assert browser.change("PUT", f"{API}/saved/mine", json=body).status_code == 422
    assert browser.get(f"{API}/saved").json() == []


def test_too_many_saved_searches_are_refused(site, browser):
    for number in range(MOST_SEARCHES):
        search = SavedSearch(id=f"viewer/{number}", user="viewer", name=str(number), conditions={})
        site.services.accounts.keep_search(search)
    assert browser.change("PUT", f"{API}/saved/more", json={}).status_code == 422
    assert browser.change("PUT", f"{API}/saved/7", json={"order": "lowest"}).status_code == 200


def test_values_of_one_unit_are_drawn_with_a_line_for_each_campaign(site_with):
    browser = site_with("a1", "a2").logged_in(Role.VIEWER)
    page = browser.get("/search?campaign=small-table").text
    assert (page.count("<circle"), page.count('<svg class="hits"')) == (2, 1)
    assert [float(place) for place in re.findall(r'<circle cx="([\d.]+)"', page)] in ([10, 690], [690, 10])
    assert "<svg" not in browser.get("/search?campaign=small-table&candidate=a1").text
