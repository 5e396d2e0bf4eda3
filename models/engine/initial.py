"""Initial designs: which candidate of each system is computed before there is a model."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

from tansaku.models.domain.pool import CandidatePool

InitialName = Literal["random", "cheapest"]


def initial_position(
    pool: CandidatePool, allowed: npt.NDArray[np.bool_], number: int, rng: np.random.Generator, design: InitialName
) -> int:
    """Candidate number ``number`` of the initial design: one per system, in the order of systems.

    Where the system has none left that may be proposed, the whole pool stands in for it.

    Args:
        pool: The pool.
        allowed: Candidates that may be proposed, at least one, shape ``(n_candidates,)``.
        number: Proposal number, counted from 1.
        rng: Random stream of this number.
        design: ``random``: uniform over the system; ``cheapest``: uniform over its cheapest candidates.
    """
    system = (number - 1) % len(pool.systems)
    members = np.flatnonzero(allowed & (pool.system_codes == system))
    if not len(members):
        members = np.flatnonzero(allowed)
    if design == "cheapest":
        members = members[pool.cost[members] == pool.cost[members].min()]
    return int(rng.choice(members))
