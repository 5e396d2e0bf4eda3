"""Adds candidates near the best ones to the pool, at given proposal numbers.

The pool of proposal k holds what the space draws beforehand, what was proposed before k, and neighbours of the best candidates
among the observations that k is conditioned on. Ids alone say where neighbours are, so a resume chooses from the same pool.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from tansaku.models.domain.pool import CandidatePool
from tansaku.models.domain.ports import History, RefinedSpace, Space
from tansaku.tasks.loop.ledger.context import Ledger

_MOST = 20


def refine_pool(ledger: Ledger, history: History) -> bool:
    """Gives the ledger the pool of the next proposal.

    Args:
        ledger: The driver's copy of the campaign.
        history: What the proposal is conditioned on, by positions in the ledger's pool.

    Returns:
        Whether the pool is another one: positions of the history then mean nothing any more.
    """
    if ledger.refiner is None or not len(history.observed):
        return False
    proposed = [ledger.evaluations[number] for number in sorted(ledger.evaluations)]
    candidates = [evaluation.candidate for evaluation in proposed if evaluation.purpose == "search"]
    pool = ledger.refiner.refined(list(dict.fromkeys(candidates)), incumbents(ledger.pool, history))
    if len(pool) == len(ledger.pool) and bool((pool.ids == ledger.pool.ids).all()):
        return False
    ledger.take_pool(pool)
    return True


def incumbents(pool: CandidatePool, history: History) -> list[str]:
    """The best candidates observed, the best first; of equal ones the lowest id."""
    order = np.lexsort((history.observed, history.values))[:_MOST]
    return [str(name) for name in pool.ids[history.observed[order]]]


def include_proposed(ledger: Ledger, candidates: Iterable[str]) -> None:
    """Gives a ledger without evaluations a pool that holds what a campaign has proposed."""
    if ledger.refiner is not None:
        ledger.take_pool(ledger.refiner.refined(list(dict.fromkeys(candidates)), []))


def refiner_of(space: Space) -> RefinedSpace | None:
    """Returns the space if it can add candidates near the best ones, else None."""
    return space if isinstance(space, RefinedSpace) else None
