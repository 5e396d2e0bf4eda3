"""Drivers that are stopped past their lease, and drivers that are ended by a signal."""

import json
import os
import signal

import psutil
import pytest

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


def claimed_by(campaign):
    """Worker that computes something now, None when nobody does."""
    for claim in (campaign.spool / "claims").glob("*"):
        folder = campaign.spool / "jobs" / claim.name
        text = claim.read_text() if claim.exists() else ""
        if text and folder.exists() and not (folder / "result.json").exists():
            return computing(json.loads(text)["pid"])
    return None


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
