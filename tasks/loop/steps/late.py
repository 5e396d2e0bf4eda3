"""Late results of abandoned attempts.

A backend abandons a job that it can no longer reach, but which may still run: a disconnected node may return with a result.
The result is adopted if its attempt is still the current one; otherwise it is stored with its attempt, unused, and reported.
"""

from __future__ import annotations

from tansaku.models.domain.errors import NotFoundError
from tansaku.models.domain.records import Attempt, Evaluation, JsonDict
from tansaku.models.domain.states import FailureKind, JobState
from tansaku.tasks.loop.ledger.audit import log_event
from tansaku.tasks.loop.ledger.context import StepContext
from tansaku.tasks.loop.ledger.summaries import EvaluationSummary
from tansaku.tasks.loop.steps.collect import put_away

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
            stored = _fetch(context, context.ledger.evaluations[number], attempt, handle)
            changed += [stored] if stored is not None else []
        if status.state is JobState.FINISHED or status.reason == "unknown_job":
            context.ledger.given_up.pop(attempt.token)
    return changed


def _fetch(context: StepContext, evaluation: EvaluationSummary, attempt: Attempt, handle: JsonDict) -> Evaluation | None:
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
