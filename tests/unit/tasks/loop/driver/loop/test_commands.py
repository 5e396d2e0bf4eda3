"""Commands of users: applied from the next number, once, logged, and part of what a resume sees."""

from functools import partial

import pytest

from tansaku.models.domain.authors import Actor
from tansaku.models.domain.errors import SpecChangedError
from tansaku.models.domain.specs.campaign import CampaignSpec
from tansaku.models.domain.states import CampaignState, EvaluationState, StopReason
from tansaku.tasks.act.commands.create import prepare_campaign
from tansaku.tasks.loop.driver.loop import CampaignLoop
from tansaku.tasks.loop.ledger.observer import Observer
from tansaku.tasks.node.configuration.campaign_files import LoadedCampaign
from tansaku.tasks.read.views.status import campaign_status
from tests.support.actors import ADA


def kinds(bench):
    return [event.kind for event in bench.store.events("small")]


def test_pause_finishes_what_is_under_way_and_resume_goes_on(open_bench):
    undisturbed = open_bench.driven()
    bench = open_bench()
    assert bench.drive(at={8: lambda: bench.command("pause")}).reason == "paused"
    stopped_at = bench.record().last_number
    assert stopped_at < 20
    assert all(one.state is EvaluationState.DONE for one in bench.store.evaluations("small"))
    assert bench.drive().reason == "paused"
    bench.command("resume")
    assert bench.drive().reason == "evaluations"
    assert bench.sequence() == undisturbed.sequence()


def test_cancel_ends_jobs_and_resume_opens_again(open_bench):
    bench = open_bench()
    assert bench.drive(at={9: lambda: bench.command("cancel")}).reason == "cancelled"
    cancelled = [one for one in bench.store.evaluations("small") if one.state is EvaluationState.CANCELLED]
    assert cancelled
    assert len(bench.launcher.cancelled) == len(cancelled)
    assert bench.drive().reason == "cancelled"
    bench.command("resume")
    bench.command("retry")
    assert bench.drive().reason == "evaluations"
    assert all(one.state is EvaluationState.DONE for one in bench.store.evaluations("small"))


def test_edit_of_the_budget_reopens_and_is_logged(open_bench):
    longer = open_bench.driven(budget={"evaluations": 26})
    bench = open_bench.driven()
    bench.command("edit", **{"budget.evaluations": 26})
    assert bench.drive().reason == "evaluations"
    assert bench.sequence() == longer.sequence()
    edited = next(event for event in bench.store.events("small") if event.kind == "edited")
    assert edited.data["changes"] == [{"key": "budget.evaluations", "old": 20, "new": 26}]
    assert edited.data["at_number"] == 21
    assert bench.record().commands[0].applied_at_number == 21


def test_the_reason_to_stop_is_stored_until_a_command_reopens_the_search(open_bench):
    bench = open_bench.driven()
    decided = bench.record().stop
    # Two were in progress when it was decided.
    assert (decided.reason, decided.proposed, decided.finished, decided.failed) == (StopReason.EVALUATIONS, 20, 18, 0)
    assert campaign_status(bench.store, "small").state is CampaignState.FINISHED
    bench.command("edit", **{"budget.evaluations": 26})
    assert bench.record().stop == decided
    with CampaignLoop(bench.resources, "small") as loop:
        loop.obey()  # and is killed before it decides again
    assert bench.record().stop is None
    assert campaign_status(bench.store, "small").state is CampaignState.INTERRUPTED
    bench.drive()
    assert bench.record().stop.proposed == 26


def test_edit_of_in_flight_holds_from_the_next_number_and_survives_a_resume(open_bench):
    sequences = []
    for seed in range(3):
        bench = open_bench(seed=seed, execution={"in_flight": 3})
        bench.drive(at={8: partial(bench.command, "pause")})
        bench.command("edit", **{"execution.in_flight": 1})
        bench.command("resume")
        # The edit is applied, then the driver is stopped after every number.
        for _ in range(3):
            bench.drive(halt_at=1)
        bench.drive()
        at = next(command for command in bench.record().commands if command.kind == "edit").applied_at_number
        for one in bench.store.evaluations("small"):
            if one.proposal.number >= at + 2:
                assert one.proposal.horizon == one.proposal.number - 1
        sequences.append((at, bench.sequence()))
    by_number = {}
    for at, sequence in sequences:
        assert by_number.setdefault(at, sequence) == sequence


def test_impossible_edit_is_refused_and_logged(open_bench):
    bench = open_bench()
    bench.command("edit", seed=5)
    assert bench.drive().reason == "evaluations"
    assert "edit-refused" in kinds(bench)
    assert bench.record().spec["seed"] == 0


def test_retry_begins_a_new_attempt(open_bench):
    victim = {}
    bench = open_bench.driven(
        lose=lambda candidate, count: "node" if victim.setdefault("id", candidate) == candidate and count < 4 else None
    )
    failed = [one for one in bench.store.evaluations("small") if one.state is EvaluationState.FAILED]
    assert len(failed) == 1
    bench.command("retry", candidates=[failed[0].proposal.candidate])
    bench.drive()
    again = bench.store.evaluation(failed[0].id)
    assert again.state is EvaluationState.DONE
    assert len(again.attempts) == 4
    assert len(bench.store.observations("small")) == 20


