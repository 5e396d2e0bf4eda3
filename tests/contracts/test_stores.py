import math
import threading
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tansaku.models.domain.errors import FencedError, LeaseHeldError, NotFoundError, OvertakenError, StoreError
from tansaku.models.domain.ports import CampaignStore
from tansaku.models.domain.records import (
    CampaignRecord,
    Command,
    Evaluation,
    Event,
    Failure,
    Lease,
    LeaseOwner,
    Outcome,
    Proposal,
    Quantity,
    Refit,
    Steerer,
    StopDecision,
)
from tansaku.models.domain.states import EvaluationState, FailureKind, StopReason
from tansaku.tasks.backends.stores.documents import normalised
from tansaku.tasks.backends.stores.memory import MemoryCampaignStore
from tests.support.records import proposal_of

LOST = Failure(kind=FailureKind.PLUMBING, reason="timeout", message="it took too long")
STOP = StopDecision(reason=StopReason.BUDGET, proposed=4, finished=3, failed=1, remaining_cost=0.5)
OVERLAP = Failure(kind=FailureKind.SCIENCE, reason="overlap", message="two atoms in one place")
VALUE = Outcome(
    value=0.1 + 0.2,
    quantities={"energy": Quantity(value=-3.3 / 7, unit="eV")},
    properties={"steps": 12, "a.dotted": {"$key": [1, 2.5, None, True]}},
    wall_time=0.25,
    started_at=datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC),
)


def make(number: int, candidate: str | None = None, replicate: int = 0) -> Proposal:
    candidate = candidate or f"candidate-{number}"
    return proposal_of(number, candidate=candidate, surface="s/0", replicate=replicate, predicted_cost=number / 3)


def refit(number: int, value: float = 0.1) -> Refit:
    return Refit(
        campaign="search",
        number=number,
        at_proposal=number * 10,
        horizon=number * 10 - 2,
        hyperparameters={"lengthscale": [value, math.pi]},
        fitted_at=datetime.now(UTC),
    )


def command(identifier: str) -> Command:
    return Command(id=identifier, kind="edit", payload={"budget.cost": 5.0}, user="ada", created_at=datetime.now(UTC))


@pytest.fixture
def submitted(store: CampaignStore, lease: Lease) -> Evaluation:
    evaluation = store.insert_proposal(lease, make(1))
    store.begin_attempt(lease, evaluation.id, 1, "token-1", "job-1")
    return store.record_handle(lease, evaluation.id, "token-1", {"spool": "/x", "name": "job-1"})


# ---------------------------------------------------------------- campaigns


def test_created_campaign_comes_back_exactly(store: CampaignStore, record: CampaignRecord) -> None:
    stored = store.create_campaign(record)
    assert stored == normalised(record)
    assert stored.spec["budget"]["cost"] == 0.1 + 0.2
    assert store.campaign("search") == stored
    assert store.campaign_names() == [stored.name]
    assert stored.created_at.utcoffset() == timedelta(0)
    assert store.create_campaign(record.model_copy(update={"spec_hash": "1" * 64})) == stored


def test_unknown_names_are_not_found(store: CampaignStore, first_driver: LeaseOwner) -> None:
    for ask in (
        lambda: store.campaign("nothing"),
        lambda: store.evaluation("nothing"),
        lambda: store.delete_campaign("nothing"),
        lambda: store.begin_deletion("nothing"),
        lambda: store.acquire_lease("nothing", first_driver, 1.0),
        lambda: store.add_command("nothing", command("c")),
    ):
        with pytest.raises(NotFoundError):
            ask()


def test_deleted_campaign_leaves_nothing(store: CampaignStore, lease: Lease, submitted: Evaluation) -> None:
    store.accept_outcome(lease, submitted.id, "token-1", VALUE)
    store.insert_refit(lease, refit(1))
    with pytest.raises(LeaseHeldError):
        store.delete_campaign("search")
    store.release_lease(lease)
    store.delete_campaign("search")
    assert store.campaign_names() == []
    assert store.evaluations("search") == store.observations("search") == store.refits("search") == []
    assert store.events("search") == []


