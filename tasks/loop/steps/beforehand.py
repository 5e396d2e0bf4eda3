"""Results that are known before the first proposal: each becomes that of a proposal, in the order of their computation."""

from __future__ import annotations

from threading import Event

from tansaku.models.domain.pool import CandidatePool
from tansaku.models.domain.ports import Proposer, RefinedSpace, Space
from tansaku.models.engine.initial import Remaining
from tansaku.tasks.loop.ledger.context import Choosing, StepContext
from tansaku.tasks.loop.reuse.known import KnownResults
from tansaku.tasks.loop.steps.propose import commit_unchosen
from tansaku.tasks.loop.steps.submit import submit

KNOWN_MODEL = "known"
"""Model name of proposals whose results were known before."""


def choosing_after(proposer: Proposer, space: Space, pool: CandidatePool, known: KnownResults | None) -> Choosing:
    """Returns how candidates are chosen where results are known beforehand: these count as part of the initial design.

    Args:
        proposer: Of the campaign.
        space: Of the campaign.
        pool: Its candidates before the first proposal.
        known: Results that the campaign adopts.
    """
    size = proposer.initial_count(pool)
    if known is None or not known.beforehand:
        return Choosing(proposer, size, None)
    names = list(known.beforehand)
    left = Remaining.of(space.refined(names, []) if isinstance(space, RefinedSpace) else pool, size, names)
    return Choosing(proposer, left.end, left)


def adopt_beforehand(context: StepContext, halt: Event) -> bool:
    """Stores the known results that are not stored yet; a kill between any two writes leaves the rest to the next call.

    Args:
        halt: Ends it early when set.

    Returns:
        Whether there were some.
    """
    ledger, known = context.ledger, context.known
    if known is None or not known.beforehand:
        return False
    last = ledger.evaluations.get(len(known.beforehand))
    if last is not None and last.candidate == next(reversed(known.beforehand)):
        return False
    stored = {evaluation.candidate for evaluation in ledger.evaluations.values()}
    left = [candidate for candidate in known.beforehand if candidate not in stored]
    for candidate in left:
        if halt.is_set():
            break
        submit(context, commit_unchosen(context, candidate, KNOWN_MODEL, 0.0))
    return bool(left)