def test_rerun_is_a_new_replicate_and_happens_once(open_bench):
    bench = open_bench.driven()
    first = bench.store.evaluations("small")[4]
    bench.command("rerun", candidates=[first.proposal.candidate])
    real = bench.store.apply_command

    def killed(*arguments):
        raise KeyboardInterrupt

    bench.store.apply_command = killed
    with pytest.raises(KeyboardInterrupt):
        bench.drive()
    bench.store.apply_command = real
    bench.drive()
    replicates = [one for one in bench.store.evaluations("small") if one.proposal.candidate == first.proposal.candidate]
    assert [one.proposal.replicate for one in replicates] == [0, 1]
    assert replicates[1].state is EvaluationState.DONE


def test_a_file_changed_in_more_than_edits_is_refused_with_the_difference(open_bench):
    bench = open_bench()
    spec = CampaignSpec.model_validate(bench.record().spec | {"seed": 7})
    with pytest.raises(SpecChangedError, match=r"seed: 0 -> 7"):
        prepare_campaign(bench.resources, ADA, LoadedCampaign(spec, bench.folder))


def changed_file(bench, evaluations, origin="test", notes=None):
    spec = CampaignSpec.model_validate(bench.original | {"budget": {"evaluations": evaluations}})
    noted = [] if notes is None else notes
    prepare_campaign(bench.resources, Actor("ada", origin), LoadedCampaign(spec, bench.folder), noted.append)
    bench.drive()
    return bench.record().spec["budget"]["evaluations"]


def test_a_changed_budget_in_the_file_is_an_edit_and_an_unchanged_one_undoes_nothing(open_bench):
    bench = open_bench()
    bench.original = bench.record().spec
    assert changed_file(bench, 20) == 20
    assert bench.record().commands == ()
    assert changed_file(bench, 22) == 22
    bench.command("edit", **{"budget.evaluations": 24})
    bench.drive()
    assert changed_file(bench, 22) == 24
    assert changed_file(bench, 23) == 23
    assert changed_file(bench, 23) == 23
    assert len(bench.record().commands) == 3


def test_a_budget_that_was_raised_elsewhere_is_never_taken_back_without_a_word(open_bench):
    """A script says 20, a file that was written from the campaign 22, and the dashboard 24."""
    bench, notes = open_bench(), []
    bench.original = bench.record().spec
    bench.command("edit", **{"budget.evaluations": 22})
    assert changed_file(bench, 22, "command line", notes) == 22
    bench.command("edit", **{"budget.evaluations": 24})
    for _ in range(2):
        assert changed_file(bench, 20, "Python", notes) == 24
        assert changed_file(bench, 22, "command line", notes) == 24
    assert notes[:2] == [
        "small: budget.evaluations stays 24, set after the file's 20 (`tansaku edit` changes it)",
        "small: budget.evaluations stays 24, set after the file's 22 (`tansaku edit` changes it)",
    ]
    assert [command.kind for command in bench.record().commands] == ["edit", "edit"]
    notes.clear()
    assert changed_file(bench, 21, "Python", notes) == 21
    assert notes == ["small: budget.evaluations 24 -> 21, as the file has changed"]


def test_two_files_do_not_undo_each_other(open_bench):
    bench, notes = open_bench(), []
    bench.original = bench.record().spec
    assert changed_file(bench, 20, "Python", notes) == 20
    assert changed_file(bench, 23, "command line", notes) == 23
    assert changed_file(bench, 20, "Python", notes) == 23
    assert changed_file(bench, 21, "command line", notes) == 21
    assert changed_file(bench, 23, "command line", notes) == 23
    assert notes == ["small: budget.evaluations stays 23, set after the file's 20 (`tansaku edit` changes it)"]


def test_an_edit_that_waits_counts_as_made_and_a_file_can_go_back_to_a_default(open_bench):
    bench, notes = open_bench(execution={"in_flight": 4}), []
    bench.original = bench.record().spec
    bench.command("edit", **{"execution.in_flight": 3})
    spec = CampaignSpec.model_validate(bench.original)
    prepare_campaign(bench.resources, ADA, LoadedCampaign(spec, bench.folder), notes.append)
    assert notes == ["small: execution.in_flight stays 3, set after the file's 4 (`tansaku edit` changes it)"]
    default = CampaignSpec.model_fields["execution"].get_default(call_default_factory=True).in_flight
    assert default not in (3, 4)
    spec = CampaignSpec.model_validate(bench.original | {"execution": bench.original["execution"] | {"in_flight": default}})
    prepare_campaign(bench.resources, ADA, LoadedCampaign(spec, bench.folder))
    bench.drive()
    assert bench.record().spec["execution"]["in_flight"] == default


def test_another_version_is_logged(open_bench):
    bench = open_bench()
    record = bench.record().model_copy(update={"tansaku_version": "0.0.1"})
    bench.store._campaigns[record.id] = record
    prepare_campaign(bench.resources, ADA, LoadedCampaign(CampaignSpec.model_validate(record.spec), bench.folder))
    assert "warning.version" in kinds(bench)


def test_the_observer_is_told_of_an_edit_and_of_the_cost_that_is_left(open_bench):
    told = []

    class Told(Observer):
        def on_edit(self, spec, limit):
            told.append((spec.budget.evaluations, spec.budget.cost, limit))

    bench = open_bench(budget={"evaluations": 4})
    bench.command("edit", **{"budget.evaluations": 6, "budget.cost": 1000.0})
    with CampaignLoop(bench.resources, "small", Told()) as loop:
        loop.advance()
    assert told == [(6, 1000.0, 1000.0)]
