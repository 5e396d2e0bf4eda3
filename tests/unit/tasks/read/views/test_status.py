from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest

from tansaku.models.domain.certificate import Certificate
from tansaku.models.domain.records import Command, Failure, LeaseOwner
from tansaku.models.domain.states import CampaignState, FailureKind, StopReason
from tansaku.spaces.table import TableSpace
from tansaku.tasks.act.commands.runs import may_run
from tansaku.tasks.ground.site.processes import process_identity
from tansaku.tasks.node.jobs.document import DOUBT
from tansaku.tasks.read.views.campaign import Campaign
from tansaku.tasks.read.views.failures import may_succeed
from tansaku.tasks.read.views.queue import read_queue
from tansaku.tasks.read.views.readings import Readings
from tansaku.tasks.read.views.status import campaign_status, doubtful_bests, live_lease, status_of

NAME = "small-table"


def _command(kind: str) -> Command:
    return Command(id=f"{kind}-{datetime.now(UTC).timestamp()}", kind=kind, created_at=datetime.now(UTC))


def test_failed_evaluations_come_first_with_reason_and_the_command_to_retry(recorded):
    status = campaign_status(recorded("b1", "a3"), NAME)
    assert [entry.candidate for entry in status.failures] == ["a3"]
    first, second, *rest = status.describe().splitlines()
    assert first.startswith("FAILED  a3  recorded_failure")
    assert second.strip() == "retry: tansaku retry small-table"
    assert any(line.startswith("small-table: INTERRUPTED") for line in rest)


def test_a_failed_final_relaxation_is_counted_beside_the_search(recorded):
    status = campaign_status(recorded("a1", polish=("a3",)), NAME)
    assert (status.done, status.failed, status.polish, status.polish_failed) == (1, 0, 1, 1)
    assert "1 done, 0 failed, 0 in progress; final relaxations 1, 1 failed" in status.describe()


def test_a_grain_that_turned_is_not_to_be_retried(recorded):
    status = campaign_status(recorded("a3"), NAME)
    (failed,) = status.failures
    assert may_succeed(failed)
    turned = failed.model_copy(update={"reason": "rotated_grain: grain 0 turned by 2 degrees"})
    assert not may_succeed(turned)
    assert "increase space.spacing" in status.model_copy(update={"failures": (turned,)}).describe()
    assert "increase space.spacing" not in status.describe()


def test_no_retry_command_without_a_failure(recorded):
    status = campaign_status(recorded("b1"), NAME)
    assert status.retry_command is None
    assert status.describe().startswith("small-table: INTERRUPTED")


def test_a_spent_budget_finishes_the_campaign(recorded):
    status = campaign_status(recorded("a1", "a2", "a3", stop=StopReason.BUDGET), NAME)
    assert (status.state, status.stop_reason) == (CampaignState.FINISHED, StopReason.BUDGET)
    assert (status.cost, status.limit, status.exhaustive_cost) == (8.0, 8.0, 10.0)


@pytest.mark.parametrize(
    ("kind", "payload", "state"),
    [
        ("edit", {"budget.cost": 9.0}, CampaignState.INTERRUPTED),
        ("edit", {"budget.cost": 7.0}, CampaignState.FINISHED),
        ("edit", {"budget.cost": 9.0, "budget.evaluations": 3}, CampaignState.FINISHED),
        ("edit", {"budget.max_failed_fraction": 0.9}, CampaignState.FINISHED),
        ("edit", {"notes": "better ones"}, CampaignState.FINISHED),
        ("retry", {}, CampaignState.INTERRUPTED),
        ("reject", {"candidates": ["a1"]}, CampaignState.FINISHED),
    ],
)
def test_what_waits_for_a_driver_reopens_a_campaign_where_it_lets_it_continue(recorded, kind, payload, state):
    store = recorded("a1", "a2", "a3", stop=StopReason.BUDGET)
    store.add_command(NAME, _command(kind).model_copy(update={"payload": payload}))
    status = campaign_status(store, NAME)
    assert status.state is state
    assert status.stop_reason is (StopReason.BUDGET if state is CampaignState.FINISHED else None)
    assert status.limit == payload.get("budget.cost", 8.0)


