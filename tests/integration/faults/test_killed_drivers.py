"""SIGKILL before and after the calls of the store and launcher ports that write; slow and failing trainings.

The resumed campaign is the undisturbed one. A kill around a call that only reads leaves what the write before it has left.
"""

import pytest

from tansaku.models.domain.states import EvaluationState
from tests.support.kill_points import DRIVEN, METHODS, MIDDLE, NOT_CALLED, READING, SCENARIOS, WRITING, retrained


def test_the_reference_has_everything_in_it(kill_points):
    references = {name: kill_points.reference(name) for name in SCENARIOS}
    states = [(state, attempts) for _, state, _, attempts in references["search"].facts]
    assert ("DONE", 2) in states
    assert ("FAILED", 2) in states
    assert len(states) == 12
    assert [state for _, state, _, _ in references["cancel"].facts].count(EvaluationState.CANCELLED) == 1
    assert len(references["edit"].facts) == 9
    ends = [end for _, end in references["retrain"].retrained]
    assert [end["ok"] for end in ends].count(False) >= 1
    assert sum(end["promoted"] for end in ends) >= 1
    predicted = [fact for fact in references["retrain"].facts if '"look":{' in fact[0]]
    assert predicted
    asked = [fact for fact in references["ask"].facts if '"acquisition":null' not in fact[0]]
    assert len(asked) >= 3
    assert [begun["reason"] for begun, _ in references["ask"].retrained] == ["first", "every", "end"]
    assert all(end["ok"] for _, end in references["ask"].retrained)


def test_drivers_call_every_method_that_is_not_left_out(kill_points):
    called = {method for name in SCENARIOS for method in kill_points.reference(name).counts}
    assert called == set(DRIVEN), "extend the scenarios, or say in NOT_CALLED why no driver calls it"
    assert set(NOT_CALLED) < set(METHODS)


def test_methods_that_are_not_struck_write_nothing(kill_points):
    written = {method for name in SCENARIOS for method in kill_points.reference(name).written}
    assert sorted(written & READING) == []
    assert "CampaignStore.insert_proposal" in written
    assert "Launcher.submit" in written
    assert set(METHODS) > READING


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("method", WRITING)
def test_killed_driver_resumes_as_if_nothing_had_happened(kill_points, method, when):
    kill_points.check(method, when)


def test_the_ends_of_the_last_training_are_among_these_kill_points(kill_points):
    counts = kill_points.reference("retrain").counts
    assert max(counts["Registry.add_model"], counts["CampaignStore.end_retrain"]) <= MIDDLE


# Trainings are among the last calls of the launcher.
TRAINING_KILLS = [
    ("Launcher.submit", "before"),
    ("Launcher.submit", "after"),
    ("Launcher.fetch", "before"),
    ("Launcher.discard", "before"),
    ("Launcher.discard", "after"),
]


@pytest.mark.parametrize(("method", "when"), TRAINING_KILLS)
def test_driver_killed_around_its_last_training_resumes_as_if_nothing_had_happened(kill_points, method, when):
    kill_points.check_training("retrain", method, when, before_the_end=2)


# The kill points around a training are above, with a cheap surrogate: here is what a committee of networks is asked with.
@pytest.mark.parametrize("method", ["CampaignStore.insert_proposal", "CampaignStore.insert_retrain", "Registry.add_model"])
def test_killed_driver_asks_its_committee_for_the_same_candidates(kill_points, method):
    kill_points.check_training("ask", method, "after", before_the_end=1)


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
