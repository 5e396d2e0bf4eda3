"""SIGKILL before and after every call of the store and launcher ports; the resumed campaign is the undisturbed one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from tansaku.models.domain.identifiers import evaluation_id, job_name
from tansaku.models.domain.ports import CampaignStore, Launcher
from tansaku.models.domain.records import Command
from tansaku.models.domain.registry import Registry
from tansaku.models.domain.states import EvaluationState
from tansaku.tasks.configuration import load_campaign
from tansaku.tasks.steps.source import source_of

# Methods that no driver calls; a test below proves it, so that the list cannot hide one that does.
NOT_CALLED = {
    "CampaignStore.add_command": "commands come from users, and from a changed file",
    "CampaignStore.campaign_names": "for lists",
    "CampaignStore.named_artifacts": "for sweeps",
    "CampaignStore.readable_evaluations": "for lists",
    "CampaignStore.stored_counts": "before a deletion",
    "CampaignStore.begin_deletion": "a user's command",
    "CampaignStore.delete_campaign": "a user's command",
    "CampaignStore.evaluation": "after a result that was refused only",
    "CampaignStore.events": "for logs, and for a changed file",
    "CampaignStore.import_observations": "a user's command",
    "CampaignStore.observations": "derived; the driver reads the evaluations",
    "Registry.named_artifacts": "for sweeps",
    "Registry.promote": "a user's command",
    "Registry.readable_models": "for lists",
}
METHODS = [
    f"{port.__name__}.{name}"
    for port in (CampaignStore, Launcher, Registry)
    for name, value in sorted(vars(port).items())
    if callable(value) and not name.startswith("_")
]
DRIVEN = [method for method in METHODS if method not in NOT_CALLED]
MIDDLE = 4  # the call of a frequent method that is struck


@dataclass(frozen=True)
class Scenario:
    """A way to use the ports: what the campaign is, and what happens before the driver that is struck."""

    keys: dict
    prepare: Callable[[object], None]
    reason: str


def command(campaign, kind, **payload):
    campaign.store.add_command(campaign.name, Command(id=f"{kind}-1", kind=kind, payload=payload, created_at=datetime.now(UTC)))


def halt_then(kind, number, **payload):
    def prepare(campaign):
        assert campaign.drive(halt_at=number)["reason"] == "interrupted"
        assert campaign.store.campaign(campaign.name).last_number == number
        command(campaign, kind, **payload)

    return prepare


ASKED = {"first": 5, "every": 3, "warm": True, "at_end": True, "target": {"energy": "1e-6 meV/atom"}}
ONE_BY_ONE = {"in_flight": 1, "retries": 1, "retry_backoff": 0.01}


@pytest.fixture(scope="module")
def scenarios(retrained_keys, growing_keys):
    execution = {"in_flight": 2, "retries": 1, "retry_backoff": 0.01, "polish": 0, "timeout": 60}
    asking = {"execution": execution, "budget": {"evaluations": 11}}
    return {
        "search": Scenario({}, lambda campaign: None, "evaluations"),
        "edit": Scenario({}, halt_then("edit", 5, **{"budget.evaluations": 9}), "evaluations"),
        "cancel": Scenario({"execution": ONE_BY_ONE}, halt_then("cancel", 5), "cancelled"),
        "retrain": Scenario({"slow": True, **retrained_keys(execution=execution)}, lambda campaign: None, "evaluations"),
        "ask": Scenario({"slow": True, **growing_keys(ASKED, **asking)}, lambda campaign: None, "evaluations"),
    }


def lost_jobs(campaign, candidates):
    """The first of ``candidates`` is lost once, the second for good."""
    source = source_of(load_campaign(campaign.folder / "small.yaml").spec)
    once, always = (evaluation_id("small", candidate, source, 0) for candidate in candidates)
    return [job_name("small", once, 1), job_name("small", always, 1), job_name("small", always, 2)]


@dataclass
class Reference:
    facts: list
    observed: list
    counts: dict[str, int]
    retrained: list


def retrained(campaign):
    """What a crash may not change of a campaign's trainings."""
    when = {"begun_at", "ended_at", "seconds"}
    return [tuple(one and one.model_dump(exclude=when) for one in pair) for pair in campaign.store.retrains("small")]


_REFERENCES: dict[str, Reference] = {}
_LOST: list[str] = []


@pytest.fixture
def reference(make_campaign, scenarios):
    """What each scenario gives when nothing happens to its driver; computed once."""
    if not _REFERENCES:
        plain = make_campaign()
        plain.drive()
        sequence = [one.proposal.candidate for one in plain.store.evaluations("small")]
        _LOST.extend(lost_jobs(plain, (sequence[4], sequence[6])))
        for name, scenario in scenarios.items():
            campaign = make_campaign({"lost": _LOST}, **scenario.keys)
            scenario.prepare(campaign)
            answer = campaign.drive()
            assert answer["reason"] == scenario.reason
            _REFERENCES[name] = Reference(campaign.facts(), campaign.observed(), answer["counts"], retrained(campaign))
    return _REFERENCES


