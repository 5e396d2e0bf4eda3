"""Drivers that are stopped, killed or not alone; workers that are killed or hang."""

import json
import os
import signal

import psutil
import pytest

from tansaku.models.domain.states import EvaluationState
from tests.support.workers import computing

SHORT_LEASE = {"lease": 3.0, "heartbeat": 0.1, "poll": 0.05, "patience": 60.0}


def is_stopped(pid):
    return psutil.Process(pid).status() == psutil.STATUS_STOPPED


@pytest.mark.parametrize(
    ("method", "when"),
    [
        # mongo/test_interrupted_writes.py stops a store at every write of its own.
        ("CampaignStore.accept_outcome", "before"),
        ("CampaignStore.insert_refit", "before"),
        ("Launcher.submit", "after"),
    ],
)
def test_driver_stopped_past_its_lease_and_continued_writes_nothing(make_campaign, undisturbed, method, when):
    facts, observed = undisturbed()
    campaign = make_campaign({"timing": SHORT_LEASE})
    kill = {"method": method, "when": when, "call": 1 if "refit" in method else 4, "signal": int(signal.SIGSTOP)}
    first, request = campaign.start(kill=kill)
    campaign.wait_for(lambda: is_stopped(first))
    second, second_request = campaign.start()
    assert campaign.answer(second, second_request)["reason"] == "evaluations"
    assert any("driven by" in line.get("wait", "") for line in campaign.log(second_request))
    assert campaign.facts() == facts
    before = campaign.everything()
    os.kill(first, signal.SIGCONT)
    assert campaign.answer(first, request)["error"] == "FencedError"
    assert campaign.everything() == before
    assert campaign.observed() == observed


def test_second_driver_is_told_who_has_it_and_since_when(make_campaign):
    campaign = make_campaign(slow=True)
    first, request = campaign.start()
    campaign.wait_for(lambda: any("proposal" in line for line in campaign.log(request)))
    held = campaign.store.campaign("small").lease
    second = campaign.drive()
    assert second["error"] == "LeaseHeldError"
    assert f"process {first}" in second["message"]
    assert held.acquired_at.isoformat(timespec="seconds") in second["message"]
    assert campaign.answer(first, request)["reason"] == "evaluations"


def claimed_by(campaign):
    """Worker that computes something now, None when nobody does."""
    for claim in (campaign.spool / "claims").glob("*"):
        folder = campaign.spool / "jobs" / claim.name
        text = claim.read_text() if claim.exists() else ""
        if text and folder.exists() and not (folder / "result.json").exists():
            return computing(json.loads(text)["pid"])
    return None


@pytest.mark.parametrize(
    ("number", "timeout", "reason"), [(signal.SIGKILL, 60.0, "worker_died"), (signal.SIGSTOP, 8.0, "timeout")]
)
def test_worker_that_is_killed_or_hangs_costs_an_attempt_and_nothing_else(make_campaign, undisturbed, number, timeout, reason):
    facts, _ = undisturbed(slow=True)
    execution = {"in_flight": 2, "retries": 2, "retry_backoff": 0.01, "polish": 0, "timeout": timeout}
    campaign = make_campaign(slow=True, execution=execution)
    pid, request = campaign.start()
    os.kill(campaign.wait_for(lambda: claimed_by(campaign)), number)
    assert campaign.answer(pid, request)["reason"] == "evaluations"
    evaluations = campaign.store.evaluations("small")
    assert [one.state for one in evaluations] == [EvaluationState.DONE] * 4
    reasons = [attempt.failure.reason for one in evaluations for attempt in one.attempts if attempt.failure]
    assert reason in reasons
    assert [fact[2] for fact in campaign.facts()] == [fact[2] for fact in facts]
    assert len(campaign.observed()) == 4


def test_nothing_of_a_killed_driver_is_left_and_its_finished_jobs_are_adopted(make_campaign):
    campaign = make_campaign(slow=True)
    pid, request = campaign.start()
    campaign.wait_for(lambda: claimed_by(campaign))
    os.kill(pid, signal.SIGKILL)
    assert campaign.answer(pid, request) == {"signal": 9}
    assert campaign.workers()
    campaign.wait_for(lambda: not campaign.workers(), 30.0)
    results = list((campaign.spool / "jobs").glob("*/result.json"))
    assert results
    written = {path.parent.name: path.stat().st_mtime_ns for path in results}
    assert campaign.drive()["reason"] == "evaluations"
    adopted = [one for one in campaign.store.evaluations("small") if one.attempts[0].job_name in written]
    assert len(adopted) == len(written)
    assert all(len(one.attempts) == 1 and one.state is EvaluationState.DONE for one in adopted)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_ends_the_driver_softly_and_its_job_is_adopted(make_campaign, undisturbed, number):
    facts, _ = undisturbed(slow=True)
    campaign = make_campaign(slow=True)
    pid, request = campaign.start()
    campaign.wait_for(lambda: claimed_by(campaign))
    os.kill(pid, number)
    assert campaign.answer(pid, request)["reason"] == "interrupted"
    assert campaign.store.campaign("small").lease is None
    assert campaign.drive()["reason"] == "evaluations"
    assert campaign.facts() == facts
