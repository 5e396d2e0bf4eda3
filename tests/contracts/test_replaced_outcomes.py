"""The contract of replaced results: corrections and repeated measurements, on every store."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tansaku.models.domain.errors import FencedError
from tansaku.models.domain.records import Attempt, Failure, Outcome, Proposal
from tansaku.models.domain.states import EvaluationState, FailureKind

CRACKED = Failure(kind=FailureKind.SCIENCE, reason="reported_failure", message="cracked")


def attempt(number: int) -> Attempt:
    at = datetime(2026, 1, 2, tzinfo=UTC)
    return Attempt(number=number, token=f"again-{number}", job_name=f"report-{number}", started_at=at)


@pytest.fixture
def waiting(store, lease):
    proposal = Proposal(number=1, candidate="a", system="s", surface="s", source="c" * 24, predicted_cost=1.0, model="test")
    evaluation = store.insert_proposal(lease, proposal)
    return store.begin_attempt(lease, evaluation.id, 1, "token", "job")


@pytest.fixture
def done(store, lease, waiting):
    return store.accept_outcome(lease, waiting.id, "token", Outcome(value=1.0))


def test_a_result_is_replaced_in_one_write_and_the_former_stays(store, lease, done):
    replaced = store.replace_outcome(lease, done.id, attempt(2), Outcome(value=2.0, deviation=0.1))
    assert store.evaluation(done.id) == replaced
    assert (replaced.state, replaced.outcome.value, len(replaced.attempts)) == (EvaluationState.DONE, 2.0, 2)
    assert replaced.attempts[0].superseded.value == 1.0
    assert replaced.attempts[1] == attempt(2)
    (observation,) = store.observations("search")
    assert (observation.value, observation.deviation) == (2.0, 0.1)
    assert store.rebuild_observations("search") == 0
    assert [event.data["value"] for event in store.events("search") if event.kind == "evaluation.done"] == [1.0, 2.0]


def test_the_same_again_changes_nothing(store, lease, done):
    first = store.replace_outcome(lease, done.id, attempt(2), Outcome(value=2.0))
    assert store.replace_outcome(lease, done.id, attempt(2), Outcome(value=2.0)) == first
    assert store.replace_outcome(lease, done.id, attempt(4), Outcome(value=4.0)) == first
    failed = store.replace_outcome(lease, done.id, attempt(3), Outcome(failure=CRACKED))
    assert (failed.state, failed.attempts[1].superseded.value) == (EvaluationState.FAILED, 2.0)
    assert store.replace_outcome(lease, done.id, attempt(4), Outcome(value=5.0)).state is EvaluationState.DONE


def test_what_has_no_result_has_nothing_to_replace(store, lease, waiting):
    assert store.replace_outcome(lease, waiting.id, attempt(2), Outcome(value=2.0)) == waiting
    cancelled = store.cancel_evaluation(lease, waiting.id)
    assert store.replace_outcome(lease, waiting.id, attempt(2), Outcome(value=2.0)) == cancelled
    assert store.observations("search") == []


def test_what_was_done_otherwise_is_cancelled_with_a_link(store, lease, waiting):
    cancelled = store.cancel_evaluation(lease, waiting.id)
    linked = store.cancel_evaluation(lease, waiting.id, 2)
    assert (cancelled.done_as, linked.done_as, linked.finished_at) == (None, 2, cancelled.finished_at)
    assert store.cancel_evaluation(lease, waiting.id) == store.cancel_evaluation(lease, waiting.id, 2) == linked
    assert store.evaluation(waiting.id) == linked
    assert store.columns("search").counted.tolist() == [False]
    assert store.begin_attempt(lease, waiting.id, len(linked.attempts) + 1, "t", "j").done_as is None
    assert store.accept_outcome(lease, waiting.id, "t", Outcome(value=1.0))
    assert store.cancel_evaluation(lease, waiting.id, 2).done_as is None


def test_an_older_driver_replaces_nothing(store, lease, done, second_driver):
    store.acquire_lease("search", second_driver, 60.0, steal=True)
    newer = store.acquire_lease("search", second_driver, 60.0)
    store.replace_outcome(newer, done.id, attempt(2), Outcome(value=2.0))
    with pytest.raises(FencedError):
        store.replace_outcome(lease, done.id, attempt(3), Outcome(value=3.0))
    assert store.evaluation(done.id).outcome.value == 2.0