def test_new_paused_cancelled_and_reopened(recorded):
    store = recorded()
    assert campaign_status(store, NAME).state is CampaignState.NEW
    for kind, state in (
        ("pause", CampaignState.PAUSED),
        ("resume", CampaignState.NEW),
        ("cancel", CampaignState.CANCELLED),
        ("resume", CampaignState.NEW),
    ):
        store.add_command(NAME, _command(kind))
        assert campaign_status(store, NAME).state is state


def test_a_live_driver_is_named(recorded):
    store = recorded("a1")
    assert live_lease(store.campaign(NAME), store.now()) is None
    store.acquire_lease(NAME, LeaseOwner(host="node7", pid=4321, process_started=0.0, user="ada"), 60.0)
    status = campaign_status(store, NAME)
    assert status.state is CampaignState.RUNNING
    assert "ada@node7 (process 4321)" in status.describe()


def test_a_driver_that_was_killed_on_this_host_is_known_to_be_gone_at_once(recorded):
    store, readings = (made := recorded("a1")), Readings(made)
    driver = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        known = process_identity(driver.pid)
        owner = LeaseOwner(host=known["host"], pid=known["pid"], process_started=known["started"], user="ada")
        store.acquire_lease(NAME, owner, 60.0)
        seen = readings.reading(NAME)
        assert status_of(seen).state is CampaignState.RUNNING
    finally:
        driver.kill()
        driver.wait()
        driver.stdin.close()
    now = readings.reading(NAME)
    status = status_of(now)
    assert (status.state, status.driver) == (CampaignState.INTERRUPTED, None)
    assert now.version != seen.version
    assert may_run(store.campaign(NAME), status.state, store.now())


def test_the_silence_of_a_driver_on_another_host_is_told_until_its_lease_expires(recorded):
    passed = timedelta(0)
    start = datetime(2026, 1, 1, 12, tzinfo=UTC)
    store = recorded("a1", clock=lambda: start + passed)
    readings = Readings(store)
    store.acquire_lease(NAME, LeaseOwner(host="node7", pid=4321, process_started=0.0, user="ada"), 30.0)
    said = "nothing was heard of its driver since 12:00:00Z; unless that changes, it counts as gone at 12:00:30Z"
    versions = set()
    for seconds, silence, state in (
        (9, None, CampaignState.RUNNING), (11, said, CampaignState.RUNNING), (29, said, CampaignState.RUNNING),
        (31, None, CampaignState.INTERRUPTED),
    ):  # fmt: skip
        passed = timedelta(seconds=seconds)
        reading, line = readings.reading(NAME), readings.lines()[0]
        assert (status_of(reading).silence, line.silence, status_of(reading).state) == (silence, silence, state), seconds
        assert (said in campaign_status(store, NAME).describe()) is (silence is not None)
        versions.add(reading.version)
    assert len(versions) == 3
    passed = timedelta(seconds=11)
    store.renew_lease(store.campaign(NAME).lease, 30.0)
    assert status_of(readings.reading(NAME)).silence is None


@pytest.mark.parametrize("hours", [-5, 5])
def test_whether_a_driver_lives_is_told_by_the_clock_of_the_database(recorded, hours):
    ahead = timedelta(hours=hours)
    store = recorded("a1", clock=lambda: datetime.now(UTC) + ahead)
    readings = Readings(store)
    store.acquire_lease(NAME, LeaseOwner(host="node7", pid=4321, process_started=0.0, user="ada"), 60.0)
    for _ in range(2):
        assert campaign_status(store, NAME).state is CampaignState.RUNNING
        assert status_of(readings.reading(NAME)).driver == readings.lines()[0].driver == read_queue(store)[0].driver
        assert "ada@node7" in status_of(readings.reading(NAME)).driver
        assert not may_run(store.campaign(NAME), CampaignState.INTERRUPTED, store.now())
        ahead += timedelta(seconds=50)
        store.renew_lease(store.campaign(NAME).lease, 60.0)
    ahead += timedelta(seconds=61)
    assert campaign_status(store, NAME).state is CampaignState.INTERRUPTED
    assert status_of(readings.reading(NAME)).driver is None
    assert read_queue(store) == []
    assert may_run(store.campaign(NAME), CampaignState.INTERRUPTED, store.now())


