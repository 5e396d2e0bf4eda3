"""The part of a campaign's page with what may be stable."""

from __future__ import annotations

from tansaku.models.domain.accounts import Role
from tansaku.models.domain.specs.objective import OnHullSpec
from tests.support.alloys import NAME, alloy_store


def test_stable_candidates_are_listed_with_their_distance_from_the_hull(make_site):
    page = make_site(alloy_store(OnHullSpec())).with_session(Role.VIEWER).get(f"/campaigns/{NAME}").text
    part = page.partition('<section id="hits"')[2].partition("</section>")[0]
    assert "Candidates that may be stable" in part
    assert (
        f'<a href="/campaigns/{NAME}/evaluations/2">L10-AuCu</a></th><td class="number">–</td><td class="number">0</td>' in part
    )
    assert "B2-AuCu" not in part
    other = make_site(alloy_store()).with_session(Role.VIEWER).get(f"/campaigns/{NAME}").text
    assert "may be stable" not in other
