"""SIGKILL around the calls with which a driver trains and asks its committee; slow and failing trainings."""

from __future__ import annotations

import pytest

from tests.support.kill_points import SCENARIOS, retrained

TRAINING_KILLS = [
    f"{method}-{when}"
    for method in ("Launcher.submit", "Launcher.fetch", "Launcher.discard", "Registry.add_model", "CampaignStore.end_retrain")
    for when in ("before", "after")
]


@pytest.mark.parametrize("kill", TRAINING_KILLS)
def test_driver_killed_around_its_last_training_resumes_as_if_nothing_had_happened(kill_points, kill):
    method, when = kill.rsplit("-", 1)
    # Trainings are among the last calls of each method.
    kill_points.check_training("retrain", method, when, before_the_end=2 if method.startswith("Launcher") else 0)


ASKING_KILLS = [
    f"{method}-{when}"
    for method in (
        "CampaignStore.insert_proposal",
        "CampaignStore.insert_retrain",
        "CampaignStore.end_retrain",
        "Registry.add_model",
        "Launcher.fetch",
    )
    for when in ("before", "after")
]


@pytest.mark.parametrize("kill", ASKING_KILLS)
def test_killed_driver_asks_its_committee_for_the_same_candidates(kill_points, kill):
    method, when = kill.rsplit("-", 1)
    kill_points.check_training("ask", method, when, before_the_end=1)


def test_slow_training_is_waited_for_and_changes_nothing(make_campaign, kill_points):
    expected = kill_points.reference("retrain")
    campaign = make_campaign(**SCENARIOS["retrain"].keys)
    assert campaign.drive(slow=25)["counts"]["Launcher.poll"] > 25
    assert campaign.facts() == expected.facts
    assert retrained(campaign) == expected.retrained


def test_slow_training_of_a_killed_driver_is_found_again(make_campaign, kill_points):
    campaign = make_campaign(**SCENARIOS["retrain"].keys)
    assert campaign.drive(slow=25, kill={"method": "Launcher.poll", "call": 20, "when": "before"}) == {"signal": 9}
    assert campaign.drive(slow=5)["reason"] == "evaluations"
    assert campaign.facts() == kill_points.reference("retrain").facts
    assert retrained(campaign) == kill_points.reference("retrain").retrained


def test_failing_trainings_stop_nothing_however_often_the_driver_is_killed(make_campaign):
    results = []
    for kills in ((), ("Launcher.discard", "CampaignStore.end_retrain", "CampaignStore.append_event")):
        campaign = make_campaign({"lost": ["trainings"]}, **SCENARIOS["retrain"].keys)
        for method in kills:
            assert campaign.drive(kill={"method": method, "call": 1, "when": "after"}) == {"signal": 9}
        assert campaign.drive()["reason"] == "evaluations"
        warnings = [event.data for event in campaign.store.events("small") if event.kind == "warning.retrain"]
        assert len(warnings) == len(retrained(campaign))
        assert not any(end["ok"] for _, end in retrained(campaign))
        results.append((campaign.facts(), retrained(campaign), warnings))
    assert results[0] == results[1]
