"""Values that no model can compute with: refused when they come, and voided where an earlier release stored them."""

from __future__ import annotations

import re

import pytest

from tansaku.models.domain.errors import StoreError
from tansaku.models.domain.records import Failure, Outcome
from tansaku.models.domain.states import EvaluationState, FailureKind
from tansaku.tasks.loop.driver.loop import CampaignLoop
from tansaku.tasks.loop.steps import collect
from tansaku.tasks.read.views.status import campaign_status
from tests.unit.tasks.loop.driver.loop.conftest import Bench

DEFAULT = {"proposer": {"type": "gp"}, "execution": {"in_flight": 1}}


def _absurd_from(bench, number: int, value: float) -> None:
    """The fifth result is absurd; each other one is what the table says."""
    recorded, told = bench.launcher.space.recorded, []

    def outcome(candidate: str) -> Outcome:
        told.append(candidate)
        return Outcome(value=value) if len(told) == number else recorded(candidate)

    bench.launcher.outcome = outcome


@pytest.mark.parametrize("value", [1e308, -1e308, -1e101])
def test_an_absurd_value_fails_and_the_campaign_goes_on(open_bench, value):
    bench = open_bench(**DEFAULT)
    _absurd_from(bench, 5, value)
    assert bench.drive().reason == "evaluations"
    failed = [one for one in bench.store.evaluations("small") if one.state is EvaluationState.FAILED]
    assert [one.proposal.number for one in failed] == [5]
    failure = failed[0].outcome.failure
    assert (failure.kind, failure.reason) == (FailureKind.SCIENCE, "absurd_value")
    assert f"{value:g} mJ/m2" in failure.message


@pytest.mark.parametrize(
    ("proposer", "value", "goes_on"),
    [("gp", 1e308, False), ("gp", -1e300, False), ("gp", -1e99, True), ("random", 1e308, False)],
)
def test_what_an_earlier_release_stored_is_voided_before_the_next_proposal(open_bench, monkeypatch, proposer, value, goes_on):
    bench = open_bench(**DEFAULT | {"proposer": {"type": proposer}})
    _absurd_from(bench, 5, value)
    with monkeypatch.context() as earlier:
        earlier.setattr(collect, "believable", lambda outcome, *_: outcome)
        if goes_on:
            assert bench.drive().reason == "evaluations"
        else:
            with pytest.raises(StoreError, match=re.escape(f"of size {abs(value):g}; expected")):
                bench.drive()
            assert len(bench.sequence()) == 5
    assert bench.drive().reason == "evaluations"
    stored = bench.store.evaluations("small")[4]
    events = [event.data for event in bench.store.events("small") if event.kind == "voided"]
    if goes_on:
        assert (stored.outcome.value, events) == (value, [])
        return
    assert (stored.state, stored.outcome.failure.reason) == (EvaluationState.FAILED, "absurd_value")
    assert stored.attempts[0].superseded.value == value
    assert [(event["number"], event["old"]) for event in events] == [(5, value)]
    status = campaign_status(bench.store, "small")
    assert (status.done, status.failed) == (19, 1)
    bench.drive()
    assert len(bench.store.evaluations("small")[4].attempts) == 2


def test_a_refit_with_a_number_that_is_not_finite_is_made_again(open_bench, monkeypatch):
    """As left behind by a driver that fitted to such a value and was ended by the next step."""
    bench = open_bench(**DEFAULT)
    bench.drive(halt_at=6)
    with CampaignLoop(bench.resources, "small") as loop:
        last = bench.store.refits("small")[-1]
        broken = {"parameters": {"noise": [float("nan")]}, "n_observed": 6, "n_failed": 0}
        number = bench.record().last_number + 1
        refit = last.model_copy(update={"number": last.number + 1, "at_proposal": number, "hyperparameters": broken})
        bench.store.insert_refit(loop._context.lease, refit)
    assert bench.drive().reason == "evaluations"
    assert [refit.at_proposal for refit in bench.store.refits("small")].count(number) == 2


