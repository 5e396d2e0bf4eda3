"""Collect: poll the backend, store artifacts, accept results, abandon lost attempts.

Late results of abandoned attempts.
A backend abandons a job that it can no longer reach, but which may still run: a disconnected node may return with a result.
The result is adopted if its attempt is still the current one; otherwise it is stored with its attempt, unused, and reported.
"""

from __future__ import annotations

from collections.abc import Sequence

from tansaku.models.domain.absurd_values import believable
from tansaku.models.domain.errors import DamagedResultError, NotFoundError
from tansaku.models.domain.ports import JobResult, JobStatus
from tansaku.models.domain.records import Attempt, Evaluation, Failure, JsonDict, Outcome
from tansaku.models.domain.states import DISK_FULL, EvaluationState, FailureKind, JobState
from tansaku.tasks.loop.ledger.context import StepContext, log_event
from tansaku.tasks.loop.ledger.rounds import PERMANENT
from tansaku.tasks.loop.ledger.summaries import EvaluationSummary

_UNDER_WAY = (EvaluationState.SUBMITTED, EvaluationState.RUNNING)
_BACKOFF_LIMIT = 10  # doublings

_ON_A_FULL_DISK = 10  # attempts that ended on a full disk and do not count

_LONGEST_MESSAGE = 2000


def under_way(evaluations: Sequence[Evaluation]) -> list[Evaluation]:
    """Evaluations whose job the backend knows."""
    return [evaluation for evaluation in evaluations if evaluation.state in _UNDER_WAY]


def handles_of(evaluations: Sequence[Evaluation]) -> list[JsonDict]:
    """Handles of their current attempts."""
    attempts = [evaluation.current_attempt for evaluation in evaluations]
    return [attempt.handle for attempt in attempts if attempt is not None and attempt.handle is not None]


def collect(context: StepContext) -> list[Evaluation]:
    """Polls every running job once.

    Returns:
        The evaluations that ended or were lost, as stored.

    Raises:
        TransientError: Store or backend did not answer; calling again is safe.
    """
    asked = under_way(context.ledger.active)
    if not asked:
        return []
    changed = []
    for evaluation, status in zip(asked, context.launcher.poll(handles_of(asked)), strict=True):
        stored = _look(context, evaluation, status)
        if stored is None:
            continue
        context.ledger.note(stored)
        if stored.state is not EvaluationState.RUNNING:
            context.observer.on_outcome(stored)
            changed.append(stored)
    return changed


def _look(context: StepContext, evaluation: Evaluation, status: JobStatus) -> Evaluation | None:
    attempt = evaluation.current_attempt
    if attempt is None or attempt.handle is None:
        return None
    if status.state is JobState.FINISHED:
        return _fetch(context, evaluation, attempt, attempt.handle)
    if status.state is JobState.LOST:
        reason = status.reason or "lost"
        lost = give_up(context, evaluation, attempt, Failure(kind=FailureKind.PLUMBING, reason=reason, message=status.message))
        context.launcher.discard(attempt.handle)
        return lost
    if status.state is JobState.RUNNING and evaluation.state is EvaluationState.SUBMITTED:
        return context.store.mark_running(context.lease, evaluation.id, attempt.token)
    return None


def _fetch(context: StepContext, evaluation: Evaluation, attempt: Attempt, handle: JsonDict) -> Evaluation:
    try:
        result = context.launcher.fetch(handle)
    except NotFoundError as error:
        reason = "damaged_result" if isinstance(error, DamagedResultError) else "no_result"
        failure = Failure(kind=FailureKind.PLUMBING, reason=reason, message=str(error)[:_LONGEST_MESSAGE])
        stored = give_up(context, evaluation, attempt, failure)
    else:
        stored = _settle(context, evaluation, attempt, result)
    # Only now: until the result is accepted, the job's folder is the only place that has it.
    context.launcher.discard(handle)
    return stored


def _settle(context: StepContext, evaluation: Evaluation, attempt: Attempt, result: JobResult) -> Evaluation:
    if result.token != attempt.token:
        message = f"job {attempt.job_name} holds the result of another attempt (a deleted campaign of the same name?)"
        failure = Failure(kind=FailureKind.PLUMBING, reason="foreign_result", message=message)
        return give_up(context, evaluation, attempt, failure)
    failure_found = result.outcome.failure
    if failure_found is not None and failure_found.kind is FailureKind.PLUMBING:
        return give_up(context, evaluation, attempt, failure_found)
    outcome = put_away(context, result)
    stored = context.store.accept_outcome(context.lease, evaluation.id, attempt.token, outcome)
    return stored if stored is not None else context.store.evaluation(evaluation.id)


def put_away(context: StepContext, result: JobResult) -> Outcome:
    """Stores the job's files before the outcome that names them: a kill in between leaves an orphan, never a dead link.

    The outcome then also names the plug-ins that the job does not know: those of the proposer and the launcher. Its numbers
    are looked at once more, as an earlier release may have begun the job.
    """
    spec = context.ledger.spec
    stored = {name: context.artifacts.put(result.folder / file) for name, file in sorted(result.outcome.artifacts.items())}
    outcome = believable(result.outcome.model_copy(update={"artifacts": stored}), spec.objective, spec.space)
    if outcome.provenance is None or not context.plugins:
        return outcome
    plugins = (*outcome.provenance.plugins, *context.plugins)
    return outcome.model_copy(update={"provenance": outcome.provenance.model_copy(update={"plugins": plugins})})


