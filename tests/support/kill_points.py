"""Campaigns whose drivers are killed before and after calls of the ports, and what they give when nothing happens to them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from tansaku.models.domain.model_registry import Registry
from tansaku.models.domain.ports import CampaignStore, Launcher
from tansaku.models.domain.records import Command
from tansaku.tasks.node.configuration.campaign_files import load_campaign
from tansaku.tasks.node.configuration.source import source_of
from tests.support import growing_campaign, retrained_campaign
from tests.support.ports import port_methods

# Methods that no driver calls; a test below proves it, so that the list cannot hide one that does.
NOT_CALLED = {
    "CampaignStore.add_command": "commands come from users, and from a changed file",
    "CampaignStore.campaign_names": "for lists",
    "CampaignStore.named_artifacts": "for sweeps",
    "CampaignStore.readable_evaluations": "for lists",
    "CampaignStore.stored_counts": "before a deletion",
    "CampaignStore.begin_deletion": "a user's command",
    "CampaignStore.delete_campaign": "a user's command",
    "CampaignStore.rename_campaign": "a user's command",
    "CampaignStore.campaign_id": "for a new campaign, and for the folder of a deleted one",
    "CampaignStore.campaign_of": "for followed sources, and for imports",
    "CampaignStore.move_campaign": "for a file that lies elsewhere now",
    "CampaignStore.share_campaign": "a user's command",
    "CampaignStore.evaluations": "whole evaluations of a campaign are too many for a driver",
    "CampaignStore.changes": "for the dashboard",
    "CampaignStore.columns": "for views",
    "CampaignStore.page": "for views",
    "CampaignStore.shell_line": "for the page of the search",
    "CampaignStore.state_counts": "for views",
    "CampaignStore.import_observations": "a user's command",
    "CampaignStore.now": "where a driver left its lease",
    "CampaignStore.observations": "derived; the driver reads the evaluations",
    "CampaignStore.rebuild_observations": "after an outage; who takes a lease finds them complete",
    "Registry.named_artifacts": "for sweeps",
    "Registry.promote": "a user's command",
    "Registry.readable_models": "for lists",
}
METHODS = [f"{port.__name__}.{name}" for port in (CampaignStore, Launcher, Registry) for name in port_methods(port)]
DRIVEN = [method for method in METHODS if method not in NOT_CALLED]
READING = {
    "CampaignStore.campaign",
    "CampaignStore.close",
    "CampaignStore.each_evaluation",
    "CampaignStore.evaluation",
    "CampaignStore.events",
    "CampaignStore.numbered",
    "CampaignStore.refits",
    "CampaignStore.retrains",
    "Launcher.fetch",
    "Launcher.find",
    "Launcher.runtime",
    "Launcher.wait",
    "Registry.datasets",
    "Registry.models",
    "Registry.readable_datasets",
}
"""Methods that write nothing, which `test_killed_drivers.py` proves: a kill around one leaves what the write before it left."""

WRITING = [method for method in DRIVEN if method not in READING]
MIDDLE = 4  # the call of a frequent method that is struck
TIMED = frozenset({"Launcher.poll", "Launcher.wait"})  # how often these are called depends on how fast the jobs are


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


def prepared_then(act):
    """The campaign is stored by a driver that halts after its first proposal."""

    def prepare(campaign):
        assert campaign.drive(halt_at=1)["reason"] == "interrupted"
        act(campaign)

    return prepare


ASKED = {"first": 5, "every": 3, "warm": True, "at_end": True, "target": {"energy": "1e-6 meV/atom"}}
ONE_BY_ONE = {"in_flight": 1, "retries": 1, "retry_backoff": 0.01}
_EXECUTION = {"in_flight": 2, "retries": 1, "retry_backoff": 0.01, "polish": 0, "timeout": 60}
_NEW = {"id": "new", "cells": {"x": 0.15, "y": 0.25, "system": "s1", "d": 1.0, "angle": 21.0}}
_MANUAL = {
    "space": {
        "type": "table",
        "candidates": "table.csv",
        "columns": {"id": "id", "system": "system", "cost": "cost"},
        "features": {
            "translation": {"columns": ["x", "y"]},
            "structure": {"columns": ["d"]},
            "angle": {"columns": ["angle"]},
        },
    },
    "calculator": {"type": "manual"},
}


def measured(campaign):
    """People measured what was proposed and three more; one twice, one was corrected, and one is not in the table."""
    proposed = campaign.store.evaluations(campaign.name)[0].proposal.candidate
    for number, (candidate, value, more) in enumerate(
        [
            (proposed, 101.0, {"number": 1}),
            ("c000", 90.0, {}),
            ("c030", 80.0, {}),
            ("c000", 95.0, {"replaces": True, "basis": 1}),
            ("c030", 82.0, {"basis": 1}),
            ("new", 70.0, {"off_pool": _NEW}),
        ]
    ):
        report = {"candidate": candidate, "measurements": [{"value": value}], **more}
        at = datetime(2026, 1, 1, 0, number, tzinfo=UTC)
        told = Command(id=f"tell-{number}", kind="tell", payload={"reports": [report]}, created_at=at)
        campaign.store.add_command(campaign.name, told)
    command(campaign, "ask", count=3)


SCENARIOS = {
    "search": Scenario({}, lambda campaign: None, "evaluations"),
    "edit": Scenario({}, halt_then("edit", 5, **{"budget.evaluations": 9}), "evaluations"),
    "cancel": Scenario({"execution": ONE_BY_ONE}, halt_then("cancel", 5), "cancelled"),
    "tell": Scenario(_MANUAL, prepared_then(measured), "waiting"),
    "retrain": Scenario({"slow": True, **retrained_campaign.keys(execution=_EXECUTION)}, lambda campaign: None, "evaluations"),
    "ask": Scenario(
        {"slow": True, **growing_campaign.keys(ASKED, execution=_EXECUTION, budget={"evaluations": 11})},
        lambda campaign: None,
        "evaluations",
    ),
}


def lost_jobs(campaign, candidates):
    """Attempts that are lost: the first of ``candidates`` is lost once, the second for good."""
    source = source_of(load_campaign(campaign.folder / "small.yaml").spec)
    once, always = candidates
    return [(once, source, 1), (always, source, 1), (always, source, 2)]


@dataclass
class Reference:
    facts: list
    observed: list
    counts: dict[str, int]
    written: set[str]
    retrained: list


def retrained(campaign):
    """What a crash may not change of a campaign's trainings, the id of the campaign apart."""
    other = {"begun_at", "ended_at", "seconds", "campaign"}
    return [tuple(one and one.model_dump(exclude=other) for one in pair) for pair in campaign.store.retrains("small")]


