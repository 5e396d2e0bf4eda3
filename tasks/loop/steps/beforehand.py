"""Results that are known before the first proposal: each becomes that of a proposal, in the order of their computation."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from threading import Event

from tansaku.models.domain.pool import CandidatePool
from tansaku.models.domain.ports import Proposer, RefinedSpace, Space
from tansaku.models.engine.initial import Remaining
from tansaku.tasks.loop.ledger.context import Choosing, StepContext
from tansaku.tasks.loop.steps.propose import commit_unchosen
from tansaku.tasks.loop.steps.submit import submit

KNOWN_MODEL = "known"
"""Model name of proposals whose results were known before."""


def choosing_after(
    proposer: Proposer, space: Space, pool: CandidatePool, known: Iterable[str], references: int = 0
) -> Choosing:
    """Returns how candidates are chosen after references, and results that are known beforehand and count in the design.

    Args:
        proposer: Of the campaign.
        space: Of the campaign.
        pool: Its candidates before the first proposal.
        known: Candidates whose results are known beforehand.
        references: Number of evaluations of elements, which come before all.
    """
    size = proposer.initial_count(pool)
    names = list(known)
    if not names and not references:
        return Choosing(proposer, size, None)
    left = Remaining.of(space.refined(names, []) if names and isinstance(space, RefinedSpace) else pool, size, names)
    left = replace(left, known=left.known + references)
    return Choosing(proposer, left.end, left)


def adopt_beforehand(context: StepContext, halt: Event) -> bool:
    """Stores the known results that are not stored yet; a kill between any two writes leaves the rest to the next call.

    Args:
        halt: Ends it early when set.

    Returns:
        Whether there were some.
    """
    ledger, known = context.ledger, context.known
    if known is None or not known.beforehand or context.awaits_references:
        return False
    last = ledger.evaluations.get(len(context.references) + len(known.beforehand))
    if last is not None and last.candidate == next(reversed(known.beforehand)):
        return False
    stored = {evaluation.candidate for evaluation in ledger.evaluations.values() if evaluation.purpose == "search"}
    left = [candidate for candidate in known.beforehand if candidate not in stored]
    for candidate in left:
        if halt.is_set():
            break
        submit(context, commit_unchosen(context, candidate, KNOWN_MODEL, 0.0))
    return bool(left)