def _found(open_bench, outliers: str | None, value: float | None) -> tuple[list[str], Bench]:
    """What a campaign proposes whose eighth result is wrong; None: it failed."""
    bench = open_bench(proposer={"type": "gp", "outliers": outliers}, execution={"in_flight": 1}, budget={"evaluations": 30})
    recorded, told = bench.launcher.space.recorded, []
    failed = Outcome(failure=Failure(kind=FailureKind.SCIENCE, reason="exploded", message="it did"))

    def outcome(candidate: str) -> Outcome:
        told.append(candidate)
        if len(told) != 8:
            return recorded(candidate)
        return failed if value is None else Outcome(value=value)

    bench.launcher.outcome = outcome
    bench.drive()
    return bench.sequence(), bench


def test_one_wrong_value_leaves_the_search_what_it_was(open_bench):
    """With it withheld nearly the same is proposed as if it had failed; used, it makes the rest look alike."""
    without, _ = _found(open_bench, "withheld", None)
    withheld, bench = _found(open_bench, "withheld", -1e6)
    used, _ = _found(open_bench, "used", -1e6)
    stored, _ = _found(open_bench, None, -1e6)
    assert used == stored
    assert len({*without} & {*withheld}) >= 28
    assert len({*without} & {*used}) < 28
    wrong = withheld[7]
    (said,) = campaign_status(bench.store, "small").warnings
    assert said.startswith(f"{wrong}: -1000000 mJ/m2 is ")
    assert "deviations from its prediction; the proposer does not use it" in said
    assert said.endswith(
        f"`tansaku rerun small {wrong}` computes it again, `tansaku reject small {wrong}` counts it as a failure"
    )


def test_what_is_not_suspicious_is_not_named(open_bench):
    _, bench = _found(open_bench, "withheld", 130.0)
    assert campaign_status(bench.store, "small").warnings == ()


@pytest.mark.parametrize("again", [None, -1e6])
def test_a_wrong_value_that_is_not_reproduced_is_voided(open_bench, again):
    _, bench = _found(open_bench, "withheld", -1e6)
    first = bench.store.evaluations("small")[7]
    bench.launcher.outcome = None if again is None else lambda _: Outcome(value=again)
    bench.command("rerun", candidates=[first.proposal.candidate])
    bench.drive()
    evaluations, status = bench.store.evaluations("small"), campaign_status(bench.store, "small")
    assert (evaluations[-1].proposal.replicate, evaluations[-1].state) == (1, EvaluationState.DONE)
    if again is not None:
        assert evaluations[7].outcome.value == again
        assert [text for text in status.warnings if first.proposal.candidate in text]
        return
    assert evaluations[7].outcome.failure.reason == "not_reproduced"
    assert "value: -1e+06 mJ/m2; computed again (proposal 31) it is " in evaluations[7].outcome.failure.message
    assert evaluations[7].attempts[0].superseded.value == -1e6
    assert status.headline.search.value > 0
    assert status.warnings == ()
    bench.drive()
    assert len([event for event in bench.store.events("small") if event.kind == "voided"]) == 1


def test_a_value_that_is_rejected_is_a_failure_from_then_on(open_bench):
    _, bench = _found(open_bench, "withheld", -1e6)
    wrong = bench.store.evaluations("small")[7]
    spent = campaign_status(bench.store, "small").cost
    for _ in range(2):  # twice is the same as once
        bench.command("reject", candidates=[wrong.proposal.candidate])
        bench.drive()
    rejected, status = bench.store.evaluations("small")[7], campaign_status(bench.store, "small")
    assert (rejected.state, rejected.outcome.value) == (EvaluationState.FAILED, None)
    assert rejected.outcome.failure.reason == "rejected"
    assert rejected.outcome.failure.message.startswith("value: -1e+06 mJ/m2 was rejected")
    assert rejected.attempts[0].superseded.value == -1e6
    assert status.warnings == ()
    assert status.headline.search.value > 0
    assert status.cost == spent
    assert len([event for event in bench.store.events("small") if event.kind == "voided"]) == 1
