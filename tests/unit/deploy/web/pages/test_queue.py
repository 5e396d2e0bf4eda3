"""The page of jobs, and the same by the API."""

from __future__ import annotations

from tansaku.models.domain.accounts import Role
from tansaku.models.domain.records import Failure, LeaseOwner, Proposal
from tansaku.models.domain.states import FailureKind

NAME = "small-table"
OWNER = LeaseOwner(host="node<7>", pid=1, process_started=0.0, user="ada")


def propose(site, number: int) -> tuple:
    """A driver's lease and an evaluation that it proposed."""
    store = site.services.store
    lease = store.acquire_lease(NAME, OWNER, 60.0)
    proposal = Proposal(
        number=number, candidate=f"a{number}", system="left", surface="left", source="table", predicted_cost=1.0, model="test"
    )
    return store, lease, store.insert_proposal(lease, proposal)


def test_nothing_in_progress_is_said(site_with):
    page = site_with("a1").logged_in(Role.VIEWER).get("/queue").text
    assert "No campaign has a driver" in page
    assert NAME not in page


def test_jobs_in_progress_are_shown_with_why_earlier_attempts_ended(site_with):
    site = site_with("a1")
    store, lease, evaluation = propose(site, 2)
    store.begin_attempt(lease, evaluation.id, 1, "token", "job-one")
    lost = Failure(kind=FailureKind.PLUMBING, reason="node_fail", message="node <b>7</b> is down")
    store.mark_lost(lease, evaluation.id, "token", lost, 0.0)
    store.begin_attempt(lease, evaluation.id, 2, "another", "job-two")
    browser = site.logged_in(Role.VIEWER)
    page = browser.get("/queue").text
    assert f'<a href="/campaigns/{NAME}/evaluations/2">2</a>' in page
    assert ("job-two" in page, "node_fail" in page, "node &lt;b&gt;7" in page) == (True, True, True)
    assert "ada@node&lt;7&gt;" in page
    (queue,) = browser.get("/api/v1/queue").json()
    assert (queue["name"], queue["counts"], queue["reasons"][0]["count"]) == (NAME, {"SUBMITTING": 1}, 1)
    assert [(job["number"], job["attempt"], job["job"]) for job in queue["jobs"]] == [(2, 2, "job-two")]
    store.release_lease(lease)
    assert "no driver runs" in browser.get("/queue").text
    assert browser.get("/api/v1/queue").json()[0]["driver"] is None