def test_a_deletion_that_has_begun_can_only_be_finished(
    store: CampaignStore, lease: Lease, submitted: Evaluation, second_driver: LeaseOwner
) -> None:
    with pytest.raises(LeaseHeldError):
        store.begin_deletion("search")
    assert not store.campaign("search").deleting
    store.release_lease(lease)
    store.begin_deletion("search")
    assert store.campaign("search").deleting
    with pytest.raises(StoreError, match=r"being deleted(.|\n)*tansaku delete search"):
        store.acquire_lease("search", second_driver, 10.0, steal=True)
    with pytest.raises(FencedError):
        store.insert_proposal(lease, make(2))
    assert store.evaluations("search") == [submitted]
    assert store.create_campaign(store.campaign("search").model_copy(update={"deleting": False})).deleting
    store.begin_deletion("search")
    store.delete_campaign("search")
    assert store.campaign_names() == []


# ---------------------------------------------------------------- leases


def test_second_driver_is_told_who_has_it(store: CampaignStore, lease: Lease, second_driver: LeaseOwner) -> None:
    with pytest.raises(LeaseHeldError) as caught:
        store.acquire_lease("search", second_driver, 60.0)
    assert 0 < caught.value.remaining <= 60
    for part in ("ada", "one", "11", lease.acquired_at.isoformat(timespec="seconds")):
        assert part in caught.value.message


def test_same_owner_takes_its_lease_again(store: CampaignStore, lease: Lease, first_driver: LeaseOwner) -> None:
    assert store.acquire_lease("search", first_driver, 60.0).epoch == lease.epoch + 1


def test_expired_lease_is_taken_over(store: CampaignStore, record: CampaignRecord, first_driver: LeaseOwner) -> None:
    store.create_campaign(record)
    old = store.acquire_lease("search", first_driver, 0.05)
    threading.Event().wait(0.1)
    new = store.acquire_lease("search", first_driver.model_copy(update={"pid": 99}), 60.0)
    assert new.epoch == old.epoch + 1
    with pytest.raises(FencedError):
        store.renew_lease(old, 60.0)


def test_stolen_lease_fences_its_owner(store: CampaignStore, lease: Lease, second_driver: LeaseOwner) -> None:
    new = store.acquire_lease("search", second_driver, 60.0, steal=True)
    assert (new.epoch, new.owner) == (lease.epoch + 1, second_driver)
    assert store.campaign("search").lease == new
    with pytest.raises(FencedError):
        store.renew_lease(lease, 60.0)
    store.release_lease(lease)
    assert store.campaign("search").lease == new


def test_renewed_lease_lasts_longer(store: CampaignStore, lease: Lease) -> None:
    renewed = store.renew_lease(lease, 600.0)
    assert renewed.expires_at > lease.expires_at + timedelta(seconds=500)
    assert (renewed.epoch, renewed.owner, renewed.acquired_at) == (lease.epoch, lease.owner, lease.acquired_at)
    assert store.campaign("search").lease == renewed


def test_released_lease_is_free(store: CampaignStore, lease: Lease, second_driver: LeaseOwner) -> None:
    store.release_lease(lease)
    store.release_lease(lease)
    assert store.campaign("search").lease is None
    with pytest.raises(FencedError):
        store.renew_lease(lease, 60.0)
    assert store.acquire_lease("search", second_driver, 60.0).epoch == lease.epoch + 1


