"""State transitions of an evaluation: pure functions shared by all stores.

Each takes the stored evaluation and the epoch of the driver that writes, and returns the evaluation to be stored. If nothing
changes (a repeat, or a token that is no longer current), it returns the object that it was given.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from tansaku.models.domain.errors import FencedError, StoreError
from tansaku.models.domain.identifiers import evaluation_id, short_hash
from tansaku.models.domain.records import (
    Attempt,
    Evaluation,
    Event,
    Failure,
    JsonDict,
    Lease,
    Observation,
    Outcome,
    Proposal,
)
from tansaku.models.domain.states import ALLOWED_TRANSITIONS, EvaluationState

_OBSERVED = frozenset({EvaluationState.DONE, EvaluationState.FAILED})


def check_epoch(evaluation: Evaluation, epoch: int) -> None:
    """Raises FencedError if a newer driver owns the evaluation."""
    if evaluation.epoch > epoch:
        raise FencedError(
            f"campaign {evaluation.campaign!r} was taken over: evaluation {evaluation.id} belongs to epoch "
            f"{evaluation.epoch}, this driver has {epoch}; nothing was written"
        )


def proposed(lease: Lease, proposal: Proposal, now: datetime) -> Evaluation:
    """Returns the evaluation that a committed proposal creates."""
    return Evaluation(
        id=evaluation_id(lease.campaign, proposal.candidate, proposal.source, proposal.replicate),
        campaign=lease.campaign,
        proposal=proposal,
        epoch=lease.epoch,
        proposed_at=now,
    )


def already_proposed(known: Evaluation, proposal: Proposal) -> StoreError:
    """Returns the error for a candidate that already has an evaluation of this source and replicate."""
    return StoreError(
        f"campaign {known.campaign!r}: candidate {proposal.candidate!r} was proposal {known.proposal.number} already "
        f"(source {proposal.source}, replicate {proposal.replicate}); it cannot be proposal {proposal.number}"
    )


def begun(evaluation: Evaluation, epoch: int, attempt: Attempt) -> Evaluation:
    """Returns the evaluation as SUBMITTING with a new attempt.

    Raises:
        StoreError: The attempt's number skips one.
    """
    check_epoch(evaluation, epoch)
    count = len(evaluation.attempts)
    if attempt.number > count + 1:
        raise StoreError(f"evaluation {evaluation.id}: attempt {attempt.number} cannot follow attempt {count}")
    if attempt.number <= count or EvaluationState.SUBMITTING not in ALLOWED_TRANSITIONS[evaluation.state]:
        return evaluation
    return evaluation.model_copy(
        update={
            "state": EvaluationState.SUBMITTING,
            "epoch": epoch,
            "attempts": (*evaluation.attempts, attempt),
            "outcome": None,
            "not_before": None,
            "finished_at": None,
            "done_as": None,
        }
    )


def submitted(evaluation: Evaluation, epoch: int, token: str, handle: JsonDict) -> Evaluation:
    """Returns the evaluation as SUBMITTED with the launcher's handle."""
    if not _may(evaluation, epoch, token, EvaluationState.SUBMITTED):
        return evaluation
    return _moved(evaluation, epoch, EvaluationState.SUBMITTED, attempt={"handle": handle})


def running(evaluation: Evaluation, epoch: int, token: str) -> Evaluation:
    """Returns the evaluation as RUNNING."""
    check_epoch(evaluation, epoch)
    if evaluation.state is not EvaluationState.SUBMITTED or not _is_current(evaluation, token):
        return evaluation
    return _moved(evaluation, epoch, EvaluationState.RUNNING)


def accepts(evaluation: Evaluation, token: str, outcome: Outcome) -> bool:
    """Returns whether this outcome is, or will be, the accepted one."""
    if not _is_current(evaluation, token):
        return False
    return not evaluation.state.terminal or (evaluation.state in _OBSERVED and _same(evaluation.outcome, outcome))


def finished(evaluation: Evaluation, epoch: int, token: str, outcome: Outcome, now: datetime) -> Evaluation:
    """Returns the evaluation as DONE or FAILED with the outcome; a late outcome is stored with its attempt."""
    check_epoch(evaluation, epoch)
    if evaluation.state.terminal or not _is_current(evaluation, token):
        return evaluation if accepts(evaluation, token, outcome) else _kept_aside(evaluation, epoch, token, outcome)
    state = EvaluationState.DONE if outcome.failure is None else EvaluationState.FAILED
    return _moved(
        evaluation,
        epoch,
        state,
        attempt={"failure": outcome.failure},
        outcome=outcome,
        finished_at=now,
        not_before=None,
    )


def replaced(evaluation: Evaluation, epoch: int, attempt: Attempt, outcome: Outcome, now: datetime) -> Evaluation:
    """Returns the evaluation as DONE or FAILED with one more attempt; the former outcome stays with its attempt."""
    check_epoch(evaluation, epoch)
    if evaluation.state not in _OBSERVED or attempt.number != len(evaluation.attempts) + 1:
        return evaluation
    last = evaluation.attempts[-1:]
    former = tuple(item.model_copy(update={"superseded": evaluation.outcome}) for item in last)
    return evaluation.model_copy(
        update={
            "state": EvaluationState.DONE if outcome.failure is None else EvaluationState.FAILED,
            "epoch": epoch,
            "attempts": (*evaluation.attempts[:-1], *former, attempt.model_copy(update={"failure": outcome.failure})),
            "outcome": outcome,
            "finished_at": now,
            "not_before": None,
        }
    )


