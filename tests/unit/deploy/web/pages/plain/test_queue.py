"""The page of jobs, and the same by the API."""

from __future__ import annotations

from tansaku.models.domain.accounts import Role
from tansaku.models.domain.records import Failure, LeaseOwner
from tansaku.models.domain.requests import Answer, ServiceReport
from tansaku.models.domain.states import FailureKind
from tests.support.records import proposal_of

NAME = "small-table"
OWNER = LeaseOwner(host="node<7>", pid=1, process_started=0.0, user="ada")


def propose(site, number: int) -> tuple:
    """A driver's lease and an evaluation that it proposed."""
    store = site.services.store
    lease = store.acquire_lease(NAME, OWNER, 60.0)
    proposal = proposal_of(number, candidate=f"a{number}", system="left", surface="left")
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
    assert "the campaign is not running now" in browser.get("/queue").text
    assert browser.get("/api/v1/queue").json()[0]["driver"] is None


def test_requests_that_a_service_refused_and_jobs_that_a_queue_refused_are_shown_with_the_reason(site_with):
    site = site_with("a1")
    viewer = site.with_session(Role.VIEWER)
    assert 'id="refused"' not in viewer.get("/queue").text
    site.with_session(Role.OPERATOR).submit(f"/campaigns/{NAME}/runs", {"key": "the-request"})
    assert viewer.get("/api/v1/queue/refused").json() == []
    answer = Answer(service="lab", reason="its file <b>rows.csv</b> is not there")
    assert site.services.requests.answer_request("the-request", answer, site.clock())
    told = ("cluster: firework 7: not as <i>tansaku</i> writes it",)
    site.services.requests.report(
        ServiceReport(id="lab@h", name="lab", host="h", pid=1, since=site.clock(), version="1", refused=told)
    )
    page = viewer.get("/queue").text
    assert f'<th scope="row"><a href="/campaigns/{NAME}">{NAME}</a></th>' in page
    assert "<td>operator</td>" in page
    assert "<td>service lab</td>" in page
    assert "its file &lt;b&gt;rows.csv&lt;/b&gt; is not there" in page
    assert "firework 7: not as &lt;i&gt;tansaku" in page
    (found,) = viewer.get("/api/v1/queue/refused").json()
    assert (found["campaign"], found["reason"], found["service"]) == (NAME, answer.reason, "lab")
    assert viewer.get("/api/v1/service").json()["services"][0]["refused"] == list(told)
    assert site.browser().get("/api/v1/queue/refused").status_code == 401