def test_every_driver_write_of_an_old_epoch_is_refused(
    store: CampaignStore, lease: Lease, submitted: Evaluation, second_driver: LeaseOwner
) -> None:
    store.add_command("search", command("edit-1"))
    store.acquire_lease("search", second_driver, 60.0, steal=True)
    before = snapshot(store)
    for write in (
        lambda: store.insert_proposal(lease, make(2)),
        lambda: store.insert_proposal(lease, make(1)),
        lambda: store.begin_attempt(lease, submitted.id, 2, "token-2", "job-2"),
        lambda: store.record_handle(lease, submitted.id, "token-1", {"other": 1}),
        lambda: store.mark_running(lease, submitted.id, "token-1"),
        lambda: store.accept_outcome(lease, submitted.id, "token-1", VALUE),
        lambda: store.mark_lost(lease, submitted.id, "token-1", LOST, 0.0),
        lambda: store.fail_evaluation(lease, submitted.id, "token-1", LOST),
        lambda: store.cancel_evaluation(lease, submitted.id),
        lambda: store.insert_refit(lease, refit(1)),
        lambda: store.apply_command(lease, "edit-1", 2, {"objective": {"unit": "eV"}}),
        lambda: store.set_runtime(lease, {"pids": [1]}),
        lambda: store.set_stop(lease, STOP),
        lambda: store.renew_lease(lease, 60.0),
    ):
        with pytest.raises(FencedError):
            write()
    assert snapshot(store) == before


def test_failed_evaluation_cannot_be_reopened_by_an_old_driver(
    store: CampaignStore, lease: Lease, submitted: Evaluation, second_driver: LeaseOwner
) -> None:
    store.accept_outcome(lease, submitted.id, "token-1", Outcome(failure=OVERLAP))
    store.acquire_lease("search", second_driver, 60.0, steal=True)
    with pytest.raises(FencedError):
        store.begin_attempt(lease, submitted.id, 2, "token-2", "job-2")


def snapshot(store: CampaignStore) -> tuple[object, ...]:
    return (
        store.campaign("search"),
        store.evaluations("search"),
        store.observations("search"),
        store.refits("search"),
        store.events("search"),
    )


# ---------------------------------------------------------------- proposals


def test_proposals_follow_each_other(store: CampaignStore, lease: Lease) -> None:
    first = store.insert_proposal(lease, make(1))
    assert (first.state, first.epoch, first.proposal) == (EvaluationState.PROPOSED, lease.epoch, make(1))
    assert store.insert_proposal(lease, make(1, "another")) == first
    with pytest.raises(StoreError, match="proposal 3 does not follow"):
        store.insert_proposal(lease, make(3))
    with pytest.raises(StoreError, match="was proposal 1 already"):
        store.insert_proposal(lease, make(2, "candidate-1"))
    assert store.campaign("search").last_number == 1
    second = store.insert_proposal(lease, make(2, "candidate-1", replicate=1))
    assert store.evaluations("search") == [first, second]


def test_evaluations_can_be_asked_by_state(store: CampaignStore, lease: Lease, submitted: Evaluation) -> None:
    second = store.insert_proposal(lease, make(2))
    assert store.evaluations("search", states=[EvaluationState.PROPOSED]) == [second]
    assert store.evaluations("search", states=[]) == []
    assert len(store.evaluations("search", states=list(EvaluationState))) == 2


def test_campaigns_do_not_meet(store: CampaignStore, lease: Lease, record: CampaignRecord, second_driver: LeaseOwner) -> None:
    store.create_campaign(record.model_copy(update={"id": "other", "name": "other"}))
    other = store.acquire_lease("other", second_driver, 60.0)
    store.insert_proposal(lease, make(1))
    store.insert_proposal(other, make(1))
    store.insert_refit(lease, refit(1))
    assert store.evaluations("search")[0].id != store.evaluations("other")[0].id
    assert store.refits("other") == []
    assert {one.campaign for one in store.events("other")} == {"other"}


# ---------------------------------------------------------------- attempts


def test_attempt_begins_once(store: CampaignStore, lease: Lease) -> None:
    evaluation = store.insert_proposal(lease, make(1))
    begun = store.begin_attempt(lease, evaluation.id, 1, "token-1", "job-1")
    assert begun.state is EvaluationState.SUBMITTING
    assert begun.current_attempt is not None
    assert (begun.current_attempt.token, begun.current_attempt.job_name) == ("token-1", "job-1")
    assert store.begin_attempt(lease, evaluation.id, 1, "token-other", "job-1") == begun
    with pytest.raises(StoreError, match="attempt 3 cannot follow"):
        store.begin_attempt(lease, evaluation.id, 3, "token-3", "job-3")


