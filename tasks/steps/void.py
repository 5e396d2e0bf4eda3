"""Void: a stored value that is too large to be one, from a release that accepted it, becomes a failed evaluation."""

from __future__ import annotations

from tansaku.models.domain.absurd_values import believable
from tansaku.models.domain.records import Attempt, Evaluation
from tansaku.tasks.steps.audit import log_event
from tansaku.tasks.steps.context import StepContext

VOIDED = "voided"
"""Kind of the events about values that were made failures."""


def absurd_ones(context: StepContext, evaluation: Evaluation) -> list[Evaluation]:
    """Returns the evaluation if it has to be voided, else nothing."""
    spec, outcome = context.ledger.spec, evaluation.outcome
    sound = outcome is None or believable(outcome, spec.objective, spec.space) is outcome
    return [] if sound else [evaluation]


def void(context: StepContext, evaluation: Evaluation) -> None:
    """Makes an evaluation with an absurd value a failed one, from the next proposal on; the value stays with its attempt.

    The event is written first, so that a kill in between loses nothing: the next driver does both again.
    """
    spec, former = context.ledger.spec, evaluation.outcome
    if former is None:
        return
    outcome = believable(former, spec.objective, spec.space)
    number = len(evaluation.attempts) + 1
    # A refit for the next proposal may have been stored already, with the value: those after it count again.
    known_from = max(context.ledger.last_number, *(refit.at_proposal for refit in context.ledger.refits[-1:])) + 1
    said = {
        "number": evaluation.proposal.number,
        "candidate": evaluation.proposal.candidate,
        "old": former.value,
        "from_number": known_from,
        "reason": "" if outcome.failure is None else outcome.failure.message,
    }
    log_event(context, VOIDED, [evaluation.id, number], said)
    name = f"void-{evaluation.id}-{number}"
    attempt = Attempt(
        number=number,
        token=name,
        job_name=name,
        started_at=evaluation.finished_at or evaluation.proposed_at,
        known_from=known_from if evaluation.proposal.purpose == "search" else None,
    )
    stored = context.store.replace_outcome(context.lease, evaluation.id, attempt, outcome)
    context.ledger.note(stored)
    context.observer.on_outcome(stored)