def lost(evaluation: Evaluation, epoch: int, token: str, failure: Failure, not_before: datetime) -> Evaluation:
    """LOST: the attempt is abandoned; its result is still accepted until the next attempt begins."""
    if not _may(evaluation, epoch, token, EvaluationState.LOST):
        return evaluation
    return _moved(evaluation, epoch, EvaluationState.LOST, attempt={"failure": failure}, not_before=not_before)


def failed(evaluation: Evaluation, epoch: int, token: str, failure: Failure, now: datetime) -> Evaluation:
    """FAILED without a result."""
    if not _may(evaluation, epoch, token, EvaluationState.FAILED):
        return evaluation
    outcome = Outcome(failure=failure)
    return _moved(
        evaluation,
        epoch,
        EvaluationState.FAILED,
        attempt={"failure": failure},
        outcome=outcome,
        finished_at=now,
        not_before=None,
    )


def cancelled(evaluation: Evaluation, epoch: int, now: datetime, done_as: int | None = None) -> Evaluation:
    """CANCELLED; of one that was cancelled before, only the number of what was done in its place is noted."""
    check_epoch(evaluation, epoch)
    if not evaluation.state.terminal:
        return _moved(evaluation, epoch, EvaluationState.CANCELLED, finished_at=now, not_before=None, done_as=done_as)
    if evaluation.state is not EvaluationState.CANCELLED or done_as in (None, evaluation.done_as):
        return evaluation
    return _moved(evaluation, epoch, EvaluationState.CANCELLED, done_as=done_as)


def give_up_until(now: datetime, retry_in: float) -> datetime:
    """Earliest time of the next attempt, in whole milliseconds.

    Args:
        retry_in: [s].
    """
    return now + timedelta(milliseconds=round(retry_in * 1000))


def observation_of(evaluation: Evaluation, unit: str) -> Observation | None:
    """Returns the observation of an evaluation, None while it has no result (or was cancelled)."""
    outcome = evaluation.outcome
    if evaluation.state not in _OBSERVED or outcome is None or evaluation.finished_at is None:
        return None
    proposal = evaluation.proposal
    return Observation(
        id=short_hash([evaluation.id, len(evaluation.attempts), evaluation.state.value]),
        campaign=evaluation.campaign,
        evaluation=evaluation.id,
        number=proposal.number,
        candidate=proposal.candidate,
        system=proposal.system,
        surface=proposal.surface,
        source=proposal.source,
        replicate=proposal.replicate,
        state=evaluation.state,
        value=outcome.value,
        unit=unit,
        cost=proposal.predicted_cost,
        reason=None if outcome.failure is None else outcome.failure.reason,
        quantities=outcome.quantities,
        observed_at=evaluation.finished_at,
        predicted_by=outcome.predicted_by,
        deviation=outcome.deviation,
    )


def moment_of(evaluation: Evaluation) -> datetime | None:
    """Returns when an evaluation entered its current state, as far as it is recorded."""
    attempt = evaluation.current_attempt
    if evaluation.state is EvaluationState.PROPOSED:
        return evaluation.proposed_at
    if evaluation.state is EvaluationState.SUBMITTING and attempt is not None:
        return attempt.started_at
    return evaluation.finished_at


def event_id(evaluation: Evaluation) -> str:
    """Returns the id of the event of the transition into the current state; it makes repeats idempotent."""
    attempt = evaluation.current_attempt
    return short_hash([evaluation.id, 0 if attempt is None else attempt.number, evaluation.state.value])


def event_of(evaluation: Evaluation, at: datetime) -> Event:
    """Returns the audit event of the transition into the current state."""
    attempt = evaluation.current_attempt
    number = 0 if attempt is None else attempt.number
    data: JsonDict = {
        "evaluation": evaluation.id,
        "number": evaluation.proposal.number,
        "candidate": evaluation.proposal.candidate,
        "attempt": number,
    }
    if evaluation.outcome is not None and evaluation.outcome.value is not None:
        data["value"] = evaluation.outcome.value
    failure = attempt.failure if attempt is not None else None
    if failure is not None:
        data |= {"reason": failure.reason, "message": failure.message}
    return Event(
        id=event_id(evaluation),
        campaign=evaluation.campaign,
        kind=f"evaluation.{evaluation.state.value.lower()}",
        at=at,
        data=data,
    )


def _same(stored: Outcome | None, outcome: Outcome) -> bool:
    # A NaN among the properties is unequal to itself, but prints alike.
    return stored == outcome or repr(stored) == repr(outcome)


def _is_current(evaluation: Evaluation, token: str) -> bool:
    attempt = evaluation.current_attempt
    return attempt is not None and attempt.token == token


def _may(evaluation: Evaluation, epoch: int, token: str, state: EvaluationState) -> bool:
    check_epoch(evaluation, epoch)
    return _is_current(evaluation, token) and state in ALLOWED_TRANSITIONS[evaluation.state]


def _moved(
    evaluation: Evaluation,
    epoch: int,
    state: EvaluationState,
    *,
    attempt: JsonDict | None = None,
    **fields: Outcome | datetime | int | None,
) -> Evaluation:
    attempts = evaluation.attempts
    if attempt is not None:
        attempts = (*attempts[:-1], attempts[-1].model_copy(update=attempt))
    return evaluation.model_copy(update={"state": state, "epoch": epoch, "attempts": attempts, **fields})


def _kept_aside(evaluation: Evaluation, epoch: int, token: str, outcome: Outcome) -> Evaluation:
    attempts = tuple(
        attempt.model_copy(update={"late_outcome": outcome})
        if attempt.token == token and attempt.late_outcome is None
        else attempt
        for attempt in evaluation.attempts
    )
    if attempts == evaluation.attempts:
        return evaluation
    return evaluation.model_copy(update={"attempts": attempts, "epoch": epoch})