def test_handle_and_running_are_recorded_once(store: CampaignStore, lease: Lease, submitted: Evaluation) -> None:
    assert submitted.state is EvaluationState.SUBMITTED
    assert submitted.current_attempt is not None
    assert submitted.current_attempt.handle == {"spool": "/x", "name": "job-1"}
    assert store.record_handle(lease, submitted.id, "token-1", {"other": 1}) == submitted
    running = store.mark_running(lease, submitted.id, "token-1")
    assert running.state is EvaluationState.RUNNING
    assert store.mark_running(lease, submitted.id, "token-1") == running
    assert store.record_handle(lease, submitted.id, "token-1", {"other": 1}) == running


def test_stale_token_changes_nothing(store: CampaignStore, lease: Lease, submitted: Evaluation) -> None:
    assert store.record_handle(lease, submitted.id, "stale", {"other": 1}) == submitted
    assert store.mark_running(lease, submitted.id, "stale") == submitted
    assert store.mark_lost(lease, submitted.id, "stale", LOST, 1.0) == submitted
    assert store.fail_evaluation(lease, submitted.id, "stale", LOST) == submitted
    assert not store.accept_outcome(lease, submitted.id, "stale", VALUE)
    assert store.evaluation(submitted.id) == submitted


def test_accepted_outcome_is_the_observation(store: CampaignStore, lease: Lease, submitted: Evaluation) -> None:
    accepted = store.accept_outcome(lease, submitted.id, "token-1", VALUE)
    done = store.evaluation(submitted.id)
    assert accepted == done
    assert done.state is EvaluationState.DONE
    assert done.outcome == normalised(VALUE)
    assert done.outcome is not None
    assert done.outcome.properties == VALUE.properties
    (observation,) = store.observations("search")
    assert (observation.value, observation.unit, observation.cost) == (0.1 + 0.2, "eV", 1 / 3)
    assert (observation.number, observation.candidate, observation.reason) == (1, "candidate-1", None)
    assert observation.observed_at == done.finished_at


def test_accepting_again_is_the_same_as_once(store: CampaignStore, lease: Lease, submitted: Evaluation) -> None:
    assert store.accept_outcome(lease, submitted.id, "token-1", VALUE)
    before = snapshot(store)
    assert store.accept_outcome(lease, submitted.id, "token-1", VALUE)
    assert snapshot(store) == before


def test_different_second_outcome_is_kept_aside(store: CampaignStore, lease: Lease, submitted: Evaluation) -> None:
    assert store.accept_outcome(lease, submitted.id, "token-1", VALUE)
    assert not store.accept_outcome(lease, submitted.id, "token-1", Outcome(value=7.0))
    stored = store.evaluation(submitted.id)
    assert stored.outcome == normalised(VALUE)
    assert stored.attempts[0].late_outcome == Outcome(value=7.0)
    assert [one.value for one in store.observations("search")] == [VALUE.value]


def test_failure_is_an_observation_without_value(store: CampaignStore, lease: Lease, submitted: Evaluation) -> None:
    assert store.accept_outcome(lease, submitted.id, "token-1", Outcome(failure=OVERLAP))
    (observation,) = store.observations("search")
    assert (observation.state, observation.value, observation.reason) == (EvaluationState.FAILED, None, "overlap")


def test_lost_attempt_is_followed_by_the_next(store: CampaignStore, lease: Lease, submitted: Evaluation) -> None:
    lost = store.mark_lost(lease, submitted.id, "token-1", LOST, 30.0)
    assert lost.state is EvaluationState.LOST
    assert lost.not_before is not None
    assert lost.not_before > datetime.now(UTC) + timedelta(seconds=20)
    assert lost.attempts[0].failure == LOST
    assert store.mark_lost(lease, submitted.id, "token-1", LOST, 90.0) == lost
    second = store.begin_attempt(lease, submitted.id, 2, "token-2", "job-2")
    assert (second.state, second.not_before, len(second.attempts)) == (EvaluationState.SUBMITTING, None, 2)
    assert not store.accept_outcome(lease, submitted.id, "token-1", VALUE)
    aside = store.evaluation(submitted.id)
    assert (aside.state, aside.attempts[0].late_outcome) == (EvaluationState.SUBMITTING, normalised(VALUE))
    assert store.observations("search") == []
    assert store.accept_outcome(lease, submitted.id, "token-2", Outcome(value=2.0))
    assert [one.value for one in store.observations("search")] == [2.0]


