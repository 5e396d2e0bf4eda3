"""The same configuration error again and again: the campaign ends, says so, and goes on once the cause is mended."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest

from tansaku.models.domain.errors import ConfigurationError
from tansaku.models.domain.records import Failure, Outcome
from tansaku.models.domain.specs.commands import CommandSpec, offer_commands
from tansaku.models.domain.specs.site import SiteSpec
from tansaku.models.domain.states import CampaignState, EvaluationState, FailureKind, StopReason
from tansaku.tasks.read.views.status import campaign_status

GRID = {"proposer": {"type": "grid"}}


def _refused(
    reason: str = "configuration", message: str = "emt has no Fe", kind: FailureKind = FailureKind.PLUMBING
) -> Outcome:
    return Outcome(failure=Failure(kind=kind, reason=reason, message=message))


@pytest.mark.parametrize("reason", ["configuration", "missing_component"])
@pytest.mark.parametrize("proposer", [{"type": "grid"}, {"type": "gp", "preset": "published", "initial_points": 5}])
@pytest.mark.parametrize("in_flight", [1, 3])
def test_three_times_in_a_row_ends_the_campaign(open_bench, reason, proposer, in_flight):
    execution = {"in_flight": in_flight, "retries": 2, "retry_backoff": 0.001}
    bench = open_bench(outcome=lambda _: _refused(reason), proposer=proposer, execution=execution)
    assert bench.drive().reason == "configuration"
    evaluations = bench.store.evaluations("small")
    assert 3 <= len(evaluations) < 3 + in_flight
    assert all(len(one.attempts) == 1 and one.state is EvaluationState.FAILED for one in evaluations)
    status = campaign_status(bench.store, "small")
    assert (status.state, status.stop_reason) == (CampaignState.STOPPED, StopReason.CONFIGURATION)
    first, *rest = status.describe().splitlines()
    assert f"and {len(evaluations) - 1} more  {reason}: emt has no Fe  (rounds 1 to {len(evaluations)}, " in first
    assert not any(line.startswith("FAILED") for line in rest)


@pytest.mark.parametrize(
    "outcomes",
    [
        [_refused(), _refused(), _refused(message="emt has no Cr")],
        [_refused("configuration"), _refused("missing_component")],
        [_refused("not_found", "no candidate")],
        [_refused("memory_limit", "memory: 5,000 MB")],
        [_refused(kind=FailureKind.SCIENCE)],
        [_refused(), _refused(), None],
    ],
)
def test_other_failures_and_other_words_do_not(open_bench, outcomes):
    several = itertools.cycle(outcomes)
    bench = open_bench(execution={"in_flight": 1}, budget={"evaluations": 12}, **GRID)
    bench.launcher.outcome = lambda candidate: next(several) or bench.launcher.space.recorded(candidate)
    assert bench.drive().reason == "evaluations"
    assert len(bench.sequence()) == 12
    assert {len(one.attempts) for one in bench.store.evaluations("small")} == {1}


def test_after_the_cause_is_mended_it_goes_on_as_if_nothing_had_happened(open_bench):
    undisturbed = open_bench.driven()
    bench = open_bench()
    recorded = bench.launcher.space.recorded
    bench.launcher.outcome = lambda _: _refused()
    assert bench.drive().reason == "configuration"
    stopped_at = len(bench.sequence())
    # Another driver finds the same in what is stored, and spends nothing.
    assert bench.drive().reason == "configuration"
    assert len(bench.sequence()) == stopped_at
    bench.command("retry")
    assert bench.drive().reason == "configuration"
    assert len(bench.sequence()) == stopped_at
    bench.launcher.outcome = recorded
    bench.command("retry")
    assert bench.drive().reason == "evaluations"
    assert bench.sequence() == undisturbed.sequence()


def test_one_that_was_in_progress_may_show_that_others_work(open_bench):
    """The first three fail while a fourth is computed; its result lets the campaign go on."""
    ids = open_bench(**GRID).launcher.space.pool().ids.tolist()
    bench = open_bench(execution={"in_flight": 4}, budget={"evaluations": 8}, **GRID)
    recorded = bench.launcher.space.recorded
    bench.launcher.outcome = lambda candidate: _refused() if candidate in ids[:3] else recorded(candidate)
    launched = bench.launcher.submit

    def submit(job):
        handle = launched(job)
        bench.launcher.polls[job.name] = 30 if job.document["candidate"] == ids[3] else 1
        return handle

    bench.launcher.submit = submit
    assert bench.drive().reason == "evaluations"
    assert len(bench.sequence()) == 8


@pytest.fixture
def open_program_bench(open_bench):
    """Makes a bench whose campaign has a program of the site compute crystals."""

    def build():
        offer_commands({"mine": CommandSpec(argv=("no-such-program",))})
        shear = {"type": "shear", "axes": "all", "degrees": {"start": -6, "stop": 6, "steps": 5}}
        aluminium = {"structure": "fcc", "elements": ["Al"], "lattice_parameter": 4.05}
        return open_bench(
            space={"type": "crystals", "crystals": {"aluminium": aluminium}, "scans": [shear]},
            calculator={"type": "command", "command": "mine"},
            objective={"unit": "eV/atom"},
            proposer={"type": "random"},
            budget={"evaluations": 2},
            execution={"polish": 0},
            outcome=lambda _: Outcome(value=1.0),
        )

    yield build
    offer_commands({})


def test_a_program_that_is_missing_is_an_error_before_the_first_proposal_only(open_program_bench):
    bench = open_program_bench()
    with pytest.raises(ConfigurationError, match=r"calculator\.command: mine: no program 'no-such-program' on this machine"):
        bench.drive()
    assert (bench.sequence(), bench.record().lease) == ([], None)
    offer_commands({"mine": CommandSpec(argv=("python3",))})
    assert bench.drive(halt_at=1).reason == "interrupted"
    offer_commands({"mine": CommandSpec(argv=("no-such-program",))})
    assert bench.drive().reason == "evaluations", "its evaluations are collected wherever the program is"


def test_programs_of_other_machines_are_not_looked_for(open_program_bench):
    bench = open_program_bench()
    site = SiteSpec.model_validate({"launcher": {"type": "fireworks", "folder": str(bench.folder)}})
    bench.resources = replace(bench.resources, site=site)
    assert bench.drive().reason == "evaluations"