def give_up(context: StepContext, evaluation: Evaluation, attempt: Attempt, failure: Failure) -> Evaluation:
    """Ends an attempt without a result: LOST with a growing delay, or FAILED when trying again is no use or used up."""
    execution = context.ledger.spec.execution
    if failure.reason in PERMANENT or _counted(evaluation, failure) > execution.retries:
        return context.store.fail_evaluation(context.lease, evaluation.id, attempt.token, failure)
    delay = execution.retry_backoff * 2.0 ** min(attempt.number - 1, _BACKOFF_LIMIT)
    return context.store.mark_lost(context.lease, evaluation.id, attempt.token, failure, delay)


def _counted(evaluation: Evaluation, failure: Failure) -> int:
    """Attempts that count against ``retries``, the present one among them if ``failure`` counts.

    Those on a full disk do not, but for the last of very many: a job may need more room than the disk has when it is empty.
    """
    earlier = [attempt.failure for attempt in evaluation.attempts[:-1]]
    full = sum(item is not None and item.reason == DISK_FULL for item in [*earlier, failure])
    return len(evaluation.attempts) - min(full, _ON_A_FULL_DISK)


def cancel(context: StepContext, evaluation: Evaluation, done_as: int | None = None) -> Evaluation:
    """Ends an active evaluation permanently: its job first, so that no job runs without an evaluation.

    Args:
        evaluation: To be ended.
        done_as: Number of the evaluation that holds what was measured in its place; None: nothing was.
    """
    attempt = evaluation.current_attempt
    if attempt is not None:
        handle = attempt.handle or context.launcher.find(attempt.job_name)
        if handle is not None:
            context.launcher.cancel(handle)
            context.launcher.discard(handle)
    cancelled = context.store.cancel_evaluation(context.lease, evaluation.id, done_as)
    context.ledger.note(cancelled)
    context.observer.on_outcome(cancelled)
    return cancelled


LATE_RESULT = "late-result"
"""Kind of the events about results that came late."""


def watch(context: StepContext, evaluation: Evaluation) -> None:
    """Watches abandoned attempts for which the backend reports that a result may still come."""
    for attempt in evaluation.attempts:
        if _may_come(attempt) and context.launcher.find(attempt.job_name) is not None:
            context.ledger.given_up[attempt.token] = (evaluation.proposal.number, attempt)


def tidy(context: StepContext, evaluation: Evaluation) -> None:
    """Forgets jobs of ended attempts that a killed driver left behind; those that may bring a result are watched."""
    kept = () if evaluation.state.terminal else evaluation.attempts[-1:]
    for attempt in evaluation.attempts:
        if attempt in kept or attempt.handle is None:
            continue
        if not _may_come(attempt) or context.launcher.poll([attempt.handle])[0].state is not JobState.FINISHED:
            context.launcher.discard(attempt.handle)
    watch(context, evaluation)


def _may_come(attempt: Attempt) -> bool:
    failure = attempt.failure
    plumbing = failure is not None and failure.kind is FailureKind.PLUMBING
    return plumbing and attempt.handle is not None and attempt.late_outcome is None


def collect_late(context: StepContext) -> list[Evaluation]:
    """Polls the watched jobs once.

    Returns:
        The evaluations that a result was written to, adopted or unused, as stored.

    Raises:
        TransientError: Store or backend did not answer; calling again is safe.
    """
    changed = []
    watched = [(number, item, item.handle) for number, item in context.ledger.given_up.values() if item.handle is not None]
    statuses = context.launcher.poll([handle for _, _, handle in watched]) if watched else []
    for (number, attempt, handle), status in zip(watched, statuses, strict=True):
        if status.state is JobState.FINISHED:
            stored = _fetch_late(context, context.ledger.evaluations[number], attempt, handle)
            changed += [stored] if stored is not None else []
        if status.state is JobState.FINISHED or status.reason == "unknown_job":
            context.ledger.given_up.pop(attempt.token)
    return changed


def _fetch_late(context: StepContext, evaluation: EvaluationSummary, attempt: Attempt, handle: JsonDict) -> Evaluation | None:
    stored = None
    try:
        result = context.launcher.fetch(handle)
    except NotFoundError:
        result = None  # damaged: the attempt stays lost
    failure = None if result is None else result.outcome.failure
    if result is not None and result.token == attempt.token and (failure is None or failure.kind is FailureKind.SCIENCE):
        adopted = context.store.accept_outcome(context.lease, evaluation.id, attempt.token, put_away(context, result))
        stored = adopted if adopted is not None else context.store.evaluation(evaluation.id)
        context.ledger.note(stored)
        said = {"candidate": evaluation.candidate, "attempt": attempt.number, "adopted": adopted is not None}
        log_event(context, LATE_RESULT, [evaluation.id, attempt.number], said)
        if adopted is not None:
            context.observer.on_outcome(stored)
    context.launcher.discard(handle)
    return stored