def test_late_outcome_of_the_current_attempt_is_adopted(store: CampaignStore, lease: Lease, submitted: Evaluation) -> None:
    store.mark_lost(lease, submitted.id, "token-1", LOST, 30.0)
    assert store.accept_outcome(lease, submitted.id, "token-1", VALUE)
    stored = store.evaluation(submitted.id)
    assert (stored.state, stored.attempts[0].failure, stored.not_before) == (EvaluationState.DONE, None, None)


def test_exhausted_retries_end_as_failed_and_a_user_may_reopen(
    store: CampaignStore, lease: Lease, submitted: Evaluation
) -> None:
    store.mark_lost(lease, submitted.id, "token-1", LOST, 0.0)
    failed = store.fail_evaluation(lease, submitted.id, "token-1", LOST)
    assert (failed.state, failed.outcome) == (EvaluationState.FAILED, Outcome(failure=LOST))
    assert store.fail_evaluation(lease, submitted.id, "token-1", LOST) == failed
    assert [one.reason for one in store.observations("search")] == ["timeout"]
    again = store.begin_attempt(lease, submitted.id, 2, "token-2", "job-2")
    assert (again.state, again.outcome, again.finished_at) == (EvaluationState.SUBMITTING, None, None)
    assert store.observations("search") == []
    assert store.accept_outcome(lease, submitted.id, "token-2", VALUE)
    assert [one.value for one in store.observations("search")] == [VALUE.value]


def test_cancelled_evaluation_refuses_its_result(store: CampaignStore, lease: Lease, submitted: Evaluation) -> None:
    cancelled = store.cancel_evaluation(lease, submitted.id)
    assert cancelled.state is EvaluationState.CANCELLED
    assert store.cancel_evaluation(lease, submitted.id) == cancelled
    assert not store.accept_outcome(lease, submitted.id, "token-1", VALUE)
    assert store.evaluation(submitted.id).attempts[0].late_outcome == normalised(VALUE)
    assert store.observations("search") == []
    assert store.begin_attempt(lease, submitted.id, 2, "t", "j").state is EvaluationState.SUBMITTING


def test_finished_evaluation_is_not_touched(store: CampaignStore, lease: Lease, submitted: Evaluation) -> None:
    store.accept_outcome(lease, submitted.id, "token-1", VALUE)
    done = store.evaluation(submitted.id)
    assert store.begin_attempt(lease, submitted.id, 2, "t", "j") == done
    assert store.mark_lost(lease, submitted.id, "token-1", LOST, 0.0) == done
    assert store.fail_evaluation(lease, submitted.id, "token-1", LOST) == done
    assert store.cancel_evaluation(lease, submitted.id) == done
    assert store.mark_running(lease, submitted.id, "token-1") == done


# ---------------------------------------------------------------- refits, commands, events


def test_refits_are_stored_once_with_exact_floats(store: CampaignStore, lease: Lease) -> None:
    first = store.insert_refit(lease, refit(1, 0.1 + 0.2))
    assert first.hyperparameters == {"lengthscale": [0.1 + 0.2, math.pi]}
    assert store.insert_refit(lease, refit(1, 9.0)) == first
    with pytest.raises(StoreError, match="refit 3 does not follow"):
        store.insert_refit(lease, refit(3))
    second = store.insert_refit(lease, refit(2))
    assert store.refits("search") == [first, second]


def test_a_command_that_was_judged_before_another_of_its_kind_is_refused(store: CampaignStore, record: CampaignRecord) -> None:
    store.create_campaign(record)
    store.add_command("search", command("edit-1"), 0)
    store.add_command("search", command("edit-1"), 0)
    with pytest.raises(OvertakenError, match="another edit was stored meanwhile"):
        store.add_command("search", command("edit-2"), 0)
    store.add_command("search", command("pause-1").model_copy(update={"kind": "pause"}), 0)
    store.add_command("search", command("edit-2"), 1)
    assert [item.id for item in store.campaign("search").commands] == ["edit-1", "pause-1", "edit-2"]


