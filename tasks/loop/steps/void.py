"""Void: a stored value that is an error becomes a failed evaluation, by an appended event and attempt; it stays with its own.

A value is one if it is too large (an earlier release accepted it), or if it is implausible and computing it again gave another.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from tansaku.models.domain.absurd_values import believable
from tansaku.models.domain.identifiers import jobless_name
from tansaku.models.domain.outliers import implausible
from tansaku.models.domain.records import Attempt, Evaluation, Failure, Outcome
from tansaku.models.domain.states import EvaluationState, FailureKind
from tansaku.tasks.loop.ledger.context import StepContext, log_event

VOIDED = "voided"
"""Kind of the events about values that were made failures."""

NOT_REPRODUCED = "not_reproduced"
"""Reason of an evaluation whose value was implausible, and another one when it was computed again."""


def absurd_ones(context: StepContext, evaluation: Evaluation) -> list[tuple[Evaluation, Outcome]]:
    """Returns an evaluation whose value is too large, with its outcome as a failure, or nothing."""
    spec, outcome = context.ledger.spec, evaluation.outcome
    sound = outcome if outcome is None else believable(outcome, spec.objective, spec.space)
    return [] if sound is None or sound is outcome else [(evaluation, sound)]


def void_unreproduced(context: StepContext, changed: Iterable[Evaluation] | None = None) -> None:
    """Voids the implausible values of candidates that were computed again with a plausible result.

    Args:
        changed: Evaluations that just ended; None: look at all.
    """
    if changed is not None and not any(evaluation.proposal.replicate for evaluation in changed):
        return
    entries = [entry for entry in context.ledger.search.entries if entry.value is not None]
    wrong = np.any(implausible(np.array([entry.value for entry in entries], dtype=np.float64)), axis=0).tolist()
    last = {entry.position: (entry, bad) for entry, bad in zip(entries, wrong, strict=True)}
    for entry, bad in zip(entries, wrong, strict=True):
        again, also_bad = last[entry.position]
        if not bad or also_bad:
            continue
        evaluation, unit = context.store.evaluation(context.ledger.evaluations[entry.number].id), context.rules.unit
        message = f"value: {entry.value:.6g} {unit}; computed again (proposal {again.number}) it is {again.value:.6g} {unit}"
        if evaluation.outcome is not None and evaluation.state is EvaluationState.DONE:
            failure = Failure(kind=FailureKind.SCIENCE, reason=NOT_REPRODUCED, message=message)
            void(context, evaluation, evaluation.outcome.model_copy(update={"value": None, "failure": failure}))


def void(context: StepContext, evaluation: Evaluation, outcome: Outcome) -> None:
    """Makes an evaluation a failed one, from the next proposal on.

    The event is written first, so that a kill in between loses nothing: the next driver does both again.

    Args:
        evaluation: As it is stored, with a value.
        outcome: The failure that takes the value's place.
    """
    number = len(evaluation.attempts) + 1
    # A refit for the next proposal may have been stored already, with the value: those after it count again.
    known_from = max([context.ledger.last_number, *(refit.at_proposal for refit in context.ledger.refits[-1:])]) + 1
    said = {
        "number": evaluation.proposal.number,
        "candidate": evaluation.proposal.candidate,
        "old": None if evaluation.outcome is None else evaluation.outcome.value,
        "from_number": known_from,
        "reason": "" if outcome.failure is None else outcome.failure.message,
    }
    log_event(context, VOIDED, [evaluation.id, number], said)
    name = jobless_name("void", evaluation.id, number)
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