def test_a_space_that_is_gone_is_said_and_the_rest_still_shown(recorded, table_file):
    store = recorded("a1", "a3")
    (table_file.parent / "candidates.csv").unlink()
    status = campaign_status(store, NAME)
    assert "candidates.csv" in (status.problem or "")
    assert (status.evaluations, status.failed, status.limit) == (2, 1, None)


def test_lost_attempts_are_shown_with_their_reasons(recorded):
    store = recorded("a1")
    lease = store.acquire_lease(NAME, LeaseOwner(host="h", pid=1, process_started=0.0, user="ada"), 60.0)
    (first,) = store.evaluations(NAME)
    next_one = first.proposal.model_copy(update={"number": 2, "candidate": "a2"})
    evaluation = store.insert_proposal(lease, next_one)
    for number in range(1, 8):
        store.begin_attempt(lease, evaluation.id, number, f"token-{number}", f"job-{number}")
        lost = Failure(kind=FailureKind.PLUMBING, reason="walltime", message=f"after {number} minutes")
        store.mark_lost(lease, evaluation.id, f"token-{number}", lost, 0.0)
    status = campaign_status(store, NAME)
    assert [entry.attempt for entry in status.lost_attempts] == list(range(1, 8))
    lines = [line for line in status.describe().splitlines() if line.startswith("  lost:")]
    assert lines[0].strip() == "lost: a2, attempt 3 (round 2): walltime: after 3 minutes"
    assert "2 earlier attempts" in lines[-1]


def test_a_finished_search_without_a_certificate_says_why_nothing_is_known(recorded):
    status = campaign_status(recorded("a1", "a2", "a3", stop=StopReason.BUDGET), NAME)
    certificate = Certificate(number=4, horizon=3, searched=3, confidence=0.95, tolerance=None, unit="mJ/m2")
    unknown = status.model_copy(update={"certificate": certificate})
    said = "Certificate (95 %): not enough results to say what remains"
    assert unknown.certified == f"{said}; the search ended after 3 evaluations: its cost was spent"
    assert f"  {unknown.certified}" in unknown.describe().splitlines()
    assert unknown.model_copy(update={"stop_reason": None}).certified == said
    known = certificate.model_copy(update={"tolerance": 4.0})
    assert status.model_copy(update={"certificate": known}).certified == known.describe()
    assert status.certified is None


def test_every_reason_to_end_has_words():
    assert all(reason.words for reason in StopReason)


def test_only_doubts_about_the_best_values_are_shown(recorded, monkeypatch):
    known = TableSpace.recorded
    doubted = {DOUBT: "its boundaries differ"}
    monkeypatch.setattr(TableSpace, "recorded", lambda *given: known(*given).model_copy(update={"properties": doubted}))
    store = recorded("a1", "a2", "b1")
    campaign = Campaign.load(store, NAME)
    values = dict(zip(campaign.columns.candidates, campaign.columns.values, strict=True))
    best = min(("a1", "a2"), key=lambda name: values[name])
    assert doubtful_bests(campaign) == [f"{best}: its boundaries differ", "b1: its boundaries differ"]
    assert set(doubtful_bests(campaign)) <= set(campaign_status(store, NAME).warnings)
    monkeypatch.setattr(TableSpace, "recorded", known)
    assert doubtful_bests(Campaign.load(recorded("a1"), NAME)) == []


def test_a_campaign_that_waits_for_values_is_not_run_for_an_edit(recorded):
    store = recorded("a1")
    at = datetime(2026, 1, 1, tzinfo=UTC)
    for key, kind, runs in (("edit-1", "edit", False), ("rerun-1", "rerun", True)):
        store.add_command(NAME, Command(id=key, kind=kind, payload={}, user="ada", created_at=at))
        assert may_run(store.campaign(NAME), CampaignState.WAITING, store.now()) is runs