def test_commands_are_stored_and_applied_once(store: CampaignStore, lease: Lease) -> None:
    store.add_command("search", command("edit-1"))
    store.add_command("search", command("edit-1"))
    (stored,) = store.campaign("search").commands
    assert (stored.id, stored.payload, stored.applied_at_number) == ("edit-1", {"budget.cost": 5.0}, None)
    changed = {"objective": {"unit": "eV"}, "budget": {"cost": 5.0}}
    store.apply_command(lease, "edit-1", 4, changed)
    store.apply_command(lease, "edit-1", 9, {"objective": {"unit": "eV"}})
    after = store.campaign("search")
    assert (after.commands[0].applied_at_number, after.spec) == (4, changed)
    with pytest.raises(NotFoundError):
        store.apply_command(lease, "edit-2", 4, None)


def test_sharing_is_replaced_as_a_whole(store: CampaignStore, lease: Lease) -> None:
    before = store.campaign(lease.campaign)
    for names in (("ada", "bob"), ("bob",), ("bob",), ()):
        users = tuple(Steerer(user=name, since=before.created_at) for name in names)
        store.share_campaign(lease.campaign, users)
        assert store.campaign(lease.campaign) == before.model_copy(update={"shared_with": users})


def test_command_without_spec_leaves_it(store: CampaignStore, lease: Lease, record: CampaignRecord) -> None:
    store.add_command("search", command("pause-1"))
    store.apply_command(lease, "pause-1", 1, None)
    assert store.campaign("search").spec == record.spec


def test_runtime_is_replaced(store: CampaignStore, lease: Lease) -> None:
    store.set_runtime(lease, {"server": {"pid": 4, "started": 1.5}})
    store.set_runtime(lease, {"workers": [5, 6]})
    assert store.campaign("search").runtime == {"workers": [5, 6]}


def test_the_reason_to_stop_is_replaced(store: CampaignStore, lease: Lease) -> None:
    before = store.campaign("search")
    for stop in (STOP, STOP, STOP.model_copy(update={"reason": StopReason.FAILURES}), None, None):
        store.set_stop(lease, stop)
        assert store.campaign("search") == before.model_copy(update={"stop": stop})


def test_events_are_ordered_and_unique(store: CampaignStore, lease: Lease) -> None:
    start = datetime.now(UTC) + timedelta(hours=1)
    events = [
        Event(id=f"e{n}", campaign="search", kind="note", at=start + timedelta(seconds=n), data={"n": n}) for n in range(5)
    ]
    for event in [*reversed(events), events[2]]:
        store.append_event(event)
    assert [event.data["n"] for event in store.events("search") if event.kind == "note"] == [0, 1, 2, 3, 4]
    assert store.events("search", limit=2) == [normalised(event) for event in events[-2:]]
    assert store.events("search", limit=0) == []


def test_every_transition_is_in_the_audit(store: CampaignStore, lease: Lease, submitted: Evaluation) -> None:
    store.mark_running(lease, submitted.id, "token-1")
    store.accept_outcome(lease, submitted.id, "token-1", Outcome(failure=OVERLAP))
    kinds = [event.kind for event in store.events("search")]
    states = ("proposed", "submitting", "submitted", "running", "failed")
    assert kinds == ["lease.acquired", *(f"evaluation.{state}" for state in states)]
    assert store.events("search")[-1].data["reason"] == "overlap"


# ---------------------------------------------------------------- import, rebuild