def test_the_reference_has_everything_in_it(reference):
    states = [(state, attempts) for _, state, _, attempts in reference["search"].facts]
    assert ("DONE", 2) in states
    assert ("FAILED", 2) in states
    assert len(states) == 12
    assert [state for _, state, _, _ in reference["cancel"].facts].count(EvaluationState.CANCELLED) == 1
    assert len(reference["edit"].facts) == 9
    ends = [end for _, end in reference["retrain"].retrained]
    assert [end["ok"] for end in ends].count(False) >= 1
    assert sum(end["promoted"] for end in ends) >= 1
    predicted = [fact for fact in reference["retrain"].facts if '"look":{' in fact[0]]
    assert predicted
    asked = [fact for fact in reference["ask"].facts if '"acquisition":null' not in fact[0]]
    assert len(asked) >= 3
    assert [begun["reason"] for begun, _ in reference["ask"].retrained] == ["first", "every", "end"]
    assert all(end["ok"] for _, end in reference["ask"].retrained)


def test_methods_left_out_are_called_by_no_driver(reference):
    called = {method for one in reference.values() for method in one.counts}
    assert called.isdisjoint(NOT_CALLED)
    assert set(NOT_CALLED) < set(METHODS)


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("method", DRIVEN)
def test_killed_driver_resumes_as_if_nothing_had_happened(make_campaign, reference, scenarios, method, when):
    scenario = next((name for name, one in reference.items() if method in one.counts), None)
    assert scenario is not None, f"no scenario calls {method}: extend them, or say in NOT_CALLED why no driver does"
    expected = reference[scenario]
    campaign = make_campaign({"lost": _LOST}, **scenarios[scenario].keys)
    scenarios[scenario].prepare(campaign)
    kill = {"method": method, "call": min(expected.counts[method], MIDDLE), "when": when}
    assert campaign.drive(kill=kill) == {"signal": 9}, f"kill point {kill} was never hit"
    assert campaign.drive()["reason"] == scenarios[scenario].reason
    assert campaign.facts() == expected.facts
    assert campaign.observed() == expected.observed
    assert retrained(campaign) == expected.retrained
    assert campaign.store.rebuild_observations("small") == 0
    assert campaign.store.campaign("small").lease is None


TRAINING_KILLS = [
    f"{method}-{when}"
    for method in ("Launcher.submit", "Launcher.fetch", "Launcher.discard", "Registry.add_model", "CampaignStore.end_retrain")
    for when in ("before", "after")
]


@pytest.mark.parametrize("kill", TRAINING_KILLS)
def test_driver_killed_around_its_last_training_resumes_as_if_nothing_had_happened(make_campaign, reference, scenarios, kill):
    expected, (method, when) = reference["retrain"], kill.rsplit("-", 1)
    campaign = make_campaign(**scenarios["retrain"].keys)
    # From the end of the campaign backwards: trainings are among the last calls of each.
    call = expected.counts[method] - (2 if method.startswith("Launcher") else 0)
    assert campaign.drive(kill={"method": method, "call": call, "when": when}) == {"signal": 9}
    assert campaign.drive()["reason"] == "evaluations"
    assert campaign.facts() == expected.facts
    assert retrained(campaign) == expected.retrained


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
def test_killed_driver_asks_its_committee_for_the_same_candidates(make_campaign, reference, scenarios, kill):
    expected, (method, when) = reference["ask"], kill.rsplit("-", 1)
    campaign = make_campaign(**scenarios["ask"].keys)
    call = max(1, expected.counts[method] - 1)
    assert campaign.drive(kill={"method": method, "call": call, "when": when}) == {"signal": 9}
    assert campaign.drive()["reason"] == "evaluations"
    assert campaign.facts() == expected.facts
    assert retrained(campaign) == expected.retrained


def test_slow_training_is_waited_for_and_changes_nothing(make_campaign, reference, scenarios):
    expected = reference["retrain"]
    campaign = make_campaign(**scenarios["retrain"].keys)
    assert campaign.drive(slow=25)["counts"]["Launcher.poll"] > 25
    assert campaign.facts() == expected.facts
    assert retrained(campaign) == expected.retrained


def test_slow_training_of_a_killed_driver_is_found_again(make_campaign, reference, scenarios):
    campaign = make_campaign(**scenarios["retrain"].keys)
    assert campaign.drive(slow=25, kill={"method": "Launcher.poll", "call": 20, "when": "before"}) == {"signal": 9}
    assert campaign.drive(slow=5)["reason"] == "evaluations"
    assert campaign.facts() == reference["retrain"].facts
    assert retrained(campaign) == reference["retrain"].retrained


def test_failing_trainings_stop_nothing_however_often_the_driver_is_killed(make_campaign, scenarios):
    told = []
    for kills in ((), ("Launcher.discard", "CampaignStore.end_retrain", "CampaignStore.append_event")):
        campaign = make_campaign({"lost": ["trainings"]}, **scenarios["retrain"].keys)
        for method in kills:
            assert campaign.drive(kill={"method": method, "call": 1, "when": "after"}) == {"signal": 9}
        assert campaign.drive()["reason"] == "evaluations"
        warnings = [one.data for one in campaign.store.events("small") if one.kind == "warning.retrain"]
        assert len(warnings) == len(retrained(campaign))
        assert not any(end["ok"] for _, end in retrained(campaign))
        told.append((campaign.facts(), retrained(campaign), warnings))
    assert told[0] == told[1]
