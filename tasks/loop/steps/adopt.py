"""Adopt: take a result that another campaign has computed, instead of submitting a job."""

from __future__ import annotations

from tansaku.models.domain.adoption import Known
from tansaku.models.domain.records import Evaluation, Proposal
from tansaku.tasks.loop.ledger.context import StepContext


def adoptable(context: StepContext, proposal: Proposal) -> Known | None:
    """The result that a proposal adopts; None where it is to be computed: final relaxations and repeats always are."""
    if context.known is None or proposal.purpose != "search" or proposal.replicate:
        return None
    return context.known.find(proposal.candidate)


def priced_for_adoption(context: StepContext, proposal: Proposal) -> Proposal:
    """The proposal as it is committed: an adopted result costs nothing and needs no pre-screening."""
    if adoptable(context, proposal) is None:
        return proposal
    return proposal.model_copy(update={"predicted_cost": 0.0, "look": None})


def adopted(context: StepContext, evaluation: Evaluation, attempt: str) -> Evaluation | None:
    """Ends an evaluation that has begun with the result that it adopts; None where it is to be computed.

    Args:
        context: The campaign.
        evaluation: Its first attempt has begun.
        attempt: Token of that attempt.
    """
    known = adoptable(context, evaluation.proposal) if len(evaluation.attempts) == 1 else None
    if known is None or context.known is None:
        return None
    stored = context.store.accept_outcome(context.lease, evaluation.id, attempt, context.known.outcome_of(known))
    ended = stored if stored is not None else context.store.evaluation(evaluation.id)
    context.ledger.note(ended)
    context.observer.on_outcome(ended)
    return ended