def terminal(number: int, state: EvaluationState = EvaluationState.DONE) -> Evaluation:
    scratch = MemoryCampaignStore()
    scratch.create_campaign(
        CampaignRecord(name="search", spec={}, spec_hash="", base_path="", tansaku_version="", created_at=datetime.now(UTC))
    )
    owner = LeaseOwner(host="elsewhere", pid=1, process_started=0.0, user="eve")
    lease = scratch.acquire_lease("search", owner, 60.0)
    for earlier in range(1, number):
        scratch.insert_proposal(lease, make(earlier))
    evaluation = scratch.insert_proposal(lease, make(number))
    if state is EvaluationState.PROPOSED:
        return evaluation
    scratch.begin_attempt(lease, evaluation.id, 1, f"t{number}", f"j{number}")
    if state is EvaluationState.CANCELLED:
        return scratch.cancel_evaluation(lease, evaluation.id)
    failed = state is EvaluationState.FAILED
    scratch.accept_outcome(lease, evaluation.id, f"t{number}", Outcome(failure=OVERLAP) if failed else VALUE)
    return scratch.evaluation(evaluation.id)


def test_import_counts_as_observed_and_goes_on(store: CampaignStore, lease: Lease) -> None:
    states = (EvaluationState.DONE, EvaluationState.FAILED, EvaluationState.CANCELLED, EvaluationState.PROPOSED)
    evaluations = [terminal(number, state) for number, state in enumerate(states, start=1)]
    assert store.import_observations("search", evaluations) == 4
    assert store.import_observations("search", evaluations) == 0
    assert [one.state for one in store.evaluations("search")] == list(states)
    assert [one.value for one in store.observations("search")] == [VALUE.value, None]
    assert store.campaign("search").last_number == 4
    assert store.begin_attempt(lease, evaluations[3].id, 1, "t", "j").state is EvaluationState.SUBMITTING
    assert store.insert_proposal(lease, make(5)).proposal.number == 5


def test_import_refuses_contradictions(store: CampaignStore, lease: Lease) -> None:
    store.insert_proposal(lease, make(1))
    other = terminal(2)
    for wrong in (
        other.model_copy(update={"campaign": "other"}),
        other.model_copy(update={"id": "0" * 24}),
        other.model_copy(update={"state": EvaluationState.RUNNING}),
        other.model_copy(update={"proposal": make(1, "candidate-2")}),
        terminal(1).model_copy(update={"proposal": make(7, "candidate-1")}),
    ):
        with pytest.raises(StoreError):
            store.import_observations("search", [wrong])
    assert len(store.evaluations("search")) == 1


def test_rebuilding_whole_observations_changes_nothing(store: CampaignStore, lease: Lease, submitted: Evaluation) -> None:
    store.accept_outcome(lease, submitted.id, "token-1", VALUE)
    before = snapshot(store)
    assert store.rebuild_observations("search") == 0
    assert snapshot(store) == before


# ---------------------------------------------------------------- values


@pytest.mark.parametrize("value", [5e-324, 1.7976931348623157e308, -0.0, 1 / 3, 2**53 + 2.0])
def test_floats_come_back_bit_for_bit(store: CampaignStore, lease: Lease, submitted: Evaluation, value: float) -> None:
    store.accept_outcome(lease, submitted.id, "token-1", Outcome(value=value))
    stored = store.evaluation(submitted.id).outcome
    assert stored is not None
    assert stored.value is not None
    assert stored.value.hex() == value.hex()
    assert store.observations("search")[0].value == value


def test_what_is_not_plain_data_is_refused(store: CampaignStore, lease: Lease) -> None:
    for wrong in ({"a": object()}, {"a": 2**63}, {"a": {1: 2}}, {"a": b"bytes"}, {"a\0": 1}, {"a": datetime(2026, 1, 1)}):
        with pytest.raises(StoreError):
            store.set_runtime(lease, wrong)  # type: ignore[arg-type]
    assert store.campaign("search").runtime == {}


plain_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text().filter(lambda key: "\0" not in key), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.text(max_size=5).filter(lambda key: "\0" not in key), plain_values, max_size=4))
def test_plain_data_survives_the_record(data: dict[str, object]) -> None:
    event = Event(id="e", campaign="search", kind="note", at=datetime.now(UTC), data=data)
    assert normalised(event).data == data
    assert normalised(normalised(event)) == normalised(event)
