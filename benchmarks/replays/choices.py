"""Choices of a proposer in a pool whose values are all known."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tansaku.models.domain.identifiers import proposal_rng
from tansaku.models.domain.pool import CandidatePool, FloatArray
from tansaku.models.domain.ports import History
from tansaku.models.domain.records import JsonDict
from tansaku.models.domain.specs.proposer import ProposerBase
from tansaku.models.engine.proposer_registry import build_proposer


def choices(pool: CandidatePool, values: FloatArray, spec: ProposerBase, seed: int) -> Iterator[int]:
    """Positions in the order in which they are chosen, each after the values of those before are known.

    Args:
        pool: The candidates.
        values: Of these, NaN where the evaluation failed, shape ``(n_candidates,)``.
        spec: How candidates are chosen.
        seed: Of the search.
    """
    proposer = build_proposer(spec)
    chosen: list[int] = []
    fitted: list[int] = []
    hyperparameters: JsonDict | None = None
    while len(chosen) < len(pool):
        taken = np.array(chosen, dtype=np.intp)
        good = np.isfinite(values[taken])
        history = History(observed=taken[good], values=values[taken[good]], failed=taken[~good])
        if len(chosen) >= proposer.initial_count(pool) and proposer.refit_due(int(good.sum()), fitted):
            hyperparameters = proposer.fit(pool, history, hyperparameters)
            fitted.append(int(good.sum()))
        number = len(chosen) + 1
        choice = proposer.propose(pool, history, number, proposal_rng(seed, number), hyperparameters)
        if choice is None:
            return
        chosen.append(choice.position)
        yield choice.position
