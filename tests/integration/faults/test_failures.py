"""Evaluations that fail: the science, the plumbing; and a database that is killed."""

import os
import signal
import tempfile
from pathlib import Path

import pytest

from tansaku.models.domain.states import EvaluationState, FailureKind
from tansaku.tasks.backends.stores.embedded_mongod import EmbeddedMongod


def failures(campaign):
    return [
        (one.outcome.failure.kind, one.outcome.failure.reason, len(one.attempts))
        for one in campaign.store.evaluations("small")
        if one.state is EvaluationState.FAILED
    ]


def test_missing_values_of_a_table_are_science(make_campaign):
    campaign = make_campaign(proposer={"type": "grid"})
    assert campaign.drive()["reason"] == "evaluations"
    assert failures(campaign) == [(FailureKind.SCIENCE, "recorded_failure", 1)]


def test_relaxation_that_does_not_converge_is_science(make_campaign):
    calculator = {"type": "emt", "relaxation": {"fmax": 0.001, "max_steps": 2}}
    campaign = make_campaign(slow=True, calculator=calculator)
    assert campaign.drive()["reason"] == "evaluations"
    assert failures(campaign) == [(FailureKind.SCIENCE, "not_converged", 1)] * 4


def test_calculation_that_never_ends_in_time_is_plumbing_after_all_retries(make_campaign):
    execution = {"in_flight": 2, "retries": 1, "retry_backoff": 0.01, "polish": 0, "timeout": 0.2}
    campaign = make_campaign(slow=True, budget={"evaluations": 1}, execution=execution)
    assert campaign.drive()["reason"] == "evaluations"
    assert failures(campaign) == [(FailureKind.PLUMBING, "timeout", 2)]


def test_job_that_cannot_be_computed_is_plumbing_at_once(make_campaign):
    campaign = make_campaign(budget={"evaluations": 3})
    campaign.extra["spoil"] = str(campaign.folder / "table.csv")
    assert campaign.drive()["reason"] == "configuration"
    assert failures(campaign) == [(FailureKind.PLUMBING, "configuration", 1)] * 3


@pytest.fixture
def own_mongod(require):
    require("mongod")
    with tempfile.TemporaryDirectory(prefix="tsk-") as home:
        mongod = EmbeddedMongod(Path(home))
        yield mongod, home
        mongod.stop()


def test_killed_database_is_brought_back_and_nothing_is_lost(own_mongod, make_campaign, undisturbed):
    mongod, home = own_mongod
    facts, observed = undisturbed()
    campaign = make_campaign({"mongod_home": home}, uri=mongod.start())
    pid, request = campaign.start()
    for number in (3, 6, 9):
        campaign.wait_for(lambda number=number: any(line.get("proposal", 0) >= number for line in campaign.log(request)))
        os.kill(mongod.status().pid, signal.SIGKILL)
        campaign.wait_for(lambda: mongod.status().answering)
    assert campaign.answer(pid, request)["reason"] == "evaluations"
    assert campaign.facts() == facts
    assert campaign.observed() == observed
    assert campaign.store.rebuild_observations("small") == 0
