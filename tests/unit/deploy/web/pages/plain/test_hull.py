"""The page with a campaign's phase diagram."""

import re

from tansaku.models.domain.accounts import Role
from tests.support.alloys import NAME, alloy_store

PAGE = f"/campaigns/{NAME}"


def test_it_is_linked_and_shows_the_stable_phases_with_their_decomposition(make_site):
    browser = make_site(alloy_store()).with_session(Role.VIEWER)
    assert f'<a href="{PAGE}/hull">Phase diagram' in browser.get(PAGE).text
    page = browser.get(f"{PAGE}/hull").text
    assert "Au-Cu: stable are AuCu3, AuCu, Cu, Au" in page
    assert f'href="{PAGE}/hull#phases"' in page  # here to the table below, from the campaign's page to this one
    assert 'id="phases"' in page
    assert f'href="{PAGE}/hull"' not in page
    assert f'<a href="{PAGE}/evaluations/4">L12-Au3Cu</a>' in page
    assert re.search(r"0.50? Au \+ 0.50? L10-AuCu|0.50? L10-AuCu \+ 0.50? Au", page)
    assert len(re.findall("<circle", page)) == 4
    assert len(re.findall("<rect", page)) == 2
    named = {name: anchor for anchor, name in re.findall(r'text-anchor="(start|end)">(L1[^<]+)<', page)}
    assert named == {"L10-AuCu": "end", "L12-AuCu3": "start"}


def test_without_energies_it_says_what_lacks(site_with):
    site = site_with("a1")
    browser = site.with_session(Role.VIEWER)
    assert "no energy of a structure yet" in browser.get("/campaigns/small-table/hull").text
    assert "/hull" not in browser.get("/campaigns/small-table").text
    assert browser.get("/campaigns/nowhere/hull").status_code == 404


def test_a_structure_can_be_seen_as_it_was_before_it_was_computed(make_site):
    browser = make_site(alloy_store()).with_session(Role.VIEWER)
    assert f'<a href="{PAGE}/structures">Structures</a>' in browser.get(PAGE).text
    answer = browser.get(f"/api/v1{PAGE}/evaluations/4/structure?of=start")
    assert (answer.status_code, answer.text.splitlines()[0]) == (200, "4")
    assert browser.get(f"/api/v1{PAGE}/evaluations/4/structure?of=middle").status_code == 422