class References:
    """What each scenario gives when nothing happens to its driver; computed once in a test process, when it is asked for.

    Attributes:
        lost: Names of the jobs that are lost in every scenario.
    """

    def __init__(self) -> None:
        self.lost: list[str] = []
        self._found: dict[str, Reference] = {}

    def of(self, scenario: str, make_campaign: Callable[..., object]) -> Reference:
        if not self.lost:
            plain = make_campaign()
            plain.drive()
            sequence = [evaluation.proposal.candidate for evaluation in plain.store.evaluations("small")]
            self.lost = lost_jobs(plain, (sequence[4], sequence[6]))
        if scenario not in self._found:
            made = SCENARIOS[scenario]
            campaign = make_campaign({"lost": self.lost}, **made.keys)
            made.prepare(campaign)
            answer = campaign.drive()
            assert answer["reason"] == made.reason
            found = Reference(
                campaign.facts(), campaign.observed(), answer["counts"], set(answer["written"]), retrained(campaign)
            )
            self._found[scenario] = found
        return self._found[scenario]


@dataclass(frozen=True)
class KillPoints:
    """Kills drivers of campaigns, and compares what the next driver makes of them with the reference.

    Attributes:
        make_campaign: Makes a campaign of one test.
        references: Of this test process.
    """

    make_campaign: Callable[..., object]
    references: References

    def reference(self, scenario: str) -> Reference:
        return self.references.of(scenario, self.make_campaign)

    def scenario_with(self, method: str) -> str:
        """The first scenario whose driver calls a method."""
        return next(name for name in SCENARIOS if method in self.reference(name).counts)

    def check(self, method: str, when: str) -> None:
        """Kills a driver around a call of a method: the next one resumes as if nothing had happened."""
        name = self.scenario_with(method)
        scenario, expected = SCENARIOS[name], self.reference(name)
        campaign = self.make_campaign({"lost": self.references.lost}, **scenario.keys)
        scenario.prepare(campaign)
        call = 1 if method in TIMED else min(expected.counts[method], MIDDLE)
        kill = {"method": method, "call": call, "when": when}
        assert campaign.drive(kill=kill) == {"signal": 9}, f"kill point {kill} was never hit"
        assert campaign.drive()["reason"] == scenario.reason
        assert campaign.facts() == expected.facts
        assert campaign.observed() == expected.observed
        assert retrained(campaign) == expected.retrained
        assert campaign.store.rebuild_observations("small") == 0
        assert campaign.store.campaign("small").lease is None

    def check_training(self, name: str, method: str, when: str, *, before_the_end: int) -> None:
        """Kills a driver in a campaign that trains, so many calls of a method before its last one."""
        expected = self.reference(name)
        campaign = self.make_campaign(**SCENARIOS[name].keys)
        call = max(1, expected.counts[method] - before_the_end)
        assert campaign.drive(kill={"method": method, "call": call, "when": when}) == {"signal": 9}
        assert campaign.drive()["reason"] == "evaluations"
        assert campaign.facts() == expected.facts
        assert retrained(campaign) == expected.retrained
